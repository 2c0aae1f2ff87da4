/**
 * What this build has. Rollup puts other values in for `make FEATURES=…` and leaves out whatever
 * only they lead to; Config.in of the OpenWrt package and c/features.h know the same names.
 */
export const hasGateway = true as boolean;
