// The numbers of channels on a remote control: those that were chosen, and the smallest free ones for the others.

/** Keeps every number different. Holds an entry for each channel. */
export class ChannelNumbers {
  // In the order in which the channels are listed.
  readonly #chosen = new Map<string, string | undefined>();
  #numbers: ReadonlyMap<string, string> | null = null;

  /** Adds a channel with the number that was chosen for it, or changes that in its place. */
  set(channelId: string, chosen: string | undefined): void {
    this.#chosen.set(channelId, chosen);
    this.#numbers = null;
  }

  delete(channelId: string): void {
    this.#chosen.delete(channelId);
    this.#numbers = null;
  }

  /** The number of a channel; empty for one that is not there. */
  of(channelId: string): string {
    this.#numbers ??= assigned(this.#chosen);
    return this.#numbers.get(channelId) ?? '';
  }
}

// A function of the list alone, so that a restart changes nothing. Of two that chose a number the first has it.
function assigned(chosen: ReadonlyMap<string, string | undefined>): Map<string, string> {
  const owners = new Map<string, string>();
  for (const [channelId, number] of chosen) {
    if (number !== undefined && !owners.has(number)) owners.set(number, channelId);
  }
  let free = 0;
  const nextFree = () => {
    do free++;
    while (owners.has(String(free)));
    return String(free);
  };
  const numbers = new Map<string, string>();
  for (const [channelId, number] of chosen) {
    const isOwner = number !== undefined && owners.get(number) === channelId;
    numbers.set(channelId, isOwner ? number : nextFree());
  }
  return numbers;
}
