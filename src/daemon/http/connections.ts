import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';

type Socket = IncomingMessage['socket'];

/** Connections to a loopback port at once, whoever on this host makes them: a browser needs six. */
const LOOPBACK_CONNECTIONS_MAX = 128;
/** Who connects to a loopback port and does not ask is not waited for. */
const LOOPBACK_BOUNDS = {
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 16 * 1024,
} as const;

/** A server for a loopback port, which any user of this host can connect to. */
export function loopbackServer(listener: RequestListener): Server {
  const server = createServer(LOOPBACK_BOUNDS, listener);
  boundConnections(server, LOOPBACK_CONNECTIONS_MAX);
  return server;
}

/**
 * Keeps the connections of a server to a number, so that those that do nothing lock nobody out: beyond it the one is
 * closed that has been without a complete request for longest (it asked nothing, half of something, or has its answer);
 * else one that does not read its answer; else the newest. Who has asked and reads, followers included, stays.
 * @param onClosed called for each that is closed
 */
export function boundConnections(server: Server, max: number, onClosed: () => void = () => {}): void {
  /** The last request of each; those that have been without one for longest come first. */
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

  /** A burst is accepted in one turn and read in the next: what has come with a request must not seem idle. */
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
