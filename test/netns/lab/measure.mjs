// Throughput of a device towards the internet host.

import { nsAsync, nsStart, nsTry, stop, waitFor } from "./sh.mjs";
import { WEB } from "./topology.mjs";

const READY_MS_MAX = 3000;
const BITS_PER_MBIT = 1e6;

/** Runs `body` while an iperf3 server listens on the internet host. */
export async function withThroughputServer(body) {
  const server = nsStart("internet", ["iperf3", "-s"]);
  try {
    await waitFor("iperf3 to listen", READY_MS_MAX,
      () => nsTry("internet", "ss -Hltn sport = :5201").stdout !== "");
    return await body();
  } finally {
    await stop(server, "SIGKILL");
  }
}

/** Mbit/s of one TCP stream from a device, with `-R` to it; 0 when it could not connect. */
export async function throughput(device, seconds = 1, options = []) {
  const { stdout } = await nsAsync(device, ["iperf3", "-c", WEB.v4, "-t", String(seconds), "-J",
    "--connect-timeout", "1000", ...options]);
  const start = stdout.indexOf("{");
  if (start < 0) return 0;
  const result = JSON.parse(stdout.slice(start));
  return Math.round((result.end?.sum_received?.bits_per_second ?? 0) / BITS_PER_MBIT);
}
