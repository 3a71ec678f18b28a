import { AGENT_OPERATIONS } from './agents.ts';
import { APPLY_OPERATIONS } from './apply.ts';
import { COMMAND_OPERATIONS } from './commands.ts';
import { EVENT_OPERATIONS } from './events.ts';
import { FLEET_OPERATIONS } from './fleets.ts';
import { LOG_OPERATIONS } from './logs.ts';
import { MEMORY_OPERATIONS } from './memory.ts';
import type { Access, BodyOf, DocumentOf, Operation, PathOf, QueryOf } from './operation.ts';
import { RELOAD_OPERATIONS } from './reload.ts';
import { ROLLOUT_OPERATIONS } from './rollout.ts';
import { STATUS_OPERATIONS } from './status.ts';
import { STRAY_OPERATIONS } from './strays.ts';
import { SUPERVISOR_OPERATIONS } from './supervisor.ts';
import { WATCH_OPERATIONS } from './watch.ts';
import { WATCHDOG_OPERATIONS } from './watchdog.ts';

/**
 * Every operation of the API, declared once: HTTP with JSON over a socket that only the user of the supervisor can open.
 * The routes of the supervisor, the client of fleetctl, the OpenAPI document and the reference derive from this table.
 * The documents of `status` and `ps` are stable; the rest is between fleetctl and fleetd of the same version.
 *
 * To add an operation: declare it in the file of its subject, handle it in src/daemon/api/handlers.ts (the type checker
 * demands it), and run bin/generate.
 */
export const OPERATIONS = {
  ...STATUS_OPERATIONS,
  ...FLEET_OPERATIONS,
  ...COMMAND_OPERATIONS,
  ...APPLY_OPERATIONS,
  ...WATCH_OPERATIONS,
  ...RELOAD_OPERATIONS,
  ...ROLLOUT_OPERATIONS,
  ...AGENT_OPERATIONS,
  ...LOG_OPERATIONS,
  ...MEMORY_OPERATIONS,
  ...EVENT_OPERATIONS,
  ...STRAY_OPERATIONS,
  ...WATCHDOG_OPERATIONS,
  ...SUPERVISOR_OPERATIONS,
} as const;

export type OperationName = keyof typeof OPERATIONS;

/** The declaration of an operation. */
export type Named<N extends OperationName> = (typeof OPERATIONS)[N];

/** The names of the operations that answer with documents, lines or bytes. */
export type NamesBy<As extends Operation['answer']['as']> = {
  [N in OperationName]: Named<N>['answer']['as'] extends As ? N : never;
}[OperationName];

/** The names of the operations that need this permission. */
export type NamesWith<A extends Access> = {
  [N in OperationName]: Named<N>['access'] extends A ? N : never;
}[OperationName];

/** The inputs and the document of an operation, by its name. */
export type PathOfNamed<N extends OperationName> = PathOf<Named<N>>;
export type QueryOfNamed<N extends OperationName> = QueryOf<Named<N>>;
export type BodyOfNamed<N extends OperationName> = BodyOf<Named<N>>;
export type DocumentOfNamed<N extends OperationName> = DocumentOf<Named<N>>;
