/** Certificates of listeners: read again now and then, because somebody renews them. */
import { asResult, request } from "../host/channel.js";
import { answerText } from "../host/errno.js";
import { operationMessage } from "../host/execute.js";
import { readFile } from "../host/transfer.js";
import { isExpiring, expiryText } from "../config/machine.js";
import type { GatewayConfig } from "../model/config.js";
import { listenerOf } from "../policy/gateway.js";
import { listenerKey } from "../reconcile/kinds/listener.js";
import { daysLeft } from "./certificate.js";
import type { Core } from "./core.js";
import { afterMs } from "./core.js";

/** A renewed certificate is served after so long, or after a reload. */
const lookMs = 3_600_000;

/** The mover takes files that are whole for new connections, and keeps what it has otherwise. */
export function lookAtCertificates(core: Core): void {
  const { config, daysLeft: days } = core;
  if (config?.role !== "gateway" || core.stopping) return;
  days.clear();
  for (const row of config.listen) lookAt(core, row);
  afterMs(core, "certificates", lookMs, "read certificates again", () => {
    lookAtCertificates(core);
  });
}

function lookAt(core: Core, row: GatewayConfig["listen"][number]): void {
  const { cert } = row;
  const listener = listenerOf(row);
  if (core.store.listeners.has(listenerKey(listener))) {
    const message = operationMessage({ kind: "listen", remove: false, listener });
    request(core.channel, message, (answer) => {
      const { error, text } = asResult(answer);
      const why = answerText(error, text);
      if (error === 0) core.log.forget(`cert ${cert}`);
      else core.log.writeOnce("warning", `cert ${cert} ${why}`, `${cert} is not taken: ${why}`);
    });
  }
  readFile(core.channel, cert, (content) => {
    if (!(content instanceof Uint8Array)) return;
    const left = daysLeft(core.native.utf8Decode(content) ?? "", core.native.wallMs());
    if (left === undefined) return;
    core.daysLeft.set(cert, left);
    if (!isExpiring(left)) return;
    core.log.writeOnce("warning", `days ${cert} ${left}`, `${cert}: ${expiryText(left)}`);
  });
}
