/** Commands on files and on descriptors that are handed to the decider. */
import { errno } from "./constants.js";
import type { Handlers } from "./mover.js";
import { refusalOf, result } from "./mover.js";

const PART_BYTES_MAX = 49_152;
const WRITE_BYTES_MAX = 524_288;
const PORT_MIN = 1_024;

export const fileHandlers: Handlers = {
  file_read(mover, message) {
    const file = mover.parts.files.read(message.path);
    if (typeof file === "number") {
      return { message: refusalOf(message, file) };
    }
    const data = file.data.slice(message.offset, message.offset + PART_BYTES_MAX);
    const facts = { total: file.data.length, mode: file.mode, owner: 0 };
    return { message: { type: "file_data", error: 0, ...facts, data } };
  },

  file_write(mover, message) {
    const { path, offset, last, mode } = message;
    if (!mover.parts.files.mayWrite(path)) return result(-errno.EPERM);
    if (offset + message.data.length > WRITE_BYTES_MAX) return result(-errno.EFBIG);
    if (offset === 0 && last) return result(mover.parts.files.write(path, message.data, mode));
    const held = offset === 0 ? { path, data: new Uint8Array(0) } : mover.pendingFile;
    if (held?.path !== path || held.data.length !== offset) return result(-errno.EINVAL);
    const data = Buffer.concat([held.data, message.data]);
    mover.pendingFile = last ? undefined : { path, data };
    return result(last ? mover.parts.files.write(path, data, mode) : 0);
  },

  file_remove(mover, message) {
    // A socket may stand wherever the configuration says.
    if (mover.sockets.delete(message.path)) {
      mover.parts.descriptors.unlink(message.path);
      return result(0);
    }
    return result(mover.parts.files.remove(message.path));
  },

  listen_unix(mover, message) {
    if (!mover.parts.files.mayListen(message.path)) return result(-errno.EPERM, message.path);
    const fd = mover.parts.descriptors.listenUnix(message.path);
    if (fd < 0) return result(fd, `${message.path} is in use`);
    mover.sockets.add(message.path);
    return { ...result(0), fd };
  },

  listen_tcp(mover, message) {
    if (message.port < PORT_MIN) return result(-errno.EINVAL, `port ${message.port}`);
    const fd = mover.parts.descriptors.listenUnix(`${message.addr} ${message.port}`);
    return fd < 0 ? result(fd) : { ...result(0), fd };
  },

  connect_udp(mover, message) {
    if (message.port !== 53 && message.port !== 123) return result(-errno.EINVAL);
    return { ...result(0), fd: mover.parts.descriptors.connectUdp(message.addr) };
  },
};
