/** Every bound of the control logic, by name. The mover has its own bounds in C. */

/** Locations of one router: the mark's indexes beyond are uplinks and our own sockets. */
export const locationsMax = 118;
export const peersPerLocationMax = 16;
export const pinsPerPeerMax = 8;
/** Names and patterns of uplinks; and as many of them carry tunnels and answers. */
export const uplinksMax = 8;
/** Interfaces that are remembered as uplinks because a default route led over them. */
export const learnedUplinksMax = 64;
/** Routes of others to networks beside the uplinks that are kept in use. */
export const reachRoutesMax = 256;
/**
 * Rules by MAC, address and interface together. Twice as many by interface, which cost most, still
 * fit into the decider's heap, and it needs that room while it changes from one set to another.
 */
export const rulesMax = 2_000;
/** Keys that may sign policy scripts. */
export const publicKeysMax = 8;
/** JSON text of the variables that a policy script sees. */
export const policyVarsBytesMax = 65_536;
/** Probation of a script that was swapped in. */
export const confirmSecondsMin = 5;
export const confirmSecondsMax = 3_600;
export const clientsMax = 500;
export const listenersMax = 8;
/** Entries of the neighbour table that are kept; the oldest in arrival order go first. */
export const neighboursMax = 8_192;
/** Operations of one plan that are sent to the mover before the first answer is awaited. */
export const operationsInFlightMax = 64;
/** Devices that are covered whole because they have an address of a rule. */
export const wholeDevicesMax = 2_000;
/** Sentences about known limits that a router touches. */
export const weakSpotsMax = 16;
export const configBytesMax = 1_048_576;

/** Back-off between two attempts on one tunnel. */
export const redialDelayMsMin = 500;
export const redialDelayMsMax = 30_000;
/**
 * Back-off of a router whose session gave way to another one of the same token: two that answered
 * at once would evict each other several times a second.
 */
export const evictedDelayMsMin = 5_000;
export const evictedDelayMsMax = 60_000;
/** Back-off between two plans after an operation failed. */
export const replanDelayMsMin = 100;
export const replanDelayMsMax = 10_000;
/** TCP, TLS and welcome together. */
export const connectMsMax = 10_000;
export const keepaliveMs = 15_000;
/** The same where a tunnel has several uplinks to choose from: four of them are silence. */
export const keepaliveChoiceMs = 2_500;
/** A location counts as down when it was not up for this long, so that a redial is no failure. */
export const downAfterMs = 3_000;

export const httpConnectionsMax = 16;
/** Readers of events; the other connections are kept for requests. */
export const httpStreamsMax = 8;
/** Answers that wait for their readers, all together; above it nothing more is asked for. */
export const httpWaitingBytesMax = 2_097_152;
export const httpHeaderBytesMax = 4_096;
export const httpBodyBytesMax = 65_536;
/** A script or control module of 512 KiB, with what JSON adds to it. */
export const httpScriptBodyBytesMax = 786_432;
export const httpRequestMsMax = 5_000;
/** Bytes that may wait for a slow reader of the event stream before it is dropped. */
export const httpBacklogBytesMax = 262_144;
export const eventHistoryMax = 64;
/** Addresses of one MAC that get a routing rule of their own. */
export const addressesPerMacMax = 32;
/** Rows about flows that the mover takes; with more of them every flow is forgotten instead. */
export const flowRowsMax = 16_384;
export const flowAsideMax = 256;
/** Addresses that are given up and may still be those of flows. */
export const flowTunnelsMax = 256;
/**
 * Routes of the main table that are copied for traffic past the tunnels in default-gateway mode.
 */
export const copiedRoutesMax = 256;
/** Rows of the mover's forward table. */
export const forwardEntriesMax = 2_048;
/** Former names that are remembered of one interface. */
export const formerNamesMax = 8;
