// Stand-in for usign: SIGNATURE FILE, judged by /etc/opkg/publisher.pub.

import { createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

const payload = (file) => Buffer.from(readFileSync(file, "utf8").split("\n")[1] ?? "", "base64");
const [signature, key] = [process.argv[2], "/etc/opkg/publisher.pub"].map(payload);
const raw = createPublicKey({ format: "jwk",
  key: { kty: "OKP", crv: "Ed25519", x: key.subarray(10).toString("base64url") } });
const file = readFileSync(process.argv[3]);
// opkg keeps lists packed; what is signed is the list.
const list = file[0] === 0x1f ? gunzipSync(file) : file;
const isGood = signature.subarray(0, 10).equals(key.subarray(0, 10))
  && verify(null, list, raw, signature.subarray(10));
process.exitCode = isGood ? 0 : 1;
