// A process of its own that opens a journal and records operations until it is killed; durability.test.ts runs it. It
// prints what each operation is known by once the journal has acknowledged it, never before.
import { openJournal } from '../../lib/journal/open-journal.js';
import { ENDLESS, stepsOf } from './journal-script.js';

const [file = '', first = '0'] = process.argv.slice(2);

const journal = await openJournal({
  ...{ file, intervalMs: 2, maxBatchOperations: 20, lockTimeoutMs: 5000, ...ENDLESS },
});
process.stdout.write('open\n');

let next = Number(first);
function recordSome(): void {
  for (const [kind, n, operation] of stepsOf(next++)) {
    void journal.record(operation).then(() => process.stdout.write(`${kind} ${n}\n`));
  }
  setTimeout(recordSome, 1);
}
recordSome();
