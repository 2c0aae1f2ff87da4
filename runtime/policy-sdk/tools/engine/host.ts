/** The one door from the engine to the tool around it: JSON each way. */

export type HostMessage =
  | { readonly type: "test"; readonly suite: string; readonly name: string }
  | { readonly type: "passed" | "skipped"; readonly suite: string; readonly name: string }
  | {
    readonly type: "failed"; readonly suite: string; readonly name: string;
    readonly message: string; readonly details: string; readonly stack: string;
  }
  | { readonly type: "print"; readonly text: string }
  | { readonly type: "result"; readonly result: unknown }
  /** A call of the policy begins: from here on its time limit holds. */
  | { readonly type: "enter" }
  | { readonly type: "leave" };

interface Door {
  readonly aditTell?: (message: string) => void;
}

/** Tells the tool something; outside of the tools' engine it is lost. */
export function tell(message: HostMessage): void {
  (globalThis as Door).aditTell?.(JSON.stringify(message));
}

/** Runs a call of the policy within its time limit. */
export function withinLimit<T>(call: () => T): T {
  tell({ type: "enter" });
  try {
    return call();
  } finally {
    tell({ type: "leave" });
  }
}
