// A channel's number, typed digit by digit as on a remote control.

import { watch } from './address.js';
import { element, setText } from './dom.js';

/** How long the next digit may take. */
const PATIENCE_MS = 1_000;

const state = { typed: '', timer: 0 };

/** Takes a key; false when no number goes on with it. Tunes once the number is whole. */
export function typeNumber(key, channels) {
  if (!/^[\d.-]$/.test(key)) return false;
  const numbers = channels.map(({ number }) => number);
  const typed = [state.typed + key, key].find((text) =>
    numbers.some((number) => number.startsWith(text)),
  );
  if (typed === undefined) return false;
  clearTimeout(state.timer);
  note(typed);
  const choose = () => {
    const channel = channels.find(({ number }) => number === state.typed);
    note('');
    if (channel) watch(channel.id);
  };
  const isWhole = numbers.every((number) => number === typed || !number.startsWith(typed));
  if (isWhole) choose();
  else state.timer = setTimeout(choose, PATIENCE_MS);
  return true;
}

function note(typed) {
  state.typed = typed;
  setText(element('typed'), typed);
}
