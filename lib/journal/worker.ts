// The journal's thread: SQLite is synchronous and waits for the disk, which must not stop the streams.

import { parentPort, workerData } from 'node:worker_threads';
import type { HistoryQuery, LogReader, Logs } from './history.js';
import type { LogReply, StoreMessage, StoreReply, StoreRequest } from './protocol.js';
import { JournalStore } from './store.js';

const store = new JournalStore(workerData);

function answer(request: StoreRequest): StoreReply {
  switch (request.kind) {
    case 'open':
      return { kind: 'open', state: store.open() };
    case 'commit':
      return {
        kind: 'commit',
        report: store.commit(request.name, JSON.parse(request.operations), request.nowMs),
      };
    case 'prune':
      return { kind: 'prune', isMore: store.prune(request.nowMs) };
    case 'read':
      return read(request.log, request.query);
    case 'close':
      store.close();
      return { kind: 'close' };
  }
}

function read<Log extends keyof Logs>(log: Log, query: HistoryQuery): LogReply<Log> {
  const entries = store.read((logs: LogReader) => logs[log](query));
  return { kind: 'read', log, entries };
}

function outcome(id: number, request: StoreRequest): StoreMessage {
  try {
    return { id, reply: answer(request) };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
}

parentPort?.on('message', ({ id, request }: { id: number; request: StoreRequest }) => {
  parentPort?.postMessage(outcome(id, request));
});
