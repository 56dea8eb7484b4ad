// The journal's file seen from the main thread: every call is a message to the journal's thread and its answer. A
// thread that died is started again by the next call.

import { Worker } from 'node:worker_threads';
import { HeadendError } from '../errors.js';
import type { HistoryQuery, Logs } from './history.js';
import type { LogReply, StoreCall, StoreMessage, StoreReply, StoreRequest } from './protocol.js';
import type { StoreSettings } from './store.js';

type Kind = StoreCall['kind'];

interface Call {
  resolve(reply: StoreReply): void;
  reject(error: HeadendError): void;
}

/** The journal's thread. Keeps the process alive only while a call waits. */
export class StoreThread {
  readonly #settings: StoreSettings;
  /** Calls that wait for their answer; bounded by their callers. */
  readonly #calls = new Map<number, Call>();
  #worker: Worker | null = null;
  #count = 0;

  constructor(settings: StoreSettings) {
    this.#settings = settings;
  }

  /** @throws HeadendError `JOURNAL_FAILED` */
  async call<K extends Kind>(
    request: Extract<StoreCall, { kind: K }>,
  ): Promise<Extract<StoreReply, { kind: K }>> {
    const reply = await this.#ask(request);
    if (isOfKind<K>(reply, request.kind)) return reply;
    throw failure(`the journal's thread answered ${reply.kind} to ${request.kind}`);
  }

  /** @throws HeadendError `JOURNAL_FAILED` */
  async read<Log extends keyof Logs>(log: Log, query: HistoryQuery): Promise<Logs[Log][]> {
    const reply = await this.#ask({ kind: 'read', log, query });
    if (isOfLog(reply, log)) return reply.entries;
    throw failure(`the journal's thread answered ${reply.kind} to a question to ${log}`);
  }

  /** Ends the thread; calls that wait are rejected. */
  async stop(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }

  #ask(request: StoreRequest): Promise<StoreReply> {
    return new Promise((resolve, reject) => {
      const worker = this.#start();
      const id = ++this.#count;
      this.#calls.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ id, request });
    });
  }

  #start(): Worker {
    if (this.#worker !== null) return this.#worker;
    const worker = new Worker(new URL('./worker.js', import.meta.url), {
      name: 'headend-journal',
      workerData: this.#settings,
    });
    worker.on('message', (message: StoreMessage) => this.#onMessage(worker, message));
    worker.on('error', (error) => this.#onEnd(worker, String(error)));
    worker.on('exit', () => this.#onEnd(worker, 'it ended'));
    this.#worker = worker;
    return worker;
  }

  #onMessage(worker: Worker, message: StoreMessage): void {
    const call = this.#calls.get(message.id);
    this.#calls.delete(message.id);
    if (this.#calls.size === 0) worker.unref();
    if ('error' in message) call?.reject(failure(message.error));
    else call?.resolve(message.reply);
  }

  #onEnd(worker: Worker, reason: string): void {
    if (this.#worker !== null && this.#worker !== worker) return;
    this.#worker = null;
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const call of calls) call.reject(failure(`the journal's thread failed: ${reason}`));
  }
}

function isOfKind<K extends Kind>(
  reply: StoreReply,
  kind: string,
): reply is Extract<StoreReply, { kind: K }> {
  return reply.kind === kind;
}

function isOfLog<Log extends keyof Logs>(reply: StoreReply, log: Log): reply is LogReply<Log> {
  return reply.kind === 'read' && reply.log === log;
}

function failure(message: string): HeadendError {
  return new HeadendError('JOURNAL_FAILED', 'journal', message, { retryable: true });
}
