/**
 * Children's devices: a filtering gateway by day, nothing at bedtime, later on Fridays, Saturdays
 * and in the holidays.
 */
import { block, byMac, definePolicy, during, schedule, via } from "adit:policy";

interface Vars {
  /** MACs of the children's devices; a child can change a name, but hardly a MAC. */
  readonly kids: readonly string[];
  /** Days without school, as month and day: `07-20`. */
  readonly holidays?: readonly string[];
}

const filtered = via("filter", { whenDown: "block", why: "filtered" });
const bedtime = block({ why: "bedtime" });

const schoolTime = schedule({
  "sun-thu 20:30-06:30": bedtime,
  "fri,sat 22:00-07:30": bedtime,
}, filtered);

const holidayTime = schedule({ "23:00-07:30": bedtime }, filtered);

export default definePolicy<Vars>({
  version: 1,
  route(device, { now, vars }) {
    if (!byMac(device, ...vars.kids)) return undefined;
    const two = (value: number): string => String(value).padStart(2, "0");
    const today = `${two(now.month)}-${two(now.day)}`;
    // The night before a free day is long as well, but this is about days, which is simpler.
    const isFree = (vars.holidays ?? []).includes(today) && !during(now, "00:00-07:30");
    return isFree ? holidayTime : schoolTime;
  },
});
