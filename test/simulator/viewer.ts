// A viewer as a player is one: asks for a playlist, begins with what is on air, gets every segment in turn, and notes
// how long it waited and how often it ran dry.
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import { HeadendError } from '../../lib/errors.js';
import type { ChannelStream } from '../../lib/stream/channel-stream.js';

/** What came of one channel that a viewer watched. */
export interface Visit {
  readonly channelId: string;
  /** From the first request to the first picture; null when the viewer left before. */
  readonly tuneInMs: number | null;
  readonly watchedMs: number;
  readonly underruns: number;
  readonly stalledMs: number;
}

/** How a visit goes. */
export interface Plan {
  readonly sessionId: string;
  readonly rung: string;
  /** A second rung, taken half-way through. */
  readonly laterRung: string;
  readonly watchMs: number;
  /** Whether the viewer says good-bye. */
  readonly leaves: boolean;
}

/** Segments that a player keeps ahead of what it shows. */
const SEGMENT_MS = 4000;

/** Watches a channel for as long as planned. */
export async function visit(stream: ChannelStream, clock: Clock, plan: Plan): Promise<Visit> {
  const begin = clock.monotonic();
  const end = begin + plan.watchMs;
  const stop = new AbortController();
  const cancelEnd = clock.setTimer(() => stop.abort(new Error('enough')), plan.watchMs);
  const request = { sessionId: plan.sessionId, signal: stop.signal };
  let tuneInMs: number | null = null;
  let underruns = 0;
  let stalledMs = 0;
  let dueAt = Infinity;
  try {
    const view = await patiently(() => stream.playlist(plan.rung, request));
    for (let next = view ? Math.max(view.range.from, view.range.to - 2) : 0; ; next++) {
      await stream.listed(next, stop.signal);
      const rung = clock.monotonic() < (begin + end) / 2 ? plan.rung : plan.laterRung;
      await patiently(() => stream.segment(rung, next, request));
      const now = clock.monotonic();
      tuneInMs ??= now - begin;
      if (dueAt === Infinity) dueAt = now;
      if (now > dueAt) {
        underruns++;
        stalledMs += now - dueAt;
        dueAt = now;
      }
      dueAt += SEGMENT_MS;
    }
  } catch (error) {
    // Who waits for a picture when it leaves has been stalled until then.
    if (!stop.signal.aborted) throw error;
    const now = clock.monotonic();
    if (now > dueAt) {
      underruns++;
      stalledMs += now - dueAt;
    }
  } finally {
    cancelEnd();
  }
  if (plan.leaves) stream.unregister(plan.sessionId);
  const watchedMs = clock.monotonic() - begin;
  return { channelId: stream.channelId, tuneInMs, watchedMs, underruns, stalledMs };

  // A player asks again after a time-out, and goes on behind what is gone.
  async function patiently<T>(ask: () => Promise<T>): Promise<T | null> {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        stop.signal.throwIfAborted();
        const code = error instanceof HeadendError ? error.code : '';
        if (code === 'SEGMENT_NOT_FOUND') return null;
        if (code !== 'SEGMENT_TIMEOUT' && code !== 'ENGINE_STOPPED') throw error;
        await delay(clock, 1000, stop.signal);
      }
    }
  }
}
