// The host on the "internet": answers every HTTP request with the source address that it saw.

import { createServer } from "node:http";

const PORT = 80;

createServer((request, response) => {
  const address = request.socket.remoteAddress ?? "";
  response.writeHead(200, { "content-type": "text/plain", connection: "close" });
  response.end(`${address.replace(/^::ffff:/, "")}\n`);
}).listen(PORT, "::", () => console.log("ready"));
