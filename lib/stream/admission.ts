// Whether another channel may start on this machine, and with which rungs. Pure: figures in, decision out.

/** `off`: every channel starts. `refuse`: not when the machine is full. `reduce`: with its smallest rung if that fits. */
export type AdmissionPolicy = 'off' | 'refuse' | 'reduce';

/** A channel that is watched, as admission sees it. */
export interface RunningCost {
  /** Generation time / content time; null before it is known. */
  readonly ratio: number | null;
  /** Pixels per second of the rungs in demand. */
  readonly pixelRate: number;
}

/** A rung of the channel that wants to start. */
export interface RungCost {
  readonly id: string;
  /** Pixels per second. */
  readonly pixelRate: number;
}

/** What the decision is made from. */
export interface AdmissionRequest {
  readonly policy: AdmissionPolicy;
  /** How many segments are in work at a time. */
  readonly slots: number;
  readonly running: readonly RunningCost[];
  /** The rungs of the channel, largest first. */
  readonly rungs: readonly RungCost[];
  /** The rung that players start with. */
  readonly startRung: string;
}

/** The ids of the rungs that the channel may make, largest first; none when it is refused. */
export type AdmittedRungs = readonly string[];

/**
 * The part of the machine that the running channels take: a channel that takes 0.5 s to make a second of itself
 * takes half a slot. At 1 every slot is always taken.
 */
export function load(running: readonly RunningCost[], slots: number): number {
  return running.reduce((sum, { ratio }) => sum + (ratio ?? 0), 0) / slots;
}

/**
 * Decides. The first channel is always admitted. Of what is not measured yet is expected that it costs as much per pixel as
 * what is, or as much as each of the others where nobody looks at pictures; and a whole slot before there is any figure.
 */
export function admit(request: AdmissionRequest): AdmittedRungs {
  const { policy, running, rungs, startRung } = request;
  const all = rungs.map(({ id }) => id);
  if (policy === 'off' || running.length === 0) return all;
  const first = rungs.find(({ id }) => id === startRung);
  if (fits(request, first)) return all;
  const smallest = rungs.at(-1);
  return policy === 'reduce' && smallest && fits(request, smallest) ? [smallest.id] : [];
}

function fits({ running, slots }: AdmissionRequest, rung: RungCost | undefined): boolean {
  const measured = running.filter(({ ratio }) => ratio !== null);
  const cost = load(measured, 1);
  const measuredRate = measured.reduce((sum, { pixelRate }) => sum + pixelRate, 0);
  const expected = (pixelRate: number) => {
    if (measured.length === 0) return 1;
    return measuredRate > 0 ? (cost * pixelRate) / measuredRate : cost / measured.length;
  };
  const unmeasured = running.filter(({ ratio }) => ratio === null);
  const rates = [...unmeasured.map(({ pixelRate }) => pixelRate), rung?.pixelRate ?? 0];
  return rates.reduce((sum, rate) => sum + expected(rate), cost) <= slots;
}
