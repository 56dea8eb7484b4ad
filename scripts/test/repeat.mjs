// A test file run many times over in one process, to find what fails now and then:
//   node --import tsx scripts/test/repeat.mjs TIMES FILE
import { run } from 'uvu/run';

const [, , times, file = ''] = process.argv;
// An address of its own makes each a module of its own.
const suites = Array.from({ length: Number(times) }, (_, n) => ({
  name: `${n + 1}`,
  file: `${file}?${n}`,
}));
await run(suites);
