/** What a kernel has only as long as there is power. */
import { ours } from "./constants.js";
import type { Machine } from "./machine.js";
import { TUN } from "./topology.js";

/** Takes away what a boot would not bring; `sysctls` are the settings of a boot. */
export function wipeKernel({ kernel }: Machine, sysctls: string): void {
  for (const list of [kernel.rules, kernel.routes] as { protocol: number }[][]) {
    const foreign = list.filter(({ protocol }) => protocol !== ours.PROTOCOL);
    list.splice(0, list.length, ...foreign);
  }
  kernel.version++;
  kernel.firewall.table = undefined;
  kernel.flows.splice(0);
  for (const line of sysctls.split("\n")) {
    const [key = "", value = ""] = line.split(" ");
    kernel.sysctls.set(key, value);
  }
}

/** Settings of interfaces that stay; those of the TUN go with it. */
export function sysctlText(machine: Machine): string {
  const lines = [...machine.kernel.sysctls].map(([key, value]) => `${key} ${value}`);
  return lines.filter((line) => !line.includes(`/${TUN}/`)).sort().join("\n");
}
