// Rules of docs/protocol.md about frames on a started connection, for both roles: each row is what
// one side sends, and whether the other side must end the connection without an answer.

import { TYPE, control, frame, keepalive } from "./wire.mjs";

const bytes = (size) => Buffer.alloc(size);
const ENDS = true;
const STAYS = false;

export const frameRows = [
  ["type 0", frame(0, bytes(20)), ENDS],
  ["type 7", frame(7, bytes(20)), ENDS],
  ["type 255", frame(255, bytes(20)), ENDS],
  ["a packet of 19 bytes", frame(TYPE.packet, bytes(19)), ENDS],
  ["a packet of 20 bytes of nonsense", frame(TYPE.packet, bytes(20)), STAYS],
  ["a packet of 65,576 bytes", frame(TYPE.packet, bytes(0), { length: 65_576 }), ENDS],
  ["a packet of 65,575 bytes", frame(TYPE.packet, bytes(65_575)), STAYS],
  ["a packet with segment size", frame(TYPE.packet, bytes(20), { segment: 1 }), ENDS],
  ["a packet with flag bit 0", frame(TYPE.packet, bytes(20), { flags: 1 }), STAYS],
  ["a packet with flag bit 1", frame(TYPE.packet, bytes(20), { flags: 2 }), ENDS],
  ["a packet with flag bit 7", frame(TYPE.packet, bytes(20), { flags: 129 }), ENDS],
  ["segments without flag", frame(TYPE.segments, bytes(100), { segment: 32 }), ENDS],
  ["segments of 31", frame(TYPE.segments, bytes(100), { flags: 1, segment: 31 }), ENDS],
  ["segments of 32", frame(TYPE.segments, bytes(100), { flags: 1, segment: 32 }), STAYS],
  ["segments in 27 bytes", frame(TYPE.segments, bytes(27), { flags: 1, segment: 32 }), ENDS],
  ["segments of 65,535", frame(TYPE.segments, bytes(28), { flags: 1, segment: 65_535 }), STAYS],
  ["a keepalive of 7 bytes", frame(TYPE.keepalive, bytes(7)), ENDS],
  ["a keepalive of 9 bytes", frame(TYPE.keepalive, bytes(9)), ENDS],
  ["a keepalive with a flag", frame(TYPE.keepalive, bytes(8), { flags: 1 }), ENDS],
  ["a keepalive with segment size", frame(TYPE.keepalive, bytes(8), { segment: 32 }), ENDS],
  ["an answer to nothing", frame(TYPE.answer, bytes(8)), STAYS],
  ["an answer of 7 bytes", frame(TYPE.answer, bytes(7)), ENDS],
  ["control of 1 byte", frame(TYPE.control, bytes(1)), ENDS],
  ["control of 2 bytes", control("{}"), STAYS],
  ["control of 4,096 bytes", frame(TYPE.control, Buffer.alloc(4_096, " ")), STAYS],
  ["control of 4,097 bytes", frame(TYPE.control, Buffer.alloc(4_097, " ")), ENDS],
  ["control that is no JSON", control("}{"), STAYS],
  ["16 control frames at once", Buffer.concat(Array(16).fill(control("{}"))), STAYS],
  ["40 control frames at once", Buffer.concat(Array(40).fill(control("{}"))), ENDS],
  ["a close frame of 0 bytes", frame(TYPE.close), ENDS],
  ["a close frame of 128 bytes", frame(TYPE.close, Buffer.alloc(128, "x")), ENDS],
  ["a close frame of 129 bytes", frame(TYPE.close, Buffer.alloc(129, "x")), ENDS],
  ["300 keepalives at once", Buffer.concat(Array.from({ length: 300 }, () => keepalive())), STAYS],
  ["a frame of 4 GiB", frame(TYPE.packet, bytes(0), { length: 0xffffffff }), ENDS],
];
