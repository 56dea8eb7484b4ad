// What the journal's thread is asked, and what it answers.

import type { HistoryQuery, Logs } from './history.js';
import type { CommitReport, SavedState } from './store.js';

/** What the thread is to do. */
export type StoreCall =
  | { readonly kind: 'open' }
  /** `operations` is a JSON array: one string crosses to the thread faster than many objects. */
  | {
      readonly kind: 'commit';
      readonly name: string;
      readonly operations: string;
      readonly nowMs: number;
    }
  | { readonly kind: 'prune'; readonly nowMs: number }
  | { readonly kind: 'close' };

/** A message to the thread. */
export type StoreRequest =
  | StoreCall
  | { readonly kind: 'read'; readonly log: keyof Logs; readonly query: HistoryQuery };

/** Its answer, of the same kind. */
export type StoreReply =
  | { readonly kind: 'open'; readonly state: SavedState }
  | { readonly kind: 'commit'; readonly report: CommitReport }
  | { readonly kind: 'prune'; readonly isMore: boolean }
  | LogReply<keyof Logs>
  | { readonly kind: 'close' };

/** What a log answers. */
export interface LogReply<Log extends keyof Logs> {
  readonly kind: 'read';
  readonly log: Log;
  readonly entries: Logs[Log][];
}

/** A reply or an error, with the number of its request. */
export type StoreMessage =
  | { readonly id: number; readonly reply: StoreReply }
  | { readonly id: number; readonly error: string };
