import { describe, expect, test } from 'vitest';
import { formatCount, formatElapsed } from '../../src/cli/format.ts';
import { linesOf } from '../../src/cli/lines.ts';
import { oneLine, plainJson, visibleControls, withoutControls } from '../../src/cli/plain.ts';
import { formatTable } from '../../src/cli/table.ts';
import { cutTo, widthOf } from '../../src/cli/width.ts';

async function linesIn(chunks: string[], charactersMax = 100): Promise<string[]> {
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for (const chunk of chunks) yield Buffer.from(chunk, 'latin1');
  }
  const lines: string[] = [];
  for await (const line of linesOf(bytes(), charactersMax)) lines.push(line);
  return lines;
}

describe('text of agents', () => {
  test('loses what would command a terminal or reverse the text', () => {
    expect(oneLine('a\x1b[31m\r\nb\tc\u009b1m\u202e')).toBe('a[31m b c1m');
    expect(withoutControls('a\r\n\tb\x7f\n')).toBe('a\n\tb\n');
  });

  test('loses every mark of the reading direction, and lines that are none of ours', () => {
    const marks = '\u061c\u200e\u200f\u202a\u202e\u2066\u2069';
    expect(oneLine(`a${marks}\u2028b\u2029c`)).toBe('a b c');
    expect(withoutControls(`a${marks}\u2028b\u2029\n`)).toBe('ab\n');
    expect(visibleControls(`${marks}\u2028`)).toBe('\ufffd'.repeat(8));
  });

  test('is escaped in JSON, and the same to whoever parses it', () => {
    const text = 'a\x1b\x7f\u009b\u200f\u202e\u2028"ö';
    expect(plainJson({ text })).toBe(String.raw`{"text":"a\u001b\u007f\u009b\u200f\u202e\u2028\"ö"}`);
    expect(JSON.parse(plainJson({ text }))).toEqual({ text });
  });

  test('shows control characters as pictures in logs, keeping lines and tabs', () => {
    expect(visibleControls('a\x1b[31m\tb\n\x00\x7f\u009b')).toBe('a␛[31m\tb\n␀␡\ufffd');
  });
});

describe('lines', () => {
  test('are put together from chunks, also inside a character', async () => {
    expect(await linesIn(['on', 'e\n\nt\xc3', '\xb6\nlast'])).toEqual(['one', '', 'tö', 'last']);
  });

  test('longer than the limit come in pieces', async () => {
    expect(await linesIn(['abcdefg', 'hij\nxy\n'], 4)).toEqual(['abcd', 'efgh', 'ij', 'xy']);
  });
});

test('a table is as wide as its content, numbers to the right, and cut to a terminal', () => {
  const columns = [
    { title: 'NAME', cell: (row: [string, number]) => row[0] },
    { title: 'N', align: 'right' as const, cell: (row: [string, number]) => String(row[1]) },
    { title: 'SAY', cell: () => 'a long\nsentence' },
  ];
  const rows: [string, number][] = [
    ['a', 5],
    ['bcdef', 1000],
  ];
  const paint = (_colour: unknown, text: string): string => text;
  expect(formatTable(columns, rows, { paint }).split('\n')).toEqual([
    'NAME      N  SAY',
    'a         5  a long sentence',
    'bcdef  1000  a long sentence',
  ]);
  expect(formatTable(columns, rows, { paint, widthMax: 18 }).split('\n')[1]).toBe('a         5  a lo…');
});

describe('a table on a narrow terminal', () => {
  const columns = [
    { title: 'NAME', cell: (row: string[]) => row[0]!, widthMin: 6 },
    { title: 'SPARE', cell: (row: string[]) => row[1]!, spare: 2 },
    { title: 'MORE', cell: (row: string[]) => row[2]!, spare: 1 },
    { title: 'WHY', cell: (row: string[]) => row[3]! },
  ];
  const rows = [['a-long-name', 'sssss', 'mmmm', 'because of this']];
  const painted = (_colour: unknown, text: string): string => `<${text}>`;
  const at = (widthMax: number) =>
    formatTable(columns, rows, { paint: painted, widthMax }).replaceAll(/[<>]/g, '').split('\n');

  test('cuts texts from the right, then does without spare columns, title included', () => {
    expect(at(41)[1]).toBe('a-long-name  sssss  mmmm  because of this');
    expect(at(30)[1]).toBe('a-long-name  sssss  mmmm  bec…');
    expect(at(24)).toEqual(['NAME    SPARE  MORE  WHY', 'a-lon…  sssss  mmmm  be…']);
    expect(at(23)).toEqual(['NAME         MORE  WHY', 'a-long-name  mmmm  bec…']);
    expect(at(16)).toEqual(['NAME         WHY', 'a-long-name  be…']);
  });

  test('is never wider than it may be, in columns of the terminal, colours aside', () => {
    const wide = [['模块未找到', 'e\u0301', '👍', '模块未找到 again']];
    for (let widthMax = 1; widthMax < 50; widthMax++) {
      const lines = formatTable(columns, [...rows, ...wide], { paint: painted, widthMax }).split('\n');
      for (const line of lines) expect(widthOf(line.replaceAll(/[<>]/g, ''))).toBeLessThanOrEqual(widthMax);
    }
    expect(formatTable(columns, rows, { paint: painted, widthMax: 0 })).toContain('because of this');
  });
});

test('the width of a text is what a terminal gives it', () => {
  expect(['abc', '模块', 'e\u0301', '👍', 'a\u200bb'].map(widthOf)).toEqual([3, 4, 1, 2, 2]);
  expect([0, 1, 4, 5].map((width) => cutTo('模块未', width))).toEqual(['', '…', '模…', '模块…']);
  expect(cutTo('abc', 3)).toBe('abc');
});

test('numbers are written for people', () => {
  expect([999, 1000, 1234567].map(formatCount)).toEqual(['999', '1,000', '1,234,567']);
  expect([0, 999, 65_000, 3_600_000, 90_061_000].map(formatElapsed)).toEqual([
    '0s',
    '1s',
    '1m 5s',
    '1h',
    '1d 1h',
  ]);
});
