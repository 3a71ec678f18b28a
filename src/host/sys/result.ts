/**
 * What came of something that the caller must expect to be refused and goes on after: one of a batch, or a probe whose
 * refusal is the finding. Everything else that fails is thrown (docs/design/0021-the-host.md).
 */
export type Result<T, E extends Error = Error> = { ok: true; value: T } | { ok: false; error: E };

/** It was done. */
export function success<T>(value: T): { ok: true; value: T } {
  return { ok: true, value };
}

/** It was refused. */
export function refusal<E extends Error>(error: E): { ok: false; error: E } {
  return { ok: false, error };
}

/** Does something whose failure is an answer. */
export function attempt<T>(work: () => T): Result<T> {
  try {
    return success(work());
  } catch (error) {
    return refusal(error as Error);
  }
}
