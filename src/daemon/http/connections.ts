import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';

type Socket = IncomingMessage['socket'];

/** The maximum number of connections to a loopback port, by any user of this host: a browser needs six. */
const LOOPBACK_CONNECTIONS_MAX = 128;
/** A client that connects to a loopback port but sends no request is not waited for. */
const LOOPBACK_BOUNDS = {
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 5_000,
  maxHeaderSize: 16 * 1024,
} as const;

/** A server for a loopback port, which any user of this host can connect to. */
export function loopbackServer(listener: RequestListener): Server {
  const server = createServer(LOOPBACK_BOUNDS, listener);
  boundConnections(server, LOOPBACK_CONNECTIONS_MAX);
  return server;
}

/**
 * Bounds the connections of a server, so that idle ones lock nobody out. Beyond the maximum, it closes the connection
 * that has been without a complete request for longest (it sent none or half of one, or has its answer); else one that
 * does not read its answer; else the newest. Clients that have sent a request and read, followers included, stay.
 * @param onClosed called for each connection that is closed
 */
export function boundConnections(server: Server, max: number, onClosed: () => void = () => {}): void {
  /** The last request of each; those without one for longest come first. */
  const requests = new Map<Socket, IncomingMessage | null>();
  let isCulling = false;

  server.on('connection', (socket: Socket) => {
    requests.set(socket, null);
    socket.once('close', () => requests.delete(socket));
    if (requests.size > 2 * max) cull(2 * max);
    else if (requests.size > max) cullSoon();
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    requests.set(socket, request);
    response.once('close', () => {
      if (requests.get(socket) !== request) return;
      requests.delete(socket);
      if (!socket.destroyed) requests.set(socket, null);
    });
  });

  /** A burst is accepted in one turn and read in the next, so a connection with a request must not count as idle yet. */
  function cullSoon(): void {
    if (isCulling) return;
    isCulling = true;
    setImmediate(() =>
      setImmediate(() => {
        isCulling = false;
        cull(max);
      }),
    );
  }

  function cull(left: number): void {
    while (requests.size > left) {
      const socket = chooseIdle(requests);
      requests.delete(socket);
      socket.destroy();
      onClosed();
    }
  }
}

function chooseIdle(requests: ReadonlyMap<Socket, IncomingMessage | null>): Socket {
  const sockets = [...requests.keys()];
  const newest = sockets.at(-1)!;
  const isIdle = (socket: Socket) => requests.get(socket)?.complete !== true;
  const isDeaf = (socket: Socket) => socket.writableLength > 0;
  const others = sockets.slice(0, -1);
  return others.find(isIdle) ?? others.find(isDeaf) ?? newest;
}
