// Prometheus metrics of one Headend, in a registry of its own. Every label has a bounded set of values.

import type { FastifyReply, FastifyRequest } from 'fastify';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Headend } from '../headend.js';
import type { Fault } from '../stream/fault.js';

// Channels with a label of their own, the first that were added; the others count as OTHER_CHANNELS together.
const LABELLED_CHANNELS = 200;
const OTHER_CHANNELS = '_others';

/** Counts, and writes what it counted. */
export class Metrics {
  readonly #headend: Headend;
  readonly #registry = new Registry();
  readonly #requests: Counter<'method' | 'route' | 'status'>;
  readonly #duration: Histogram<'route'>;
  readonly #faults: Counter<'code' | 'channel'>;
  readonly #stopListening: () => void;

  /** @param eventClients How many clients follow the events now. */
  constructor(headend: Headend, eventClients: () => number) {
    this.#headend = headend;
    const registers = [this.#registry];
    this.#requests = new Counter({
      name: 'headend_http_requests_total',
      help: 'HTTP requests that were answered',
      labelNames: ['method', 'route', 'status'],
      registers,
    });
    this.#duration = new Histogram({
      name: 'headend_http_request_duration_seconds',
      help: 'From the request to the last byte of its answer; segments and playlists may wait for the engine',
      labelNames: ['route'],
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30],
      registers,
    });
    this.#faults = new Counter({
      name: 'headend_faults_total',
      help: 'Faults of channels',
      labelNames: ['code', 'channel'],
      registers,
    });
    this.#gauge('headend_store_bytes', 'Memory of finished segments', () => headend.storeBytes);
    this.#gauge('headend_event_clients', 'Clients that follow the events', eventClients);
    this.#gauge('process_resident_memory_bytes', 'Resident memory of the process', () =>
      process.memoryUsage.rss(),
    );
    this.#gauge('process_cpu_seconds', 'Processor time of the process since it started', () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    });
    this.#channelGauges();
    const onFault = (fault: Fault) => this.#onFault(fault);
    headend.on('fault', onFault);
    this.#stopListening = () => headend.off('fault', onFault);
  }

  /** The content type of {@link text}. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All metrics in Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Counts a request that has been answered. */
  count(request: FastifyRequest, reply: FastifyReply): void {
    const { method } = request;
    const route = request.routeOptions.url ?? 'none';
    this.#requests.inc({ method, route, status: reply.statusCode });
    this.#duration.observe({ route }, reply.elapsedTime / 1000);
  }

  /** Stops counting faults. */
  close(): void {
    this.#stopListening();
    this.#registry.clear();
  }

  #gauge(name: string, help: string, value: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.set(value());
      },
    });
  }

  #channelGauges(): void {
    const headend = this.#headend;
    new Gauge({
      name: 'headend_channels',
      help: 'Channels by state',
      labelNames: ['state'],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const state of ['idle', 'starting', 'active', 'error']) this.set({ state }, 0);
        for (const { state } of headend.channels.list()) this.inc({ state });
      },
    });
    const rungs = new Gauge({
      name: 'headend_channel_rungs',
      help: 'Rungs that are being encoded',
      labelNames: ['channel'],
      registers: [this.#registry],
      collect: () => {
        rungs.reset();
        headend.channels.list().forEach((channel, index) => {
          rungs.inc({ channel: labelAt(channel.id, index) }, channel.rungsInDemand.length);
        });
      },
    });
  }

  #onFault({ code, channelId }: Fault): void {
    const index = this.#headend.channels.list().findIndex(({ id }) => id === channelId);
    this.#faults.inc({ code, channel: index < 0 ? OTHER_CHANNELS : labelAt(channelId, index) });
  }
}

function labelAt(channelId: string, index: number): string {
  return index < LABELLED_CHANNELS ? channelId : OTHER_CHANNELS;
}
