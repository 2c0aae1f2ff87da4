/* What this build has: all of it unless the compiler is told otherwise (ROUTER_ONLY in the
 * Makefile). Its modules are bundled with the same choice, see ts/model/features.ts. */
#ifndef ADIT_BUILD_FEATURES_H
#define ADIT_BUILD_FEATURES_H

/* Listening for tunnels, and making the key and certificate that it needs. */
#ifndef ADIT_HAS_GATEWAY
#define ADIT_HAS_GATEWAY 1
#endif

#endif
