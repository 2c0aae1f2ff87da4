// make lab: the lab of the demo, left up until Enter or Ctrl-C.

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
  const { router } = lab.daemons;
  const client = `lab router build/adit --socket ${router.socket}`;
  return `The lab is up. In another terminal, as root, in this folder, define once:

  lab() { nsenter -t ${hostPid()} -a -w"$PWD" ip netns exec "$@"; }

  lab phone bash                                         a shell on a device
  lab phone curl -s http://${WEB.v4}/                 who am I on the internet
  lab tv curl -s 'http://[${WEB.v6}]/'          and over IPv6
  lab uplink tcpdump -ni w0 not tcp port 443             what leaves outside the tunnels
  lab us sh -c 'kill -9 $(ip netns pids us)'             kill a gateway
  lab router tail -f ${router.log}       the daemon's log

  adit() { ${client} "$@"; }

  adit status; adit devices; adit explain 192.168.1.10; adit plan
  adit protect ${macOf("phone")} de                   move the phone
  adit events                                            watch it decide

Enter or Ctrl-C ends it; nothing is left behind.`;
}

function nextLine() {
  return new Promise((resolve) => {
    process.stdin.once("data", resolve);
    process.stdin.once("end", resolve);
  });
}
