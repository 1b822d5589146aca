// A service of somebody's that is told of events: it answers as it is told to, and keeps what came.

import { once } from "node:events";
import { createServer } from "node:http";

export class Receiver {
  #server;
  status = 204;
  got = [];

  static async start() {
    const receiver = new Receiver();
    receiver.#server = createServer(async (request, response) => {
      const pieces = [];
      for await (const piece of request) pieces.push(piece);
      receiver.got.push({ headers: request.headers, body: Buffer.concat(pieces).toString() });
      response.writeHead(receiver.status).end();
    });
    receiver.#server.listen(0, "127.0.0.1");
    await once(receiver.#server, "listening");
    return receiver;
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}/events`;
  }

  stop() {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
