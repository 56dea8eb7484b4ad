// What a person who sends a signal twice means: a terminal and npm both pass one Ctrl-C on, a second one is impatience.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const SIGNALS = fileURLToPath(new URL('../../server/signals.ts', import.meta.url));

// A server whose good order takes for ever.
const PROGRAM = `
  import { stopOnSignals } from ${JSON.stringify(SIGNALS)};
  stopOnSignals({ info: (message) => console.log(message) });
  setInterval(() => {}, 1000);
  console.log('ready');
`;

for (const [first, second] of [
  ['SIGINT', 'SIGINT'],
  ['SIGTERM', 'SIGINT'],
  ['SIGINT', 'SIGTERM'],
] as const) {
  test(`${first}, and ${second} again and again: the first ends it in good order, a later one at once`, async () => {
    const args = ['--import', 'tsx', '--input-type=module', '--eval', PROGRAM];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    let said = '';
    child.stdout.on('data', (data: Buffer) => {
      said += data.toString();
    });
    while (!said.includes('ready')) await once(child.stdout, 'data');
    child.kill(first);
    while (!said.includes('going off the air')) await once(child.stdout, 'data');
    let sent = 0;
    const again = setInterval(() => {
      sent++;
      child.kill(second);
    }, 50);
    assert.equal(await exited, [1, null]);
    clearInterval(again);
    assert.ok(sent > 1, 'those that come with the first one are one with it');
    assert.equal(said.match(/going off the air/g)?.length, 1);
    assert.match(said, `${first}: going off`);
  });
}

test.run();
