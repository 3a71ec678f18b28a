import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Operation } from '../../api/operation.ts';
import {
  type BodyOfNamed,
  type DocumentOfNamed,
  type Named,
  OPERATIONS,
  type OperationName,
  type PathOfNamed,
  type QueryOfNamed,
} from '../../api/operations.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import type { Masks } from './masks.ts';
import { requestReader } from './requests.ts';
import { sendLines } from './streams.ts';

/** The argument of a handler: the parameters of the path, the query and the body, as declared. */
export type Request<N extends OperationName> = PathOfNamed<N> & {
  query: QueryOfNamed<N>;
  body: BodyOfNamed<N>;
  /** For handlers that follow something as long as the client stays connected. */
  connection: FastifyRequest;
};

/** The result of a handler, by the kind of its operation's answer. */
interface Answers<Document> {
  json: Document;
  lines: Iterable<Document> | AsyncIterable<Document>;
  bytes: { content: string | AsyncIterable<Uint8Array>; mediaType?: string };
}

type AnswerOf<N extends OperationName> = Answers<DocumentOfNamed<N>>[Named<N>['answer']['as']];

/** One handler per operation, forced complete by the type checker. */
export type Handlers = {
  [N in OperationName]: (request: Request<N>) => AnswerOf<N> | Promise<AnswerOf<N>>;
};

/**
 * Registers a route for every operation of the table.
 * @param masks what is shown at a socket that only reads, where all other operations are refused; null: everything
 */
export function serveOperations(app: FastifyInstance, handlers: Handlers, masks: Masks | null): void {
  for (const [name, operation] of Object.entries(OPERATIONS)) {
    const read = requestReader(operation);
    // Handlers forces the types to agree for each name; in a loop over all names the type checker cannot see that.
    const handle = handlers[name as OperationName] as (request: object) => unknown;
    const mask = (masks?.[name as keyof Masks] ?? null) as ((document: object) => object) | null;
    app.route({
      method: operation.method,
      url: operation.path.replaceAll(/\{(\w+)\}/g, ':$1'),
      handler: async (request, reply) => {
        if (masks !== null && operation.access !== 'read') throw denied(name, operation);
        const { path, query, body } = read(request);
        const answer = await handle({ ...path, query, body, connection: request });
        return send(reply, operation, mask === null ? answer : masked(operation, answer, mask));
      },
    });
  }
}

function denied(name: string, { access }: Operation): FleetError {
  const why =
    access === 'secret' ? 'it shows what only the user of the supervisor may see' : 'it changes something';
  return new FleetError('SUPERVISOR_DENIED', `this socket is for reading, and ${name} is refused: ${why}`, {
    hint: 'Run fleetctl as the user that the supervisor runs as.',
  });
}

/** The answer with each of its documents masked; bytes have none. */
function masked({ answer }: Operation, given: unknown, mask: (document: object) => object): unknown {
  if (answer.as !== 'lines') return given === null ? null : mask(given as object);
  return (async function* () {
    for await (const line of given as Answers<object>['lines']) yield mask(line);
  })();
}

function send(reply: FastifyReply, { answer }: Operation, given: unknown): FastifyReply {
  switch (answer.as) {
    case 'json':
      return reply.type('application/json').send(JSON.stringify(given));
    case 'lines':
      return sendLines(reply, given as Answers<object>['lines']);
    case 'bytes': {
      const { content, mediaType = answer.mediaType } = given as Answers<never>['bytes'];
      return reply.type(mediaType).send(typeof content === 'string' ? content : Readable.from(content));
    }
  }
}
