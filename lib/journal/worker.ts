// The journal's thread: SQLite is synchronous and waits for the disk, which must not stop the streams.

import { parentPort, workerData } from 'node:worker_threads';
import type { StoreMessage, StoreReply, StoreRequest } from './protocol.js';
import { JournalStore } from './store.js';

const store = new JournalStore(workerData);

function answer(request: StoreRequest): StoreReply {
  switch (request.kind) {
    case 'open':
      return { kind: 'open', state: store.open() };
    case 'commit':
      return {
        kind: 'commit',
        report: store.commit(request.name, JSON.parse(request.operations)),
      };
    case 'prune':
      return { kind: 'prune', isMore: store.prune(request.nowMs) };
    case 'aired':
      return { kind: 'aired', entries: store.read((logs) => logs.aired(request.query)) };
    case 'batches':
      return { kind: 'batches', entries: store.read((logs) => logs.batches(request.query)) };
    case 'faults':
      return { kind: 'faults', entries: store.read((logs) => logs.faults(request.query)) };
    case 'sessions':
      return { kind: 'sessions', entries: store.read((logs) => logs.sessions(request.query)) };
    case 'close':
      store.close();
      return { kind: 'close' };
  }
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
