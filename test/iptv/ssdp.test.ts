// The tuner is found in the network: real datagrams on the loopback interface, read by a client of its own.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { XmlDocument } from 'libxml2-wasm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { tunerId, tunerUuid } from '../../lib/iptv/hdhomerun.js';
import { SsdpAnnouncer } from '../../lib/iptv/ssdp.js';
import { matches, readSearch, SSDP_GROUP, SSDP_PORT } from '../../lib/iptv/ssdp-messages.js';
import { ask, json, startServer } from '../http/support.js';
import { FakeClock, settle } from '../stream/fake-clock.js';

const test = suite<{ client: Client }>('SSDP');

const LOOPBACK = '127.0.0.1';
// Others may announce on this machine at the same time.
const NAME = `Test tuner ${process.pid}`;
const UUID = tunerUuid(tunerId(NAME));
const DEVICE_TYPE = 'urn:schemas-upnp-org:device:MediaServer:1';

type Message = Readonly<Record<string, string>>;

function parse(data: Uint8Array): Message {
  const [first = '', ...lines] = Buffer.from(data).toString().split('\r\n');
  assert.equal(lines.slice(-2), ['', ''], 'headers end with an empty line');
  const headers = lines.slice(0, -2).map((line) => /^([A-Z-]+): ?(.*)$/.exec(line)?.slice(1));
  return { first, ...Object.fromEntries(headers.map((header) => header ?? ['', ''])) };
}

const search = (target: string, more: string) =>
  `M-SEARCH * HTTP/1.1\r\nHOST: ${SSDP_GROUP}:${SSDP_PORT}\r\nMAN: "ssdp:discover"\r\n${more}ST: ${target}\r\n\r\n`;

/** A control point: hears what is announced to the group, and the answers to its searches. */
class Client {
  readonly notices: Message[] = [];
  readonly answers: Message[] = [];
  readonly #group = createSocket({ type: 'udp4', reuseAddr: true });
  readonly #own = createSocket('udp4');

  static async open(): Promise<Client> {
    const client = new Client();
    await client.#bind(client.#group, SSDP_PORT, undefined, client.notices);
    client.#group.addMembership(SSDP_GROUP, LOOPBACK);
    await client.#bind(client.#own, 0, LOOPBACK, client.answers);
    client.#own.setMulticastInterface(LOOPBACK);
    return client;
  }

  async #bind(socket: Socket, port: number, address: string | undefined, into: Message[]) {
    socket.on('message', (data) => {
      if (!data.includes(`\r\nUSN: uuid:${UUID}`)) return;
      into.push(parse(data));
    });
    socket.bind({ port, ...(address && { address }) });
    await once(socket, 'listening');
  }

  search(target: string, more = 'MX: 0\r\n'): void {
    this.send(search(target, more));
  }

  send(text: string): void {
    this.#own.send(text, SSDP_PORT, SSDP_GROUP);
  }

  close(): void {
    this.#group.close();
    this.#own.close();
  }
}

/** Waits for datagrams, which come by themselves. The runner's deadline bounds it. */
async function untilTrue(condition: () => boolean): Promise<void> {
  while (!condition()) await settle();
}

test.before.each(async (context) => {
  context.client = await Client.open();
});

test.after.each(({ client }) => client.close());

test('a search finds the tuner, its description and its channels; it says when it comes and goes', async ({
  client,
}) => {
  const { headend, url } = await startServer({ ssdp: true, tunerName: NAME, basePath: '/tv' });
  await untilTrue(() => client.notices.length >= 3);
  const targets = ['upnp:rootdevice', `uuid:${UUID}`, DEVICE_TYPE];
  const names = [`uuid:${UUID}::upnp:rootdevice`, `uuid:${UUID}`, `uuid:${UUID}::${DEVICE_TYPE}`];
  const location = `${url}/tv/device.xml`;
  for (const [index, notice] of client.notices.slice(0, 3).entries()) {
    assert.is(notice.first, 'NOTIFY * HTTP/1.1');
    assert.is(notice.HOST, '239.255.255.250:1900');
    assert.is(notice.NTS, 'ssdp:alive');
    assert.equal([notice.NT, notice.USN], [targets[index], names[index]]);
    assert.match(notice['CACHE-CONTROL'] ?? '', /^max-age=1800$/);
    assert.is(notice.LOCATION, location);
  }

  client.search('ssdp:all');
  await untilTrue(() => client.answers.length === 3);
  for (const target of targets) client.search(target);
  await untilTrue(() => client.answers.length === 6);
  assert.equal(client.answers.map(({ ST }) => ST).sort(), [...targets, ...targets].sort());
  for (const answer of client.answers) {
    assert.is(answer.first, 'HTTP/1.1 200 OK');
    assert.is(answer.USN, names[targets.indexOf(answer.ST ?? '')]);
    assert.is(answer.LOCATION, location);
    assert.is(answer.EXT, '');
    assert.ok(Math.abs(Date.parse(answer.DATE ?? '') - Date.now()) < 60_000);
  }

  const device = XmlDocument.fromString((await ask(url, '/tv/device.xml')).body.toString());
  const namespaces = { d: 'urn:schemas-upnp-org:device-1-0' };
  const [base] = device.find('//d:URLBase', namespaces).map(({ content }) => content);
  const [udn] = device.find('//d:UDN', namespaces).map(({ content }) => content);
  device.dispose();
  assert.is(udn, `uuid:${UUID}`);
  const { LineupURL } = Object(json(await ask(url, new URL(`${base}/discover.json`).pathname)));
  assert.is(Object(json(await ask(url, new URL(LineupURL).pathname))).length, 1);

  const left = () => client.notices.filter(({ NTS }) => NTS === 'ssdp:byebye');
  assert.is(left().length, 0);
  await headend.close();
  await untilTrue(() => left().length === 3);
  assert.equal(
    left().map(({ NT }) => NT),
    targets,
  );
});

test('what is no search, or for others, is not answered; answers are spread and bounded', async ({
  client,
}) => {
  const clock = new FakeClock(Date.now());
  const errors: string[] = [];
  const announcer = new SsdpAnnouncer({
    uuid: UUID,
    clock,
    addresses: () => [{ address: LOOPBACK, prefixLength: 8 }],
    locationAt: (address) => `http://${address}/device.xml`,
    onError: ({ message }) => errors.push(message),
  });
  await untilTrue(() => client.notices.length === 3);
  const timers = clock.pending;
  for (const text of [
    '',
    'M-SEARCH * HTTP/1.1\r\n\r\n',
    search('ssdp:all', '').replace('ssdp:discover', 'ssdp:update'),
    search('urn:schemas-upnp-org:device:InternetGatewayDevice:1', ''),
    search(`uuid:${UUID.replace(/.$/, 'x')}`, ''),
    search('ssdp:all', '').replace('M-SEARCH', 'NOTIFY'),
    '\u0000'.repeat(2000),
  ]) {
    client.send(text);
  }
  for (let i = 0; i < 200; i++) client.search('upnp:rootdevice', 'MX: 120\r\n');
  await untilTrue(() => clock.pending === timers + 64);
  await clock.advance(2900);
  const early = client.answers.length;
  assert.ok(early > 0 && early < 64, `${early} answers after 2.9 of 5 s`);
  await clock.advance(100);
  await untilTrue(() => client.notices.length === 6);
  await clock.advance(2000);
  await untilTrue(() => client.answers.length === 64);
  assert.ok(client.answers.every(({ ST }) => ST === 'upnp:rootdevice'));
  await clock.advance(600_000);
  await untilTrue(() => client.notices.length === 9);
  const closing = announcer.close();
  assert.is(announcer.close(), closing);
  await closing;
  assert.is(clock.pending, 0);
  assert.equal(errors, []);
});

test('a network that cannot be used is told once, and does not end the announcements', async ({
  client,
}) => {
  const clock = new FakeClock(Date.now());
  const errors: string[] = [];
  let address = '192.0.2.77';
  const announcer = new SsdpAnnouncer({
    uuid: UUID,
    clock,
    addresses: () => [{ address, prefixLength: 24 }],
    locationAt: () => 'http://localhost/device.xml',
    onError: ({ message }) => errors.push(message),
  });
  await untilTrue(() => errors.length === 1);
  await clock.advance(700_000);
  assert.is(errors.length, 1, errors.join());
  assert.is(client.notices.length, 0);
  address = LOOPBACK;
  await clock.advance(600_000);
  await untilTrue(() => client.notices.length === 3);
  await announcer.close();
});

test('any datagram is read or refused', () => {
  assert.is(readSearch(Buffer.from(search('ssdp:all', 'MX: 3\r\n')))?.maxWaitSeconds, 3);
  assert.is(readSearch(Buffer.from(search('ssdp:all', 'MX: 1e9\r\n')))?.maxWaitSeconds, 0);
  assert.is(readSearch(Buffer.from(search('ssdp:all', 'MX: 999\r\n')))?.maxWaitSeconds, 5);
  assert.is(readSearch(Buffer.from(search('ssdp:all', 'mx:2\r\n')))?.maxWaitSeconds, 2);
  assert.equal(matches({ target: '__proto__', maxWaitSeconds: 0 }, { uuid: UUID }), []);
  assert.is(readSearch(Buffer.alloc(0)), null);
});

test.run();
