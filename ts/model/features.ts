/**
 * What this build has. Rollup puts other values in (scripts/bundle.mjs) and leaves out what only
 * they lead to; c/build_features.h is the same choice for the mover.
 */
export const hasGateway = true as boolean;
