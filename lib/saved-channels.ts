// Channels that were added as definitions, through the API: written to the journal, and brought back after a restart.

import type { Channel } from './channel.js';
import type { Clock } from './clock.js';
import { type ChannelDefinition, channelFromDefinition } from './definition.js';
import type { Channels } from './headend.js';
import type { Journal } from './journal/journal.js';
import type { JournalOperation } from './journal/operations.js';

/** What became of a saved channel. */
export type RestoredChannel =
  | {
      /** The id that it was saved under. */
      readonly channelId: string;
      /** The channel, on the air. */
      readonly channel: Channel;
      /** Nothing went wrong. */
      readonly error: null;
    }
  | {
      /** The id that it was saved under. */
      readonly channelId: string;
      /** It could not be added. */
      readonly channel: null;
      /** Why not: what `channelFromDefinition` or `channels.add` threw. */
      readonly error: unknown;
    };

/** What {@link SavedChannels} work with. */
export interface SavedChannelsParts {
  readonly channels: Channels;
  readonly journal: Journal | null;
  readonly clock: Clock;
}

/** Adds and removes channels for good. Without a journal they last as long as the process. */
export class SavedChannels {
  readonly #parts: SavedChannelsParts;

  /**
   * Use `headend.saved`.
   * @internal
   */
  constructor(parts: SavedChannelsParts) {
    this.#parts = parts;
  }

  /**
   * Adds a channel, and resolves when it will survive the end of the process.
   * @throws HeadendError as `channelFromDefinition` and `channels.add`; `JOURNAL_FAILED` when the channel is on the air
   * but not saved: `retryable` when that is tried again.
   */
  async add(definition: ChannelDefinition): Promise<Channel> {
    const channel = await this.#parts.channels.add(channelFromDefinition(definition));
    await this.#save(definition);
    return channel;
  }

  /**
   * Adds a channel in the place of the one with the same id, for good.
   * @throws HeadendError as {@link add}
   */
  async put(definition: ChannelDefinition): Promise<Channel> {
    const channel = await this.#parts.channels.put(channelFromDefinition(definition));
    await this.#save(definition);
    return channel;
  }

  /**
   * Takes a channel off the air for good.
   * @throws HeadendError `CHANNEL_NOT_FOUND`; `JOURNAL_FAILED` when the channel is gone but that is not saved:
   * `retryable` when that is tried again.
   */
  async remove(channelId: string): Promise<void> {
    const { channels, clock } = this.#parts;
    channels.get(channelId);
    const removed = channels.remove(channelId);
    await Promise.all([
      removed,
      this.#record({ type: 'channel-deleted', channelId, atMs: clock.now() }),
    ]);
  }

  /**
   * Adds the channels that were saved when the journal was opened, one after the other; one whose id is taken, or that
   * cannot be added, is an outcome with an error, and stays saved.
   */
  async *restore(): AsyncGenerator<RestoredChannel, void, void> {
    const { channels, journal } = this.#parts;
    for (const [channelId, text] of journal?.savedChannels() ?? []) {
      try {
        const definition: unknown = JSON.parse(text);
        const channel = await channels.add(channelFromDefinition(definition));
        yield { channelId, channel, error: null };
      } catch (error) {
        yield { channelId, channel: null, error };
      }
    }
  }

  async #save(definition: ChannelDefinition): Promise<void> {
    await this.#record({
      type: 'channel-saved',
      channelId: definition.id,
      atMs: this.#parts.clock.now(),
      definition: JSON.stringify(definition),
    });
  }

  /** Resolves when it is durable; does not wait while the disk fails. */
  async #record(operation: JournalOperation): Promise<void> {
    const { journal } = this.#parts;
    const recorded = journal?.record(operation);
    await journal?.flush();
    await recorded;
  }
}
