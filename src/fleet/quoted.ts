const MARK = '; its last output: ';

/** A reason, with what the process that it is about said last. */
export function withOutput(reason: string, output: string | null): string {
  return output === null ? reason : `${reason}${MARK}${output}`;
}

/** The text up to an output that it quotes. */
export function withoutOutput(text: string): string {
  const at = text.indexOf(MARK);
  return at < 0 ? text : text.slice(0, at);
}
