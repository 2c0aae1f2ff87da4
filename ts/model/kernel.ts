/** Numbers of the kernel's interfaces and how ours are told from others'; see ARCHITECTURE.md. */

/** Protocol number of our routes and rules: what carries it is ours, nothing else is. */
export const protocolOurs = 173;
export const tableMain = 254;

export const priorityMin = 8;
export const priorityMax = 255;
/** Our own tunnel sockets, and devices that a rule sends past every tunnel. */
export const priorityOwn = 8;
/** Destinations that a policy script sends past all tunnels. */
export const priorityBypass = 9;
/** The documented rule of the router SDK. */
export const priorityMarked = 10;
/** What the router itself says with the TUN's address. */
export const priorityQuote = 11;
/** What else the router itself sends, before every rule on a source. */
export const priorityLocal = 12;
/** Addresses that the neighbour table gives for a MAC. */
export const priorityMac = 13;
/** Other addresses of devices that have one of a rule, unless a longer prefix decides for them. */
export const priorityWhole = 14;
/** Plus the number of host bits: the longest prefix comes first. */
export const priorityAddress = 20;
export const priorityIface = 200;
/** Rules that are asked after all others: addresses of devices, then interfaces. */
export const priorityLate = 205;
/** Where what is under no rule on a source goes on. */
export const priorityPast = 209;
export const priorityDefault = 210;

/** The documented bit of the packet mark. */
export const markDocumented = 0x8;
/** Behind it stand the uplinks, by their rank. */
export const markIndexUplinks = 118;
/** Location index that stands for: past every tunnel. */
export const markIndexOwn = 127;

/** FR_ACT_ of linux/fib_rules.h: look at a table, go on with another rule, do nothing, refuse. */
export const actionTable = 1;
export const actionGoto = 2;
export const actionNothing = 3;
export const actionUnreachable = 7;
/** RTPROT_KERNEL of linux/rtnetlink.h: routes that come with an address. */
export const protocolKernel = 2;
/** IFA_F_PERMANENT of linux/if_addr.h: an address without an end. */
export const addressPermanent = 0x80;
/** RTN_ of linux/rtnetlink.h. */
export const routeUnicast = 1;
export const routeBlackhole = 6;
export const routeUnreachable = 7;
/** RT_SCOPE_ of linux/rtnetlink.h. */
export const scopeUniverse = 0;
export const scopeLink = 253;
export const metricOurs = 1_000;
export const metricLast = 4_294_967_295;
/** IFF_ of linux/if.h. */
export const flagUp = 1;
export const flagPointToPoint = 0x10;
export const flagNoArp = 0x80;

/** NUD_REACHABLE, NUD_STALE, NUD_DELAY, NUD_PROBE, NUD_PERMANENT of linux/neighbour.h. */
export const neighbourValid = 0x02 | 0x04 | 0x08 | 0x10 | 0x80;

export const any4 = "0.0.0.0/0";
export const any6 = "::/0";
