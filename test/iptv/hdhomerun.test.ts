// The tuner's documents, with the members that its clients read.
import fc from 'fast-check';
import { XmlDocument } from 'libxml2-wasm';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  deviceDescription,
  discovery,
  isTunerId,
  lineupStatus,
  tunerId,
  tunerLineup,
} from '../../lib/iptv/hdhomerun.js';

const TUNER = {
  id: tunerId('living room'),
  name: 'Living <room>',
  baseUrl: 'http://tv:8080',
  tuners: 4,
};

test('device ids have the check digit that real tuners have', () => {
  assert.ok(isTunerId('10439EFD'), 'the id of a real device');
  assert.not.ok(isTunerId('10439EFE'));
  assert.not.ok(isTunerId('10439EF'));
  assert.not.ok(isTunerId('1043 EFD'));
  fc.assert(
    fc.property(fc.string(), (name) => {
      assert.ok(isTunerId(tunerId(name)));
      assert.is(tunerId(name), tunerId(name));
    }),
  );
  assert.is.not(tunerId('a'), tunerId('b'));
});

test('discovery leads to the line-up', () => {
  const document = discovery(TUNER);
  assert.is(document.DeviceID, TUNER.id);
  assert.is(document.FriendlyName, 'Living <room>');
  assert.is(document.TunerCount, 4);
  assert.is(document.BaseURL, 'http://tv:8080');
  assert.is(document.LineupURL, 'http://tv:8080/lineup.json');
});

test('the line-up names every channel by its number', () => {
  const url = 'http://tv:8080/channels/news/stream.ts';
  const news = { id: 'news', name: 'News', number: '7', url };
  const listed = { GuideNumber: '7', GuideName: 'News', VideoCodec: 'H264', AudioCodec: 'AAC' };
  assert.equal(tunerLineup([news, { ...news, isHd: true }, { ...news, isHd: false }]), [
    { ...listed, URL: url },
    { ...listed, HD: 1, URL: url },
    { ...listed, URL: url },
  ]);
  assert.is(lineupStatus().ScanInProgress, 0);
});

test('the device description is read back', () => {
  const xml = deviceDescription(TUNER);
  const document = XmlDocument.fromString(xml);
  const namespaces = { d: 'urn:schemas-upnp-org:device-1-0' };
  const name = document.find('/d:root/d:device/d:friendlyName', namespaces);
  assert.equal(
    name.map(({ content }) => content),
    ['Living <room>'],
  );
  document.dispose();
  assert.match(
    xml,
    /<UDN>uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}<\/UDN>/,
  );
});

test.run();
