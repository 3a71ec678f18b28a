import { FleetError } from '../../errors.ts';

/** The fields that a body may have. */
export type Shape = Record<string, 'number' | 'string' | 'boolean' | 'any'>;

/**
 * Checks a body against the fields that it may have; another fleetctl's fields are told, not passed over.
 * @throws FleetError REQUEST_INVALID
 */
export function readObject<T>(body: unknown, shape: Shape): T {
  if (body === undefined || body === null) return {} as T;
  if (typeof body !== 'object' || Array.isArray(body))
    throw new FleetError('REQUEST_INVALID', 'the body is no JSON object');
  for (const [key, value] of Object.entries(body)) {
    const type = Object.hasOwn(shape, key) ? shape[key] : undefined;
    if (type === undefined) throw new FleetError('REQUEST_INVALID', `unknown field ${key}`);
    if (type !== 'any' && typeof value !== type)
      throw new FleetError('REQUEST_INVALID', `${key} is no ${type}`);
  }
  return body as T;
}
