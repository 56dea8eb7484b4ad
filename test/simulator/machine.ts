// A machine with a number of cores that its jobs share evenly, and an engine whose segments cost processor time on it.
import type { Clock } from '../../lib/clock.js';
import type {
  BatchReport,
  Engine,
  Loudness,
  ProbeResult,
  ProduceRequest,
  Producer,
  ProducerOptions,
  ProducerSink,
} from '../../lib/engine/engine.js';
import { HeadendError } from '../../lib/errors.js';

/** Cores that one segment can keep busy: its decoder, its rungs and their threads. */
const CORES_PER_JOB = 3;

/** Less than this is nothing: instants since 1970 are exact to a fraction of a microsecond only. */
const DONE_MS = 0.01;

interface Job {
  remaining: number;
  readonly done: () => void;
}

/** Cores shared by jobs. */
export class Machine {
  readonly cores: number;
  readonly #clock: Clock;
  readonly #jobs = new Set<Job>();
  #at: number;
  #cancelTimer: (() => void) | null = null;
  /** Processor milliseconds used so far. */
  used = 0;

  constructor(clock: Clock, cores: number) {
    this.#clock = clock;
    this.#at = clock.monotonic();
    this.cores = cores;
  }

  /** Resolves when the job has had so many milliseconds of processor time, or the signal aborts. */
  work(cost: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#settle();
      const end = () => {
        if (!this.#jobs.delete(job)) return;
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      const onAbort = () => {
        this.#settle();
        end();
        this.#plan();
      };
      const job: Job = { remaining: cost, done: end };
      this.#jobs.add(job);
      signal.addEventListener('abort', onAbort, { once: true });
      this.#plan();
    });
  }

  // Cores that each job has now.
  get #share(): number {
    return Math.min(CORES_PER_JOB, this.cores / this.#jobs.size);
  }

  // Gives every job what it has had since the last change.
  #settle(): void {
    const now = this.#clock.monotonic();
    const each = (now - this.#at) * this.#share;
    this.#at = now;
    for (const job of this.#jobs) {
      job.remaining -= each;
      this.used += each;
    }
  }

  #plan(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    if (this.#jobs.size === 0) return;
    const least = Math.min(...Array.from(this.#jobs, ({ remaining }) => remaining));
    this.#cancelTimer = this.#clock.setTimer(() => {
      this.#settle();
      for (const job of [...this.#jobs]) if (job.remaining < DONE_MS) job.done();
      this.#plan();
    }, least / this.#share);
  }
}

/** Processor milliseconds that a second of each part costs, and what a cold start costs besides. */
export const COST = { decode: 60, audio: 10, megapixel: 6.5, coldStart: 300 } as const;

/** An engine whose segments are one byte long and cost what encoding would. */
export class CostEngine implements Engine {
  readonly #machine: Machine;
  /** Segments of renditions made. */
  made = 0;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  async probe(url: string): Promise<ProbeResult> {
    throw new HeadendError('SOURCE_NOT_FOUND', 'probe', url);
  }

  async measureLoudness(url: string): Promise<Loudness> {
    throw new HeadendError('SOURCE_NOT_FOUND', 'probe', url);
  }

  async remux(): Promise<Uint8Array> {
    return new Uint8Array(1);
  }

  async close(): Promise<void> {}

  createProducer(options: ProducerOptions, sink: ProducerSink): Producer {
    const stop = new AbortController();
    const { frameRate, framesPerSegment } = options.format;
    const rate = frameRate.num / frameRate.den;
    const seconds = framesPerSegment / rate;
    let next = -1;
    const costOf = (rungs: readonly string[]) => {
      const encoded = options.rungs.filter(({ id }) => rungs.includes(id));
      const pixels = encoded.reduce((sum, { width, height }) => sum + width * height * rate, 0);
      const decode = encoded.length > 0 ? COST.decode : 0;
      return seconds * (decode + COST.audio + (COST.megapixel * pixels) / 1e6);
    };
    return {
      produce: async ({ from, rungs }: ProduceRequest): Promise<BatchReport> => {
        if (next === -1) {
          for (const rendition of ['audio', ...options.rungs.map(({ id }) => id)]) {
            sink.onInit({ rendition, codecs: 'x', data: new Uint8Array(1) });
          }
        }
        const warm = from === next;
        next = from + 1;
        await this.#machine.work(costOf(rungs) + (warm ? 0 : COST.coldStart), stop.signal);
        if (stop.signal.aborted) throw new HeadendError('ENGINE_STOPPED', 'engine', 'stopped');
        for (const rendition of ['audio', ...rungs]) {
          this.made++;
          const data = new Uint8Array(1);
          sink.onSegment({ rendition, sequence: from, start: 0, duration: 0, timescale: 1, data });
        }
        return {
          elapsedMs: 0,
          framesDecoded: 0,
          framesRepeated: 0,
          framesDropped: 0,
          warm,
          renditions: [],
        };
      },
      stop: async () => stop.abort(),
    };
  }
}
