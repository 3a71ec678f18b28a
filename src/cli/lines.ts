/**
 * Yields text line by line, without the line breaks. A line longer than `charactersMax` comes in pieces, which bounds
 * the memory whatever an agent writes.
 */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  charactersMax: number,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    rest += decoder.decode(chunk, { stream: true });
    let start = 0;
    for (let end = rest.indexOf('\n'); end !== -1; end = rest.indexOf('\n', start)) {
      yield* pieces(rest.slice(start, end), charactersMax);
      start = end + 1;
    }
    rest = rest.slice(start);
    while (rest.length > charactersMax) {
      yield rest.slice(0, charactersMax);
      rest = rest.slice(charactersMax);
    }
  }
  rest += decoder.decode();
  if (rest !== '') yield* pieces(rest, charactersMax);
}

function* pieces(line: string, charactersMax: number): Generator<string> {
  for (let start = 0; start === 0 || start < line.length; start += charactersMax) {
    yield line.slice(start, start + charactersMax);
  }
}
