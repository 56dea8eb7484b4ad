// What a benchmark is: the small contract between the files of bench/ and the harness.

/** What one trial measured, by name. Units belong into the names: `cpuSeconds`, `firstSegmentMs`. */
export type Figures = Readonly<Record<string, number>>;

/** What every trial measured, by variant: one trial of each in a round. */
export type Rounds = Readonly<Record<string, readonly Figures[]>>;

/** A line of the published table: cells by column; numbers are written with three significant digits. */
export type Row = Readonly<Record<string, string | number>>;

/** A benchmark. A file of bench/ exports one as `bench`; importing the file must do nothing else. */
export interface Bench {
  /** What the table is about, as a heading. */
  readonly title: string;
  /** What is measured, how, and what is not: a paragraph above the table. */
  readonly about: string;
  /** Ours and its peers; one trial of each in turn. */
  readonly variants: readonly string[];
  /** How many trials of each variant the medians are over. Default 5. */
  readonly trials?: number;
  /** Why it cannot run on this machine; nothing where it can. */
  unavailable?(): Promise<string | undefined>;
  /** Makes what all trials use, such as a media file. Runs once, in a process of its own. */
  prepare?(): Promise<void>;
  /** One measurement, in a fresh process that ends afterwards. */
  trial(variant: string): Promise<Figures>;
  /** The published table. Every row has the same columns. */
  rows(rounds: Rounds): readonly Row[];
}

function figures(rounds: Rounds, variant: string, name: string): readonly number[] {
  const values = rounds[variant]?.map((trial) => trial[name] ?? Number.NaN) ?? [];
  if (values.length === 0 || values.some(Number.isNaN))
    throw new RangeError(`no figure ${name} of ${variant}`);
  return values;
}

/** The median of a figure over all rounds. @throws when the trials gave no such figure */
export function figure(rounds: Rounds, variant: string, name: string): number {
  return median(figures(rounds, variant, name));
}

/**
 * How many times that of `peer` a figure is: the median of the ratios of each round, since what else happens on the machine
 * hits trials alike that follow each other. @throws as figure()
 */
export function ratio(
  rounds: Rounds,
  variant: string,
  name: string,
  peer: string,
  peersName = name,
): number {
  const theirs = figures(rounds, peer, peersName);
  const own = figures(rounds, variant, name);
  return median(own.map((value, round) => value / (theirs[round] ?? Number.NaN)));
}

/** The middle one, or the mean of the two in the middle. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}
