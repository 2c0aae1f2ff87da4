import type { Ip } from "./ip.js";

/** What a gateway gave a client; the slot is the lease's number. */
export interface Lease {
  readonly client: string;
  readonly slot: number;
  /** "" for none. */
  readonly addr4: Ip;
  readonly addr6: Ip;
}
