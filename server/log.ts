// The server's log: for people on a terminal, as JSON lines anywhere else.

import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

/** A pino logger. */
export type Log = Logger;

/** The log on standard output. */
export function createLog(): Log {
  if (!process.stdout.isTTY) return pino({ base: null });
  const stream = pretty({
    sync: true,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,hostname',
    singleLine: true,
  });
  return pino(stream);
}
