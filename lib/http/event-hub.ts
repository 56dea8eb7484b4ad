// The clients that follow a Headend's events, and what they are sent.

import type { FastifyReply } from 'fastify';
import type { Static } from 'typebox';
import type { Clock } from '../clock.js';
import { HeadendError } from '../errors.js';
import type { ChannelEvent, Headend } from '../headend.js';
import type { Fault } from '../stream/fault.js';
import { summary } from './channel-view.js';
import type { ChannelStateEvent, FaultEvent, StatusEvent } from './schemas.js';

// A client that has left this much unread does not read.
const MOST_UNREAD_BYTES = 256 * 1024;

/** Settings of an {@link EventHub}. */
export interface EventHubOptions {
  readonly headend: Headend;
  readonly clock: Clock;
  readonly maxClients: number;
  /** Milliseconds between two status events; they also keep the connections alive. */
  readonly statusMs: number;
}

interface Client {
  readonly reply: FastifyReply;
  readonly isAdmin: boolean;
}

/** Sends every event to every client. At most `maxClients`, each with a bounded backlog. */
export class EventHub {
  readonly #options: EventHubOptions;
  readonly #clients = new Set<Client>();
  #stopTicking: (() => void) | null = null;

  constructor(options: EventHubOptions) {
    this.#options = options;
    options.headend.on('channel', this.#onChannel);
    options.headend.on('fault', this.#onFault);
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
    const client: Client = { reply, isAdmin };
    this.#clients.add(client);
    reply.sse.onClose(() => this.#leave(client));
    reply.sse.keepAlive();
    send(client, 'status', JSON.stringify(this.#status()));
    if (this.#stopTicking === null) this.#tickLater();
  }

  /** Sends every client away. */
  close(): void {
    this.#options.headend.off('channel', this.#onChannel);
    this.#options.headend.off('fault', this.#onFault);
    for (const { reply } of [...this.#clients]) reply.sse.close();
  }

  #leave(client: Client): void {
    this.#clients.delete(client);
    if (this.#clients.size > 0) return;
    this.#stopTicking?.();
    this.#stopTicking = null;
  }

  #tickLater(): void {
    const { clock, statusMs } = this.#options;
    this.#stopTicking = clock.setTimer(() => {
      this.#tickLater();
      const status = JSON.stringify(this.#status());
      for (const client of [...this.#clients]) send(client, 'status', status);
    }, statusMs);
  }

  #status(): Static<typeof StatusEvent> {
    const { headend, clock } = this.#options;
    return {
      at: new Date(clock.now()).toISOString(),
      channels: headend.channels.list().map(summary),
      storeBytes: headend.storeBytes,
    };
  }

  readonly #onChannel = ({ channelId, state }: ChannelEvent): void => {
    const event: Static<typeof ChannelStateEvent> = { channelId, state };
    const text = JSON.stringify(event);
    for (const client of [...this.#clients]) send(client, 'channel', text);
  };

  readonly #onFault = ({ code, channelId, stage, airsAt, message, source }: Fault): void => {
    const event: Static<typeof FaultEvent> = {
      code,
      channelId,
      stage,
      airsAt: airsAt?.toISOString() ?? null,
    };
    for (const client of [...this.#clients]) {
      // Messages and sources name files.
      send(client, 'fault', JSON.stringify(client.isAdmin ? { ...event, message, source } : event));
    }
  };
}

function send({ reply }: Client, event: string, data: string): void {
  if (reply.raw.writableLength > MOST_UNREAD_BYTES) {
    reply.raw.destroy();
    return;
  }
  // Rejects when the client has just left, which `onClose` tells as well.
  reply.sse.send({ event, data }).catch(() => {});
}
