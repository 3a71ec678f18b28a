import type { ClientRequest, IncomingMessage } from 'node:http';
import { type ParametersOf, urlOf } from '../api/call.ts';
import type { Method } from '../api/operation.ts';
import type { BodyOfNamed, DocumentOfNamed, NamesBy, OperationName } from '../api/operations.ts';
import { ROUTES } from '../api/routes.ts';
import type { ErrorDocument } from '../errors/fleet-error.ts';
import { errorFromDocument, FleetError } from '../errors/fleet-error.ts';
import { linesOf } from './lines.ts';

/** The maximum time that a supervisor may take to answer a plain request. */
export const ANSWER_MS_MAX = 30_000;
/** The API sends no line near this length; a longer one does not come from a supervisor. */
const LINE_CHARACTERS_MAX = 4 * 1024 * 1024;

export interface StreamOptions {
  signal?: AbortSignal;
  /** The maximum time without a byte before the stream counts as broken; absent: unlimited. */
  silenceMsMax?: number;
}

/** Without it, Node looks whether the host could be one of TLS, by regular expressions that take 3 ms to compile. */
const NO_TLS_NAME = { servername: '' };

/** The time limits of a request. */
interface TimeLimits extends StreamOptions {
  /** For the whole answer, even if bytes keep arriving; absent: a stream, which has no end of its own. */
  answerMsMax?: number;
}

/** What a request consists of. */
type RequestParts = [method: Method, path: string, body: unknown, limits: TimeLimits];

interface CallOptions {
  /** The maximum time from the connection to the last byte of the answer. */
  answerMsMax?: number;
}

/** The arguments of a call after the operation's name; those that the operation does not need are optional. */
type Arguments<N extends OperationName> =
  BodyOfNamed<N> extends object
    ? [parameters: ParametersOf<N>, body: BodyOfNamed<N>, options?: CallOptions]
    : object extends ParametersOf<N>
      ? [parameters?: ParametersOf<N>, body?: undefined, options?: CallOptions]
      : [parameters: ParametersOf<N>, body?: undefined, options?: CallOptions];

/** A client of the supervisor's API socket. It opens nothing before the first request. */
export interface Client {
  readonly socketPath: string;
  /** Calls an operation that answers with one document. @throws FleetError as the operation declares */
  call<N extends NamesBy<'json'>>(name: N, ...rest: Arguments<N>): Promise<DocumentOfNamed<N>>;
  /** Calls an operation that answers with a stream of documents. */
  lines<N extends NamesBy<'lines'>>(
    name: N,
    parameters: ParametersOf<N>,
    options?: StreamOptions,
  ): AsyncGenerator<DocumentOfNamed<N>>;
  /** Calls an operation that answers with bytes. */
  bytes<N extends NamesBy<'bytes'>>(
    name: N,
    parameters: ParametersOf<N>,
    options?: StreamOptions,
  ): AsyncGenerator<Uint8Array>;
}

/**
 * The client of the supervisor that listens on `socketPath`.
 * @param readPath a socket that only reads, which is used where the user may not open the first
 */
export function clientOf(socketPath: string, readPath: string | null = null): Client {
  let chosen = socketPath;

  async function reach(...[method, path, body, limits]: RequestParts): Promise<IncomingMessage> {
    try {
      return await open(chosen, method, path, body, limits);
    } catch (error) {
      if (readPath === null || chosen === readPath || !isDenied(error)) throw error;
      try {
        const response = await open(readPath, method, path, body, limits);
        chosen = readPath;
        return response;
      } catch (second) {
        // Where there is no such socket for this user, the first refusal is what matters.
        throw isDenied(second) || isUnserved(second) ? error : second;
      }
    }
  }

  async function* read(path: string, options: StreamOptions = {}): AsyncGenerator<Uint8Array> {
    try {
      const response = await reach('GET', path, undefined, options);
      if (response.statusCode !== 200) throw refusal(await contentOf(response), 'GET', path, response);
      yield* response;
    } catch (error) {
      throw connectionError(error, socketPath);
    }
  }

  async function ask(method: Method, path: string, body: unknown, answerMsMax: number): Promise<unknown> {
    try {
      const response = await reach(method, path, body, { answerMsMax });
      const text = await contentOf(response);
      if (response.statusCode! >= 300) throw refusal(text, method, path, response);
      return parseAnswer(text);
    } catch (error) {
      throw connectionError(error, socketPath);
    }
  }

  return {
    socketPath,
    call: (name, ...[parameters, body, options]) =>
      ask(
        ROUTES[name].method,
        urlOf(name, parameters ?? {}),
        body,
        options?.answerMsMax ?? ANSWER_MS_MAX,
      ) as Promise<never>,
    bytes: (name, parameters, options) => read(urlOf(name, parameters), options),
    async *lines(name, parameters, options) {
      for await (const line of linesOf(read(urlOf(name, parameters), options), LINE_CHARACTERS_MAX)) {
        if (line !== '') yield parseAnswer(line) as never;
      }
    },
  };
}

/**
 * Sends a request and waits for the head of its answer. getBuiltinModule, because importing `node:http` as a module
 * reads all its exports, which loads undici and takes 30 ms.
 */
function open(
  socketPath: string,
  method: Method,
  path: string,
  body: unknown,
  { signal, silenceMsMax, answerMsMax }: TimeLimits,
): Promise<IncomingMessage> {
  const http = process.getBuiltinModule('node:http');
  const content = body === undefined ? undefined : JSON.stringify(body);
  const headers = content && {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(content),
  };
  return new Promise((resolve, reject) => {
    const request: ClientRequest = http.request(
      {
        socketPath,
        method,
        path,
        agent: false,
        ...NO_TLS_NAME,
        headers: { host: 'fleetd', ...headers },
        ...(signal && { signal }),
      },
      resolve,
    );
    request.on('error', reject);
    if (silenceMsMax !== undefined) {
      request.setTimeout(silenceMsMax, () => request.destroy(systemError('ETIMEDOUT')));
    }
    if (answerMsMax !== undefined) {
      const timer = setTimeout(() => abandon(request), answerMsMax);
      request.on('close', () => clearTimeout(timer));
    }
    request.end(content);
  });
}

/** Code that already reads the answer sees the error only if the response is destroyed as well. */
function abandon(request: ClientRequest): void {
  const error = systemError('ETIMEDOUT');
  (request as ClientRequest & { res?: IncomingMessage }).res?.destroy(error);
  request.destroy(error);
}

async function contentOf(response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8');
  let text = '';
  for await (const chunk of response) text += chunk;
  return text;
}

function parseAnswer(text: string): unknown {
  try {
    return text === '' ? null : JSON.parse(text);
  } catch (cause) {
    throw new FleetError('REQUEST_INVALID', 'the answer of the supervisor is not JSON', { cause });
  }
}

function refusal(text: string, method: Method, path: string, response: IncomingMessage): Error {
  const body = parseAnswer(text) as { error?: Partial<ErrorDocument> } | null;
  if (typeof body?.error?.code === 'string') return errorFromDocument(body.error as ErrorDocument);
  return new FleetError(
    'REQUEST_INVALID',
    `the supervisor answered ${method} ${path} with status ${response.statusCode}`,
  );
}

/** A failed connection as an error for the user; other errors are returned unchanged. */
export function connectionError(error: unknown, socketPath: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  const at = `at ${socketPath}`;
  switch (code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return FleetError.of('SUPERVISOR_AWAY.none', { socket: socketPath }, { cause: error });
    case 'ECONNRESET':
    case 'EPIPE':
    case 'HPE_INVALID_EOF_STATE':
      return new FleetError(
        'SUPERVISOR_AWAY',
        `the supervisor ${at} closed the connection before it answered`,
        {
          cause: error,
        },
      );
    case 'ETIMEDOUT':
    case 'EAGAIN': // The backlog of the socket is full: nothing has accepted connections for a long time.
      return new FleetError('SUPERVISOR_AWAY', `the supervisor ${at} does not answer`, {
        hint: 'It is running, but stopped or stuck: check its process, and fleetd.log in the state directory.',
        cause: error,
      });
    case 'EACCES':
    case 'EPERM':
      return new FleetError('SUPERVISOR_DENIED', `permission denied for the supervisor's socket ${at}`, {
        cause: error,
      });
    default:
      return error;
  }
}

function isDenied(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EACCES' || code === 'EPERM';
}

function isUnserved(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ECONNREFUSED';
}

function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}

/** Whether an error says that no supervisor answers, so that a retry may succeed. */
export function isAway(error: unknown): boolean {
  return error instanceof FleetError && error.code === 'SUPERVISOR_AWAY';
}

/** Whether an error says that nothing listens on the socket, so that a supervisor may be started. */
export function isAbsent(error: unknown): boolean {
  return isAway(error) && isUnserved((error as FleetError).cause ?? {});
}
