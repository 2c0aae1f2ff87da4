// make lab: the lab of the demo, left up until Enter or Ctrl-C.

import { dirname } from "node:path";
import { startAll, makeLab } from "./lab/lab.mjs";
import { PICTURE } from "./lab/picture.mjs";
import { hostPid, runSandboxed } from "./lab/sandbox.mjs";
import { WEB, macOf } from "./lab/topology.mjs";

await runSandboxed(import.meta.url, async () => {
  console.log(PICTURE);
  const lab = await makeLab();
  await startAll(lab);
  console.log(howTo(lab));
  await nextLine();
  return 0;
});

function howTo(lab) {
  const { router, us } = lab.daemons;
  const client = `lab router build/adit --socket ${router.socket}`;
  return `The lab is up. In another terminal, as root, in this folder, define once:

  lab() { nsenter -t ${hostPid()} -a -w"$PWD" ip netns exec "$@"; }

${aligned([
    ["lab phone bash", "a shell on a device"],
    [`lab phone curl -s http://${WEB.v4}/`, "who am I on the internet"],
    [`lab tv curl -s 'http://[${WEB.v6}]/'`, "and over IPv6"],
    ["lab uplink tcpdump -ni w0 not tcp port 443", "what leaves outside the tunnels"],
    [`lab us kill -9 ${us.child.pid}`, "kill a gateway"],
    [`lab us build/aditd -c ${us.file} --run-dir ${dirname(us.socket)} &`, "start it again"],
    [`lab router tail -f ${router.log}`, "the daemon's log"],
  ])}

  adit() { ${client} "$@"; }

${aligned([
    ["adit status; adit devices; adit explain 192.168.1.10; adit plan", ""],
    [`adit protect ${macOf("phone")} de`, "move the phone"],
    ["adit events", "watch it decide"],
  ])}

Enter or Ctrl-C ends it; nothing is left behind.`;
}

/** Commands, and what they show, in two columns. */
function aligned(rows) {
  const width = Math.max(...rows.map(([command, what]) => (what === "" ? 0 : command.length)));
  return rows.map(([command, what]) => `  ${`${command.padEnd(width)}  ${what}`.trimEnd()}`)
    .join("\n");
}

function nextLine() {
  return new Promise((resolve) => {
    process.stdin.once("data", resolve);
    process.stdin.once("end", resolve);
  });
}
