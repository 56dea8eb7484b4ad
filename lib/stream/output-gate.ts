// What a producer gives of segments beyond those asked of it is kept back until they are asked for: encoders read ahead,
// and what airs there may change until then.

/** A piece of a segment, the whole, or that the producer has given up what it began of it. */
export interface Output {
  readonly kind: 'fragment' | 'segment' | 'abandoned';
  readonly rendition: string;
  readonly sequence: number;
}

interface Kept extends Output {
  readonly give: () => void;
}

/** Stands between one producer and those who take its output. Bounded by how far encoders read ahead. */
export class OutputGate {
  #openTo = -Infinity;
  #kept: Kept[] = [];

  /** Gives what belongs to a segment, now or later; things of one segment stay in order. */
  pass({ kind, rendition, sequence }: Output, give: () => void): void {
    const kept = { kind, rendition, sequence, give };
    // Of what is given up now, nobody has seen anything.
    if (kind === 'abandoned' && this.#take(kept).length > 0) return;
    if (sequence > this.#openTo) {
      this.#kept.push(kept);
      return;
    }
    for (const before of this.#take(kept)) before.give();
    give();
  }

  /**
   * Lets everything through up to a segment. Pieces that were kept go with the next thing that comes of their segment: a
   * producer that cannot go on from where it was gives them up only when it has been asked for more.
   */
  open(sequence: number): void {
    this.#openTo = sequence;
    const whole = this.#kept.filter((kept) => kept.kind === 'segment' && kept.sequence <= sequence);
    for (const { give } of whole.flatMap((kept) => this.#take(kept))) give();
  }

  // All that is kept of a segment.
  #take({ rendition, sequence }: Output): Kept[] {
    const belongs = (kept: Kept) => kept.rendition === rendition && kept.sequence === sequence;
    const taken = this.#kept.filter(belongs);
    if (taken.length > 0) this.#kept = this.#kept.filter((kept) => !belongs(kept));
    return taken;
  }
}
