// What patterns know of Unicode: categories of characters, but not the scripts of writing.

"use strict";

function problemOf(pattern) {
  try {
    return String(new RegExp(pattern, "u").test("\u00c4rger"));
  } catch (error) {
    return error.name;
  }
}

for (const pattern of ["^\\p{Lu}\\p{L}*$",
  "\\p{Alphabetic}", "\\p{Script=Greek}", "\\p{scx=Latin}"]) {
  print(`${pattern} ${problemOf(pattern)}`);
}
