// A process of its own that airs channels with a journal until it is killed; system.test.ts starts it. Its argument is
// a ServerPlan as JSON. When it listens it prints a ServerReport as one line of JSON.
import { systemClock } from '../../lib/clock.js';
import { createNativeEngine } from '../../lib/engine/native.js';
import { Headend, loop, openJournal } from '../../lib/index.js';
import type { Programme } from '../../lib/timeline/programme.js';
import { FRAME_RATE, LADDER, SEGMENT_SECONDS } from './format.js';

/** What the server airs. */
export interface ServerPlan {
  readonly journal: string;
  /** 0 for a free one. */
  readonly port: number;
  readonly epochMs: number;
  readonly channels: readonly { readonly id: string; readonly programmes: readonly Programme[] }[];
}

/** What it found when it started. */
export interface ServerReport {
  readonly url: string;
  /** Ids of the sessions that were there before anybody asked for anything, by channel. */
  readonly sessions: Readonly<Record<string, readonly string[]>>;
}

const plan = JSON.parse(process.argv[2] ?? '') as ServerPlan;
const journal = await openJournal({
  file: plan.journal,
  lockTimeoutMs: 5000,
  onFault: ({ message }) => console.error(message),
});
const headend = await Headend.create(
  { http: { rateLimit: false } },
  { engine: createNativeEngine(), clock: systemClock, journal },
);
headend.on('fault', ({ channelId, message }) => console.error(`${channelId}: ${message}`));
const sessions: Record<string, readonly string[]> = {};
for (const { id, programmes } of plan.channels) {
  const channel = await headend.channels.add({
    ...{ id, frameRate: FRAME_RATE.num, segmentDuration: SEGMENT_SECONDS, ladder: LADDER },
    ...{ epoch: new Date(plan.epochMs), schedule: loop([...programmes]) },
  });
  sessions[id] = channel.status().viewers.map(({ sessionId }) => sessionId);
}
const url = await headend.listen({ port: plan.port, host: '127.0.0.1' });
console.log(JSON.stringify({ url, sessions } satisfies ServerReport));
