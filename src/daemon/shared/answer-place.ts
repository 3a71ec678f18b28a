import type { HttpPlace } from '../../host/host.ts';

/** Clients of an agent without an address of its own are asked to use this one. */
const LOOPBACK = '127.0.0.1';

/**
 * Where an agent answers HTTP: at its port, on its own address or else on loopback; without a port, at its socket.
 * @param agent.port the first port of its slot
 */
export function answerPlace(agent: {
  port: number | null;
  address: string | null;
  socket: string;
}): HttpPlace {
  const { port, address, socket } = agent;
  return port === null ? { socket } : { host: address ?? LOOPBACK, port };
}
