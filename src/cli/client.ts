import type { ClientRequest, IncomingMessage } from 'node:http';
import { type ParametersOf, urlOf } from '../api/call.ts';
import type { Method } from '../api/operation.ts';
import type { BodyOfNamed, DocumentOfNamed, NamesBy, OperationName } from '../api/operations.ts';
import { ROUTES } from '../api/routes.ts';
import type { ErrorDocument } from '../errors.ts';
import { errorFromDocument, FleetError } from '../errors.ts';
import { linesOf } from './lines.ts';

/** How long a supervisor may take to answer a plain request. */
export const ANSWER_MS_MAX = 30_000;
/** No line of the API comes near this; one that does is not from a supervisor. */
const LINE_CHARACTERS_MAX = 4 * 1024 * 1024;

export interface StreamOptions {
  signal?: AbortSignal;
  /** The stream counts as broken after so long without a byte; absent: it may be silent for ever. */
  silenceMsMax?: number;
}

/** How long a request may take. */
interface Bounds extends StreamOptions {
  /** For all of it, also where a byte comes now and then; absent: it is a stream, which may go on for ever. */
  answerMsMax?: number;
}

interface CallOptions {
  /** How long the whole answer may take, from the connection to its last byte. */
  answerMsMax?: number;
}

/** What a call takes after the operation's name; what the operation does without may be left out. */
type Arguments<N extends OperationName> =
  BodyOfNamed<N> extends object
    ? [parameters: ParametersOf<N>, body: BodyOfNamed<N>, options?: CallOptions]
    : object extends ParametersOf<N>
      ? [parameters?: ParametersOf<N>, body?: undefined, options?: CallOptions]
      : [parameters: ParametersOf<N>, body?: undefined, options?: CallOptions];

/** The supervisor's end of the API socket. Nothing is opened before the first request. */
export interface Client {
  readonly socketPath: string;
  /** Asks for something that is answered with one document. @throws FleetError as the operation declares it */
  call<N extends NamesBy<'json'>>(name: N, ...rest: Arguments<N>): Promise<DocumentOfNamed<N>>;
  /** Asks for documents that come one by one. */
  lines<N extends NamesBy<'lines'>>(
    name: N,
    parameters: ParametersOf<N>,
    options?: StreamOptions,
  ): AsyncGenerator<DocumentOfNamed<N>>;
  /** Asks for bytes. */
  bytes<N extends NamesBy<'bytes'>>(
    name: N,
    parameters: ParametersOf<N>,
    options?: StreamOptions,
  ): AsyncGenerator<Uint8Array>;
}

/** The client of the supervisor that listens on `socketPath`. */
export function clientOf(socketPath: string): Client {
  async function* read(path: string, options: StreamOptions = {}): AsyncGenerator<Uint8Array> {
    try {
      const response = await open(socketPath, 'GET', path, undefined, options);
      if (response.statusCode !== 200) throw refusal(await contentOf(response), 'GET', path, response);
      yield* response;
    } catch (error) {
      throw connectionError(error, socketPath);
    }
  }

  async function ask(method: Method, path: string, body: unknown, answerMsMax: number): Promise<unknown> {
    try {
      const response = await open(socketPath, method, path, body, { answerMsMax });
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
 * Sends a request and waits for the head of its answer. `node:http` is fetched this way because importing it as a
 * module reads all its exports, which loads undici and costs 30 ms.
 */
function open(
  socketPath: string,
  method: Method,
  path: string,
  body: unknown,
  { signal, silenceMsMax, answerMsMax }: Bounds,
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
      const timer = setTimeout(() => giveUp(request), answerMsMax);
      request.on('close', () => clearTimeout(timer));
    }
    request.end(content);
  });
}

/** Whoever reads the answer already hears of it by the response alone. */
function giveUp(request: ClientRequest): void {
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
    throw new FleetError('REQUEST_INVALID', 'The supervisor’s answer is not JSON.', { cause });
  }
}

function refusal(text: string, method: Method, path: string, response: IncomingMessage): Error {
  const body = parseAnswer(text) as { error?: Partial<ErrorDocument> } | null;
  if (typeof body?.error?.code === 'string') return errorFromDocument(body.error as ErrorDocument);
  return new FleetError(
    'REQUEST_INVALID',
    `The supervisor answered ${method} ${path} with ${response.statusCode}.`,
  );
}

/** A failure of the connection in the user's words; other errors are returned as they are. */
export function connectionError(error: unknown, socketPath: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  const at = `at ${socketPath}`;
  switch (code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return new FleetError('SUPERVISOR_AWAY', `No supervisor answers ${at}.`, { cause: error });
    case 'ECONNRESET':
    case 'EPIPE':
    case 'HPE_INVALID_EOF_STATE':
      return new FleetError('SUPERVISOR_AWAY', `The supervisor ${at} went away before it had answered.`, {
        cause: error,
      });
    case 'ETIMEDOUT':
    case 'EAGAIN': // The queue of the socket is full: nobody has accepted for long.
      return new FleetError('SUPERVISOR_AWAY', `The supervisor ${at} does not answer.`, {
        hint: 'It is there, but stopped or stuck: see its process, and fleetd.log in the state directory.',
        cause: error,
      });
    case 'EACCES':
    case 'EPERM':
      return new FleetError('SUPERVISOR_DENIED', `You may not open the supervisor’s socket ${at}.`, {
        cause: error,
      });
    default:
      return error;
  }
}

function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}

/** Whether an error says that no supervisor is there (and trying again may help). */
export function isAway(error: unknown): boolean {
  return error instanceof FleetError && error.code === 'SUPERVISOR_AWAY';
}

/** Whether an error says that nobody listens on the socket, so that a supervisor may be started. */
export function isAbsent(error: unknown): boolean {
  const code = isAway(error) ? ((error as FleetError).cause as NodeJS.ErrnoException).code : undefined;
  return code === 'ENOENT' || code === 'ECONNREFUSED';
}
