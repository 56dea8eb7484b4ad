// The clients that follow a Headend's events, and what they are sent.

import type { FastifyReply } from 'fastify';
import type { Static } from 'typebox';
import type { Clock } from '../clock.js';
import { HeadendError } from '../errors.js';
import type { Headend } from '../headend.js';
import type { Fault } from '../stream/fault.js';
import type {
  BatchEvent,
  ChannelEvent,
  SessionEvent,
  WarningEvent,
} from '../stream/stream-events.js';
import { faultView, production, someBatchView } from './channel-view.js';
import type {
  BatchEvent as BatchEventSchema,
  ChannelStateEvent,
  SessionEvent as SessionEventSchema,
  StatusEvent,
  WarningEvent as WarningEventSchema,
} from './schemas.js';

// A client that has left this much unread does not read.
const MOST_UNREAD_BYTES = 2 * 1024 * 1024;

// A comment is sent this often, whatever happens: the server cuts connections on which nothing moves for a minute, and
// so do proxies.
const COMMENT_MS = 15_000;
const COMMENT = ':\n\n';

/** Settings of an {@link EventHub}. */
export interface EventHubOptions {
  readonly headend: Headend;
  readonly clock: Clock;
  readonly maxClients: number;
  /** Milliseconds between two status events. */
  readonly statusMs: number;
}

interface Message {
  readonly event: string;
  readonly data: string;
}

interface Client {
  readonly reply: FastifyReply;
  readonly isAdmin: boolean;
  /** What follows the message that is being sent. */
  readonly waiting: Message[];
  waitingLength: number;
  isSending: boolean;
}

/** Sends every event to every client. At most `maxClients`, each with a bounded backlog. */
export class EventHub {
  readonly #options: EventHubOptions;
  readonly #clients = new Set<Client>();
  readonly #stopFollowing: () => void;
  // Of what is sent regularly; empty while nobody follows.
  #stopTimers: (() => void)[] = [];

  constructor(options: EventHubOptions) {
    this.#options = options;
    this.#stopFollowing = this.#follow();
  }

  /** How many clients follow the events. */
  get size(): number {
    return this.#clients.size;
  }

  /**
   * Sends the status now and every event from now on, until the client leaves or does not read.
   * @param isAdmin Whether the client may know details of the machine.
   * @throws HeadendError `TOO_MANY_CLIENTS`
   */
  join(reply: FastifyReply, isAdmin: boolean): void {
    if (this.#clients.size >= this.#options.maxClients) {
      throw new HeadendError(
        'TOO_MANY_CLIENTS',
        'http',
        'as many clients as the server allows follow the events already',
        { retryable: true },
      );
    }
    const client: Client = { reply, isAdmin, waiting: [], waitingLength: 0, isSending: false };
    this.#clients.add(client);
    // Every event that waits for the client to read listens to it; MOST_UNREAD_BYTES bounds them.
    reply.raw.setMaxListeners(0);
    reply.sse.onClose(() => this.#leave(client));
    reply.sse.keepAlive();
    send(client, 'status', JSON.stringify(this.#status(isAdmin)));
    if (this.#stopTimers.length === 0) this.#startTimers();
  }

  /** Sends every client away. */
  close(): void {
    this.#stopFollowing();
    for (const { reply } of [...this.#clients]) reply.sse.close();
  }

  #leave(client: Client): void {
    this.#clients.delete(client);
    if (this.#clients.size > 0) return;
    for (const stop of this.#stopTimers) stop();
    this.#stopTimers = [];
  }

  #startTimers(): void {
    const { clock, statusMs } = this.#options;
    this.#stopTimers = [
      every(clock, statusMs, () => this.#tell('status', (forAdmins) => this.#status(forAdmins))),
      every(clock, COMMENT_MS, () => {
        for (const { reply } of this.#clients) {
          if (reply.raw.writableLength === 0) reply.raw.write(COMMENT);
        }
      }),
    ];
  }

  #status(isAdmin: boolean): Static<typeof StatusEvent> {
    const { headend, clock } = this.#options;
    const { slots, inWork, waiting, load, storeBytes, maxStoreBytes, disk } = headend.status();
    return {
      at: new Date(clock.now()).toISOString(),
      channels: headend.channels.list().map((channel) => production(channel, isAdmin)),
      work: { slots, inWork, waiting, load },
      store: { bytes: storeBytes, maxBytes: maxStoreBytes, disk },
    };
  }

  // `data` of an event for admins, and for everybody else.
  #tell(event: string, data: (isAdmin: boolean) => object): void {
    if (this.#clients.size === 0) return;
    const forAdmins = JSON.stringify(data(true));
    const forAll = JSON.stringify(data(false));
    for (const client of [...this.#clients]) {
      send(client, event, client.isAdmin ? forAdmins : forAll);
    }
  }

  #follow(): () => void {
    const { headend } = this.#options;
    const onChannel = ({ channelId, state }: ChannelEvent) =>
      this.#tell('channel', (): Static<typeof ChannelStateEvent> => ({ channelId, state }));
    const onFault = (fault: Fault) => this.#tell('fault', (isAdmin) => faultView(fault, isAdmin));
    const onBatch = ({ channelId, type, batch }: BatchEvent) =>
      this.#tell(
        'batch',
        (isAdmin): Static<typeof BatchEventSchema> => ({
          channelId,
          type,
          batch: someBatchView(batch, isAdmin),
        }),
      );
    const onSession = ({ channelId, type, viewers, sessionId }: SessionEvent) =>
      this.#tell(
        'session',
        (isAdmin): Static<typeof SessionEventSchema> => ({
          channelId,
          type,
          viewers,
          ...(isAdmin && { sessionId }),
        }),
      );
    const onWarning = ({ message: _, ...warning }: WarningEvent) =>
      this.#tell('warning', (): Static<typeof WarningEventSchema> => warning);
    headend.on('channel', onChannel).on('fault', onFault).on('batch', onBatch);
    headend.on('session', onSession).on('warning', onWarning);
    return () => {
      headend.off('channel', onChannel).off('fault', onFault).off('batch', onBatch);
      headend.off('session', onSession).off('warning', onWarning);
    };
  }
}

// Returns a function that ends it.
function every(clock: Clock, ms: number, act: () => void): () => void {
  let cancel = () => {};
  const later = () => {
    cancel = clock.setTimer(() => {
      later();
      act();
    }, ms);
  };
  later();
  return () => cancel();
}

function send(client: Client, event: string, data: string): void {
  const { reply, waiting } = client;
  if (reply.raw.writableLength + client.waitingLength > MOST_UNREAD_BYTES) {
    reply.raw.destroy();
    return;
  }
  waiting.push({ event, data });
  client.waitingLength += data.length;
  if (!client.isSending) void sendWaiting(client);
}

// One after the other: each waits until the client has read so much that there is room for it.
async function sendWaiting(client: Client): Promise<void> {
  const { reply, waiting } = client;
  client.isSending = true;
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    client.waitingLength -= next.data.length;
    // Rejects when the client has just left, which `onClose` tells as well.
    await reply.sse.send(next).catch(() => {});
  }
  client.isSending = false;
}
