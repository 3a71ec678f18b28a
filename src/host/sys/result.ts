/**
 * The result of an action whose refusal the caller must expect and continue after: one of a batch, or a probe whose
 * refusal is the finding. Any other failure is thrown (docs/design/0021-the-host.md).
 */
export type Result<T, E extends Error = Error> = { ok: true; value: T } | { ok: false; error: E };

/** The action succeeded. */
export function success<T>(value: T): { ok: true; value: T } {
  return { ok: true, value };
}

/** The action was refused. */
export function refusal<E extends Error>(error: E): { ok: false; error: E } {
  return { ok: false, error };
}

/** Does something whose failure is a result. */
export function attempt<T>(work: () => T): Result<T> {
  try {
    return success(work());
  } catch (error) {
    return refusal(error as Error);
  }
}
