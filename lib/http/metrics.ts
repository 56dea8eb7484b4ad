// Prometheus metrics of one Headend, in a registry of its own. Every label has a bounded set of values.

import type { FastifyReply, FastifyRequest } from 'fastify';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Channel } from '../channel.js';
import type { Headend } from '../headend.js';
import type { Fault } from '../stream/fault.js';

// Channels with a label of their own: the first that were added. Faults of others count together as OTHER_CHANNELS.
const LABELLED_CHANNELS = 200;
const OTHER_CHANNELS = '_others';

/** Counts, and writes what it counted. */
export class Metrics {
  readonly #headend: Headend;
  readonly #registry = new Registry();
  readonly #requests: Counter<'method' | 'route' | 'status'>;
  readonly #duration: Histogram<'route'>;
  readonly #faults: Counter<'code' | 'channel'>;
  // The channels and codes that the faults are counted under.
  readonly #faultLabels = new Map<string, Set<string>>();
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
    this.#gauge(
      'headend_store_disk_bytes',
      'Finished segments in files',
      () => headend.status().disk?.bytes ?? 0,
    );
    this.#gauge(
      'headend_store_disk_free_bytes',
      'Free on the disk of the segments when it was last looked at; 0 without one',
      () => headend.status().disk?.freeBytes ?? 0,
    );
    this.#gauge('headend_viewers', 'Viewers of all channels', () => headend.status().viewers);
    this.#gauge(
      'headend_load',
      'Part of the machine that the watched channels take; above 1 they cannot keep up',
      () => headend.status().load,
    );
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
    this.#forgetFaultsOfRemoved();
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
        for (const state of ['idle', 'starting', 'active', 'stopping', 'error'])
          this.set({ state }, 0);
        for (const { state } of headend.channels.list()) this.inc({ state });
      },
    });
    this.#channelGauge(
      'viewers',
      'Viewers: sessions, and one for all requests without',
      (channel) => channel.viewers,
    );
    this.#channelGauge(
      'rungs',
      'Rungs that are being encoded',
      (channel) => channel.rungsInDemand.length,
    );
    this.#channelGauge(
      'runway_seconds',
      'Segments that are made beyond what is on air',
      (channel) => channel.status().production?.runwaySeconds ?? 0,
    );
    this.#channelGauge(
      'generation_ratio',
      'Time to make / time to play; above 1 the machine is too slow',
      (channel) => channel.status().production?.generationRatio ?? 0,
    );
  }

  #channelGauge(name: string, help: string, value: (channel: Channel) => number): void {
    const { channels } = this.#headend;
    new Gauge({
      name: `headend_channel_${name}`,
      help,
      labelNames: ['channel'],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const channel of channels.list().slice(0, LABELLED_CHANNELS)) {
          this.set({ channel: channel.id }, value(channel));
        }
      },
    });
  }

  #onFault({ code, channelId }: Fault): void {
    const index = this.#headend.channels.list().findIndex(({ id }) => id === channelId);
    const isLabelled = index >= 0 && index < LABELLED_CHANNELS;
    const channel = isLabelled ? channelId : OTHER_CHANNELS;
    const codes = this.#faultLabels.get(channel) ?? new Set();
    this.#faultLabels.set(channel, codes.add(code));
    this.#faults.inc({ code, channel });
    if (this.#faultLabels.size > LABELLED_CHANNELS + 1) this.#forgetFaultsOfRemoved();
  }

  #forgetFaultsOfRemoved(): void {
    const first = this.#headend.channels.list().slice(0, LABELLED_CHANNELS);
    const present = new Set(first.map(({ id }) => id));
    for (const [channel, codes] of this.#faultLabels) {
      if (channel === OTHER_CHANNELS || present.has(channel)) continue;
      for (const code of codes) this.#faults.remove({ code, channel });
      this.#faultLabels.delete(channel);
    }
  }
}
