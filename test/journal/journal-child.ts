// A process of its own that opens a journal and records operations until it is killed; durability.test.ts runs it. It
// prints the number of each operation once the journal has acknowledged it, never before.
import { openJournal } from '../../lib/journal/open-journal.js';

const [file = '', first = '0'] = process.argv.slice(2);

// What it records aired in 1970.
const journal = await openJournal({
  ...{ file, intervalMs: 2, maxBatchOperations: 20, lockTimeoutMs: 5000, retentionDays: 36_500 },
});
process.stdout.write('open\n');

let next = Number(first);
function recordMany(): void {
  for (let each = 0; each < 10; each++) {
    const n = next++;
    const entry = { title: `${n}`, source: `/media/${n}.mp4`, startsAtMs: n, endsAtMs: n + 1 };
    void journal
      .record({ type: 'aired', channelId: 'news', ...entry })
      .then(() => process.stdout.write(`${n}\n`));
  }
  setTimeout(recordMany, 1);
}
recordMany();
