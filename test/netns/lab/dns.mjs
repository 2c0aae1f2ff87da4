// A name server for the lab: every A question gets the address given as argument, all others none.

import { createSocket } from "node:dgram";

const PORT = 53;
const address = (process.argv[2] ?? "").split(".").map(Number);

function answerTo(question) {
  const type = question.readUInt16BE(question.length - 4);
  const record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address];
  const answer = Buffer.concat([question, Buffer.from(type === 1 ? record : [])]);
  answer.writeUInt16BE(0x8180, 2);
  answer.writeUInt16BE(type === 1 ? 1 : 0, 6);
  return answer;
}

const socket = createSocket("udp4");
socket.on("message", (question, { port, address: from }) => {
  socket.send(answerTo(question), port, from);
});
socket.bind(PORT, () => console.log("ready"));
