/**
 * An office with three gateways: workplaces are spread evenly and keep their gateway, telephones
 * follow the shortest way, servers have an address that partners know, printers stay inside.
 */
import {
  balance, block, definePolicy, fastest, inPrefix, sticky, vendor, via,
} from "adit:policy";

const partners = via("fra1", { whenDown: "block", why: "partners know this address" });
const voice = via(sticky(fastest("fra1", "fra2", "ams1")));

export default definePolicy({
  version: 1,
  route(device) {
    if (inPrefix(device, "10.1.10.0/24", "fd00:1:10::/64")) return partners;
    if (inPrefix(device, "10.1.30.0/24")) return block({ why: "printers stay inside" });
    if (vendor(device, "00:04:13", "80:5e:c0")) return voice;
    // fra1 is twice the machine, so it stands twice.
    return via(balance(device, "fra1", "fra1", "fra2", "ams1"));
  },
});
