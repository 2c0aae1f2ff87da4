/**
 * A laptop from work: through the office's gateway in office hours, like any other device after
 * work. It counts as the laptop only if name and MAC agree, because anybody can claim a name.
 */
import { block, byMac, byName, definePolicy, during, firstUp, via } from "adit:policy";

interface Vars {
  readonly workMacs: readonly string[];
  /** By default weekdays from eight to six. */
  readonly officeHours?: string;
}

const home = via(firstUp("de", "nl"), { whenDown: "direct" });

export default definePolicy<Vars>({
  version: 1,
  route(device, { now, vars }) {
    if (!byName(device, "work-*")) return home;
    if (!byMac(device, ...vars.workMacs)) return block({ why: "claims to be a work laptop" });
    if (!during(now, vars.officeHours ?? "weekdays 08:00-18:00")) return home;
    // Work does not leave the house in clear, and not through a gateway that is not the office's.
    return via("office", { whenDown: "block", why: "office hours" });
  },
});
