// Answers every TCP connection on a port with one line; says when it listens.

import { createServer } from "node:net";

createServer((socket) => {
  socket.on("error", () => {});
  socket.end("hello\n");
}).listen(Number(process.argv[2]), "::", () => console.log("ready"));
