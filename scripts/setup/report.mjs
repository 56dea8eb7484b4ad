// What a set-up shows: one line per step, a live line on a terminal, now and then a line elsewhere.

const live = process.stdout.isTTY === true;
const quietMs = 15_000;

/** Whole seconds since `start`, for people. @param {number} start from performance.now() */
export function elapsed(start) {
  const seconds = Math.round((performance.now() - start) / 1000);
  return seconds < 100 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

let shown = false;

function clear() {
  if (shown) process.stdout.write('\r\x1b[K');
  shown = false;
}

/** Prints a line. @param {string} text */
export function say(text) {
  clear();
  console.log(text);
}

let last = 0;

/**
 * Replaces the live line; where there is no terminal, prints a line at most every 15 seconds.
 * @param {string} text
 */
export function update(text) {
  if (live) {
    clear();
    process.stdout.write(text.slice(0, (process.stdout.columns || 80) - 1));
    shown = true;
  } else if (performance.now() - last > quietMs) {
    last = performance.now();
    console.log(text);
  }
}
