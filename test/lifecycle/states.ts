// The cases of leave.test.ts and what its child process reports.

/** States of an engine's life. */
export const STATES = [
  'created',
  'probing',
  'probing silence',
  'starting',
  'starting on silence',
  'producing',
  'starved',
  'parked',
  'stopping',
  'closed',
] as const;
export type State = (typeof STATES)[number];

/** Ways to leave: close() first, at once, by an error, and a worker thread that is terminated. */
export const WAYS = ['close', 'exit', 'throw', 'terminate'] as const;
export type Way = (typeof WAYS)[number];

/** What the process prints, but for `exit` and `throw`. */
export interface ChildReport {
  /** From the call that ends the engine to its return. */
  readonly stopMs: number;
  /** How what was in flight ended: an error code, `done`, or `never`. */
  readonly inFlight: string;
  /** Names of threads that were not there before the engine. */
  readonly threads: readonly string[];
  /** Files and sockets that were not open before. */
  readonly files: readonly string[];
}
