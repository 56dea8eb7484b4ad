// What a producer gives too early: kept back, in order, until it is asked for.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Output, OutputGate } from '../../lib/stream/output-gate.js';

interface Context {
  gate: OutputGate;
  given: string[];
  pass(what: string, kind?: Output['kind'], rendition?: string): void;
}

const test = suite<Context>('output gate');

test.before.each((context) => {
  context.gate = new OutputGate();
  context.given = [];
  context.pass = (what, kind = 'fragment', rendition = 'audio') =>
    context.gate.pass({ kind, rendition, sequence: Number.parseInt(what, 10) }, () =>
      context.given.push(what),
    );
  context.gate.open(7);
});

test('what belongs to a later segment waits for it and for what follows it, in order, and is given once', ({
  gate,
  given,
  pass,
}) => {
  for (const what of ['7a', '8a', '9a', '8b', '7b']) pass(what);
  assert.equal(given.splice(0), ['7a', '7b']);
  gate.open(8);
  assert.equal(given.splice(0), []);
  pass('8c', 'fragment', '720p');
  assert.equal(given.splice(0), ['8c']);
  pass('8d');
  assert.equal(given.splice(0), ['8a', '8b', '8d']);
  gate.open(9);
  pass('9b', 'segment');
  assert.equal(given, ['9a', '9b']);
});

test('a later segment that is whole is given as soon as it is asked for', ({
  gate,
  given,
  pass,
}) => {
  for (const what of ['8a', '8b']) pass(what);
  pass('8 whole', 'segment');
  pass('9a');
  gate.open(9);
  assert.equal(given, ['8a', '8b', '8 whole']);
});

test('nobody gets anything of a later segment that is given up when it is asked for', ({
  gate,
  given,
  pass,
}) => {
  pass('8a');
  gate.open(8);
  pass('8 is given up', 'abandoned');
  assert.equal(given.splice(0), []);
  pass('8a again');
  pass('8b again');
  pass('8 is given up', 'abandoned');
  assert.equal(given, ['8a again', '8b again', '8 is given up']);
});

test('one that is given up before it is asked for is forgotten', ({ gate, given, pass }) => {
  pass('8a');
  pass('8 is given up', 'abandoned');
  gate.open(8);
  pass('8a again');
  assert.equal(given, ['8a again']);
});

test.run();
