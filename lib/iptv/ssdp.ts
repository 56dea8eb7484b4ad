// Announces a device in the local networks, and answers those who search for it (SSDP over IPv4 multicast).

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { BlockList } from 'node:net';
import type { Clock } from '../clock.js';
import {
  aliveNotices,
  answer,
  leaveNotices,
  MAX_AGE_SECONDS,
  matches,
  readSearch,
  SSDP_GROUP,
  SSDP_PORT,
  type SsdpDevice,
} from './ssdp-messages.js';

// Datagrams get lost: the first announcement is made twice, and one that is good for a time three times in it.
const SECOND_TIME_MS = 3000;
const REPEAT_MS = (MAX_AGE_SECONDS * 1000) / 3;

/** Searches that wait for their answer; beyond that they get none, and are repeated by those who mean it. */
const MOST_WAITING = 64;

const HOPS = 2;

/** An address of this machine and its network. */
export interface LocalAddress {
  readonly address: string;
  /** How many bits of it are the network's. */
  readonly prefixLength: number;
}

/** What an {@link SsdpAnnouncer} announces, and where. */
export interface SsdpOptions {
  readonly uuid: string;
  readonly clock: Clock;
  /** The IPv4 addresses under which the device is reached; looked up before every announcement. */
  readonly addresses: () => readonly LocalAddress[];
  /** URL of the device's description for those who reach it under an address. */
  readonly locationAt: (address: string) => string;
  /** Told once for an announcement that fails in a new way. */
  readonly onError: (error: Error) => void;
}

interface Network {
  readonly members: BlockList;
  readonly sender: Socket;
  readonly device: SsdpDevice;
}

/** Announces from its making until it is closed. What goes wrong is told, and never thrown. */
export class SsdpAnnouncer {
  readonly #options: SsdpOptions;
  readonly #receiver: Socket;
  // By address of this machine.
  readonly #networks = new Map<string, Network>();
  readonly #waiting = new Set<() => void>();
  #cancelNext: () => void = () => {};
  #lastError = '';
  #closed: Promise<void> | null = null;

  constructor(options: SsdpOptions) {
    this.#options = options;
    this.#receiver = createSocket({ type: 'udp4', reuseAddr: true });
    this.#receiver.on('error', (error) => {
      this.#tell(error);
      void this.close();
    });
    this.#receiver.on('message', (data, from) => this.#onMessage(data, from));
    this.#receiver.bind(SSDP_PORT, () => this.#announce(SECOND_TIME_MS));
  }

  /** Says good-bye; resolves when the sockets are closed. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#cancelNext();
    for (const cancel of this.#waiting) cancel();
    this.#waiting.clear();
    const left = [...this.#networks.values()];
    this.#networks.clear();
    await Promise.all(left.map((network) => this.#notify(network, leaveNotices(network.device))));
    await Promise.all([this.#receiver, ...left.map(({ sender }) => sender)].map(closed));
  }

  #announce(pauseMs: number): void {
    this.#followAddresses();
    for (const network of this.#networks.values()) {
      void this.#notify(network, aliveNotices(network.device));
    }
    this.#cancelNext = this.#options.clock.setTimer(() => this.#announce(REPEAT_MS), pauseMs);
  }

  #followAddresses(): void {
    const { addresses } = this.#options;
    const current = new Map(addresses().map((local) => [local.address, local]));
    for (const [address, { sender }] of this.#networks) {
      if (current.has(address)) continue;
      this.#networks.delete(address);
      sender.close();
      // The system leaves the group by itself where the interface is gone.
      this.#try(() => this.#receiver.dropMembership(SSDP_GROUP, address));
    }
    for (const local of current.values()) {
      if (this.#networks.has(local.address)) continue;
      this.#try(() => {
        this.#receiver.addMembership(SSDP_GROUP, local.address);
        this.#networks.set(local.address, this.#network(local));
      });
    }
  }

  #network({ address, prefixLength }: LocalAddress): Network {
    const { uuid, locationAt } = this.#options;
    const members = new BlockList();
    members.addSubnet(address, prefixLength);
    const sender = createSocket('udp4');
    sender.on('error', (error) => this.#tell(error));
    sender.bind({ address, port: 0 }, () =>
      this.#try(() => {
        sender.setMulticastInterface(address);
        sender.setMulticastTTL(HOPS);
      }),
    );
    return { members, sender, device: { uuid, location: locationAt(address) } };
  }

  // Only those in the same network are answered: the address of a sender is easily forged.
  #onMessage(data: Uint8Array, from: RemoteInfo): void {
    const search = readSearch(data);
    const networks = [...this.#networks.values()];
    const network = networks.find(({ members }) => members.check(from.address));
    if (!search || !network || this.#waiting.size === MOST_WAITING) return;
    const found = matches(search, network.device);
    if (found.length === 0) return;
    const { clock } = this.#options;
    const reply = () => {
      this.#waiting.delete(cancel);
      const now = new Date(clock.now());
      for (const target of found) {
        void this.#send(network, answer(target, network.device, now), from.port, from.address);
      }
    };
    const cancel = clock.setTimer(reply, Math.random() * search.maxWaitSeconds * 1000);
    this.#waiting.add(cancel);
  }

  async #notify(network: Network, texts: readonly string[]): Promise<void> {
    await Promise.all(texts.map((text) => this.#send(network, text, SSDP_PORT, SSDP_GROUP)));
  }

  #send({ sender }: Network, text: string, port: number, address: string): Promise<void> {
    return new Promise((resolve) => {
      const sent = (error: Error | null) => {
        if (error) this.#tell(error);
        resolve();
      };
      this.#try(() => sender.send(text, port, address, sent), resolve);
    });
  }

  #try(act: () => void, onFailure: () => void = () => {}): void {
    try {
      act();
    } catch (error) {
      this.#tell(error instanceof Error ? error : new Error(String(error)));
      onFailure();
    }
  }

  // By code where there is one: a message may name a port that somebody else has chosen.
  #tell(error: NodeJS.ErrnoException): void {
    const kind = error.code ?? error.message;
    if (this.#closed || kind === this.#lastError) return;
    this.#lastError = kind;
    this.#options.onError(error);
  }
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.close(() => resolve()));
}
