/**
 * Events for people and programs: the documented ones of spec/router-sdk.md and ours beside them.
 */
export type AditEvent =
  | { readonly event: "ready" }
  /** A decider died; everything from here on is told by its successor. */
  | { readonly event: "restarted"; readonly reason_details: string }
  | { readonly event: "route_connected"; readonly route_name: string }
  | { readonly event: "route_disconnected"; readonly route_name: string }
  | {
      readonly event: "route_failed";
      readonly route_name: string;
      readonly reason_details: string;
    }
  | { readonly event: "invalid_auth"; readonly route_name: string }
  | {
      readonly event: "device_moved";
      readonly device: string;
      readonly from: string;
      readonly to: string;
      readonly why: string;
    }
  | { readonly event: "policy_failed"; readonly reason_details: string }
  | { readonly event: "policy_notify"; readonly text: string }
  | {
      readonly event: "policy_swap";
      readonly module: "policy" | "control";
      readonly action: string;
      readonly slot: string;
      readonly why: string;
    }
  | { readonly event: "repaired"; readonly operations: number; readonly what: string }
  | { readonly event: "client_connected"; readonly client: string; readonly address: string }
  | { readonly event: "client_disconnected"; readonly client: string; readonly reason: string };
