// A segment that is being made: its fragments as far as they are out, for those who do not want to wait for
// the whole.

import type { Clock } from '../clock.js';
import { HeadendError } from '../errors.js';
import { WaitList } from './wait-list.js';

/** A segment of which some fragments are out. */
export class SegmentInProgress {
  readonly channelId: string;
  readonly rendition: string;
  readonly sequence: number;
  /** Strong HTTP entity tag, with its quotes: that of the finished segment. */
  readonly etag: string;
  readonly #waiting: WaitList<undefined>;
  // Bounded by the length of a segment.
  readonly #fragments: Uint8Array[] = [];
  #state: 'growing' | 'finished' | 'abandoned' = 'growing';

  /** Use the store. */
  constructor(
    clock: Clock,
    segment: {
      readonly channelId: string;
      readonly rendition: string;
      readonly sequence: number;
      readonly etag: string;
    },
  ) {
    this.channelId = segment.channelId;
    this.rendition = segment.rendition;
    this.sequence = segment.sequence;
    this.etag = segment.etag;
    this.#waiting = new WaitList(clock);
  }

  /** How many fragments are out. */
  get length(): number {
    return this.#fragments.length;
  }

  /** Bytes of the fragments that are out. */
  get bytes(): number {
    return this.#fragments.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** Adds the next fragment. */
  add(data: Uint8Array): void {
    this.#fragments.push(data);
    this.#waiting.wake('', undefined);
  }

  /** Says that there are no more fragments: the segment is whole, or will never be. */
  end(state: 'finished' | 'abandoned'): void {
    this.#state = state;
    this.#waiting.wake('', undefined);
  }

  /**
   * The fragments from the first on, each as soon as it is out; ends when the segment is whole.
   * @param wait.deadlineMs Milliseconds to wait for each.
   * @throws HeadendError `SEGMENT_TIMEOUT` when the next one does not come: the segment must then be read anew.
   * The signal's reason.
   */
  async *read(wait: {
    readonly signal?: AbortSignal | undefined;
    readonly deadlineMs: number;
  }): AsyncGenerator<Uint8Array, void, void> {
    for (let index = 0; ; index++) {
      while (index === this.#fragments.length) {
        if (this.#state === 'finished') return;
        if (this.#state === 'abandoned') throw this.#incomplete();
        await this.#waiting.wait('', { ...wait, onDeadline: () => this.#incomplete() });
      }
      const fragment = this.#fragments[index];
      if (fragment) yield fragment;
    }
  }

  #incomplete(): HeadendError {
    return new HeadendError(
      'SEGMENT_TIMEOUT',
      'store',
      `segment ${this.sequence} of ${this.rendition} was not finished`,
      { channelId: this.channelId, retryable: true },
    );
  }
}
