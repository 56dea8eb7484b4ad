// How long to wait before trying again after repeated failures.

const FIRST_MS = 500;
const LONGEST_MS = 8_000;

/** Milliseconds to wait after the given number of failures in a row (1 is the first): doubles up to 8 s. */
export function backoffMs(failures: number): number {
  return Math.min(FIRST_MS * 2 ** Math.min(failures - 1, 10), LONGEST_MS);
}
