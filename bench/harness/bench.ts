// What a benchmark is: the small contract between the files of bench/ and the harness.

/** What one trial measured, by name. Units belong into the names: `cpuSeconds`, `firstSegmentMs`. */
export type Figures = Readonly<Record<string, number>>;

/** The median of each figure over all trials, by variant. */
export type Medians = Readonly<Record<string, Figures>>;

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
  rows(medians: Medians): readonly Row[];
}

/** `medians[variant][figure]`. @throws when the trials gave no such figure */
export function figure(medians: Medians, variant: string, name: string): number {
  const value = medians[variant]?.[name];
  if (value === undefined) throw new RangeError(`no figure ${name} of ${variant}`);
  return value;
}
