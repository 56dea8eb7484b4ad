// What createHeadend refuses is told without the secrets that are among the options: messages go to logs.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HeadendError } from '../../lib/errors.js';
import { createHeadend } from '../../lib/index.js';

const test = suite('secrets');

const SECRETS = {
  adminToken: 'admin-hunter2-admin',
  viewerToken: 'viewer-hunter2-viewer',
  signingSecret: 'hunter2 signs the URLs of everybody',
};

async function refusal(options: unknown): Promise<string> {
  try {
    await using _ = await Reflect.apply(createHeadend, null, [options]);
  } catch (error) {
    if (error instanceof HeadendError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'accepted';
}

test('no message shows a secret, whatever else is wrong', async () => {
  const cases: [object, string][] = [
    [
      { batchSegments: 4, batchThreshold: 9, http: SECRETS },
      'batchThreshold must be less than batchSegments (4), got 9',
    ],
    [{ batchSegmnts: 4, http: SECRETS }, 'the argument has unknown options: batchSegmnts'],
    [{ http: { ...SECRETS, adminTokn: 'hunter2' } }, 'http has unknown options: adminTokn'],
    [
      { http: { ...SECRETS, adminToken: 'hunter2secret' } },
      'http.adminToken must not have fewer than 16 characters, got a text of 13 characters',
    ],
    [
      { http: { ...SECRETS, viewerToken: 'hunter2 hunter2 hunter2' } },
      'http.viewerToken must match pattern',
    ],
    [
      { http: { ...SECRETS, signingSecret: ['hunter2'] } },
      'http.signingSecret must be string, got a value of type object',
    ],
    [{ http: [SECRETS] }, 'http must be object, got [ { adminToken: '],
    [{ ...SECRETS }, 'the argument has unknown options: adminToken, viewerToken, signingSecret'],
    [{ storeBytes: { http: SECRETS } }, 'storeBytes must be integer, got { http: { adminToken: '],
  ];
  for (const [options, expected] of cases) {
    const message = await refusal(options);
    assert.ok(message.startsWith(`INVALID_OPTIONS: createHeadend: ${expected}`), message);
    assert.not.match(message, 'hunter2');
  }
});

test.run();
