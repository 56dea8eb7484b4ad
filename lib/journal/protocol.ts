// What the journal's thread is asked, and what it answers.

import type { AiredEntry, BatchEntry, FaultEntry, HistoryQuery, SessionEntry } from './history.js';
import type { CommitReport, SavedState } from './store.js';

/** A question to the thread. */
export type StoreRequest =
  | { readonly kind: 'open' }
  /** `operations` is a JSON array: one string crosses to the thread faster than many objects. */
  | { readonly kind: 'commit'; readonly name: string; readonly operations: string }
  | { readonly kind: 'prune'; readonly nowMs: number }
  | { readonly kind: 'aired'; readonly query: HistoryQuery }
  | { readonly kind: 'batches'; readonly query: HistoryQuery }
  | { readonly kind: 'faults'; readonly query: HistoryQuery }
  | { readonly kind: 'sessions'; readonly query: HistoryQuery }
  | { readonly kind: 'close' };

/** Its answer, of the same kind. */
export type StoreReply =
  | { readonly kind: 'open'; readonly state: SavedState }
  | { readonly kind: 'commit'; readonly report: CommitReport }
  | { readonly kind: 'prune'; readonly isMore: boolean }
  | { readonly kind: 'aired'; readonly entries: AiredEntry[] }
  | { readonly kind: 'batches'; readonly entries: BatchEntry[] }
  | { readonly kind: 'faults'; readonly entries: FaultEntry[] }
  | { readonly kind: 'sessions'; readonly entries: SessionEntry[] }
  | { readonly kind: 'close' };

/** A reply or an error, with the number of its request. */
export type StoreMessage =
  | { readonly id: number; readonly reply: StoreReply }
  | { readonly id: number; readonly error: string };
