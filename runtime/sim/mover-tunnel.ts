/** Commands on the TUN, the forward table, sessions and listeners. */
import { errno } from "./constants.js";
import { isInterfaceName } from "./mover-checks.js";
import type { Handlers, Mover } from "./mover.js";
import { result } from "./mover.js";
import type { Session } from "./tunnels.js";
import { sessionState } from "./tunnels.js";

/** TUN_F_CSUM, TSO4, TSO6, TSO_ECN, USO4, USO6 of linux/if_tun.h. */
const OFFLOAD_BITS = 0x1 | 0x2 | 0x4 | 0x20 | 0x40;

export const tunnelHandlers: Handlers = {
  tun_open(mover, message) {
    const { tunnels } = mover;
    if (isInterfaceName(message.name)) tunnels.wanted = message.name;
    if (tunnels.tunName !== "" && !tunnels.isHere()) tunnels.closeTun();
    const error = tunError(mover, message.name);
    const taken = mover.kernel.linkNamed(message.name);
    if (error !== 0 && mover.trustsNames && taken !== undefined) {
      const { index } = taken;
      return { message: { type: "tun_opened", error: 0, index, offload: 0, text: "" } };
    }
    if (error !== 0) {
      const text = `cannot open ${message.name}`;
      return { message: { type: "tun_opened", error, index: 0, offload: 0, text } };
    }
    if (tunnels.tunName === "") tunnels.openTun(message.name);
    const offload = message.offload ? OFFLOAD_BITS : 0;
    const index = tunnels.tunIndex;
    return { message: { type: "tun_opened", error: 0, index, offload, text: "" } };
  },

  tun_close(mover) {
    if (mover.tunnels.tunName !== "") mover.tunnels.closeTun();
    return result(0);
  },

  forward_set(mover, message) {
    if (message.entries.some((entry) => entry.slot === 0)) return result(-errno.EINVAL, "slot 0");
    mover.tunnels.byDestination = message.byDestination;
    mover.tunnels.hairpin = message.hairpin;
    mover.tunnels.forward = message.entries;
    return result(0);
  },

  session_open(mover, message) {
    const proof = message.pins.length > 0 || message.caFile !== "";
    if (message.slot === 0 || message.port === 0 || message.peer === "" || !proof) {
      return { message: { type: "session_opened", error: -errno.EINVAL, session: 0 } };
    }
    const session = mover.tunnels.dial(mover.bind(message), message, message.greeting);
    return { message: { type: "session_opened", error: 0, session: session.number } };
  },

  session_close(mover, message) {
    const session = mover.tunnels.sessions.get(message.session);
    if (session === undefined) return unknownSession(message.session);
    later(mover, () => mover.tunnels.close(session, `local: ${message.reason}`));
    return result(0);
  },

  session_start(mover, message) {
    const session = mover.tunnels.sessions.get(message.session);
    if (session === undefined) return unknownSession(message.session);
    if (message.slot === 0 || session.state !== sessionState.GREETING) return result(-errno.EINVAL);
    const { slot, name, memo, control } = message;
    later(mover, () => startIfOpen(mover, session, slot, name, memo, control));
    return result(0);
  },

  session_send(mover, message) {
    const session = mover.tunnels.sessions.get(message.session);
    if (session?.wire === undefined) return unknownSession(message.session);
    session.wire.send(session.side, message.data);
    return result(0);
  },

  listen(mover, message) {
    const { tunnels, parts } = mover;
    if (message.port === 0 || message.addr === "") return result(-errno.EINVAL, "address");
    for (const path of [message.certFile, message.keyFile]) {
      const file = parts.files.read(path);
      if (typeof file === "number") return result(file, path);
    }
    if (tunnels.listeners.has(`${message.addr} ${message.port}`)) return result(0);
    if (parts.network.isListening(parts.name, message.port)) return result(-errno.EADDRINUSE);
    tunnels.listen(message.addr, message.port, message);
    return result(0);
  },

  unlisten(mover, message) {
    const known = mover.tunnels.listeners.has(`${message.addr} ${message.port}`);
    mover.tunnels.unlisten(message.addr, message.port);
    return result(known ? 0 : -errno.ENOENT);
  },

  stats_get(mover) {
    return { message: mover.tunnels.stats() };
  },
};

/** What follows from a command is told after its answer. */
function later(mover: Mover, run: () => void): void {
  mover.parts.clock.after(0, run);
}

function startIfOpen(
  mover: Mover,
  session: Session,
  slot: number,
  name: string,
  memo: Uint8Array,
  control: Uint8Array,
): void {
  if (mover.tunnels.sessions.has(session.number)) {
    mover.tunnels.start(session, slot, name, memo, control);
  }
}

function unknownSession(number: number): { message: ReturnType<typeof result>["message"] } {
  return result(-errno.ENOENT, `no session ${number}`);
}

function tunError(mover: Mover, name: string): number {
  if (!isInterfaceName(name)) return -errno.EINVAL;
  if (mover.tunnels.tunName === name) return 0;
  if (mover.tunnels.tunName !== "") return -errno.EBUSY;
  return mover.kernel.linkNamed(name) === undefined ? 0 : -errno.EBUSY;
}
