/** An uplink as a way for the sockets of tunnels. */
export interface Way {
  /** Interface that sockets are bound to, "" for none: then the routing table chooses. */
  readonly device: string;
  /** Mark of the sockets. */
  readonly mark: number;
  /** Whether a default route of the family leads over it. */
  readonly has4: boolean;
  readonly has6: boolean;
}
