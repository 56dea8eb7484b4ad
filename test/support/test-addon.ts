// The engine with the encoders that break on demand. The test runner compiles it for files that say
// `// needs: test addon`.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Engine } from '../../lib/engine/engine.js';
import { createNativeEngine } from '../../lib/engine/native.js';

const ADDON = fileURLToPath(new URL('../../out/cmake/Release/headend-test.node', import.meta.url));

/** An engine that knows the encoder `failing`. @throws when the addon is not there */
export function createTestEngine(): Engine {
  if (!existsSync(ADDON)) throw new Error(`no ${ADDON}: run this test with scripts/test.mjs`);
  return createNativeEngine({ addon: ADDON });
}

/**
 * The engine with another encoder in the place of whatever `auto` would choose: a name of
 * native/testing/failing_encoder.h, such as `failing:after=150,height=180`.
 */
export function withEncoder(engine: Engine, name: string): Engine {
  return {
    probe: (url, options) => engine.probe(url, options),
    measureLoudness: (url, options) => engine.measureLoudness(url, options),
    remux: (tracks) => engine.remux(tracks),
    createProducer: (options, sink) => engine.createProducer(options, sink),
    close: () => engine.close(),
    hardware: async () => [{ name, works: true, reason: '', elapsedMs: 0 }],
  };
}
