// What both bundles, adit's and the policy prelude's, ask of rollup and terser.
//
// terser does the minifying: it is plain JavaScript and so runs wherever Node does, while the
// faster minifiers are native programs that would have to exist for every build machine.
import terser from "@rollup/plugin-terser";

/**
 * Names are left to the steps around it. The two assumptions hold for our own code: no function
 * is called with `new` unless it is a class, and no property has a getter with an effect that
 * anybody relies on. The option `unsafe` is not for us: with it, terser takes the members of an
 * object that a function returns for constants.
 */
export const minifier = terser({
  ecma: 2020,
  module: true,
  compress: { passes: 4, unsafe_arrows: true, pure_getters: true },
  mangle: false,
  format: { comments: false },
});

/** A warning about the module graph is a mistake in it: cycles, unresolved names end the build. */
export function onwarn(warning) {
  throw new Error(`rollup: ${warning.code ?? "warning"}: ${warning.message}`);
}
