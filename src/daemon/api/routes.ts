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
import { requestReader } from './requests.ts';
import { sendLines } from './streams.ts';

/** What a handler is given: the parameters of the path, the query and the body as they are declared. */
export type Request<N extends OperationName> = PathOfNamed<N> & {
  query: QueryOfNamed<N>;
  body: BodyOfNamed<N>;
  /** For those that follow something for as long as the client listens. */
  connection: FastifyRequest;
};

/** What a handler gives, by the way its operation answers. */
interface Answers<Document> {
  json: Document;
  lines: Iterable<Document> | AsyncIterable<Document>;
  bytes: { content: string | AsyncIterable<Uint8Array>; mediaType?: string };
}

type AnswerOf<N extends OperationName> = Answers<DocumentOfNamed<N>>[Named<N>['answer']['as']];

/** One handler for each operation, forced complete by the type checker. */
export type Handlers = {
  [N in OperationName]: (request: Request<N>) => AnswerOf<N> | Promise<AnswerOf<N>>;
};

/** Serves every operation of the table, each by its handler. */
export function serveOperations(app: FastifyInstance, handlers: Handlers): void {
  for (const [name, operation] of Object.entries(OPERATIONS)) {
    const read = requestReader(operation);
    // The type checker has seen that handler and operation agree; over all names at once it cannot.
    const handle = handlers[name as OperationName] as (request: object) => unknown;
    app.route({
      method: operation.method,
      url: operation.path.replaceAll(/\{(\w+)\}/g, ':$1'),
      handler: async (request, reply) => {
        const { path, query, body } = read(request);
        return send(reply, operation, await handle({ ...path, query, body, connection: request }));
      },
    });
  }
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
