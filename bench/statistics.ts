/** The middle of some numbers, or the mean of the two in the middle. @throws for none */
export function median(numbers: readonly number[]): number {
  if (numbers.length === 0) throw new Error('no numbers');
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}
