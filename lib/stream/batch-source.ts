// Where a batch begins: the source of its first frame, and the exact place in it.

import type { Rational } from '../engine/engine.js';
import type { Grid } from '../timeline/grid.js';
import { ratioSum } from '../timeline/rational.js';
import type { ResolvedProgramme, ResolvedSchedule } from '../timeline/schedule.js';

/** The file or URL of a programme; empty for generated pictures and for the slate. */
export function sourceName({ source }: ResolvedProgramme): string {
  return source.kind === 'file' ? source.url : '';
}

/** The source that airs in a frame, and how many seconds into the source that frame lies. */
export function sourceAt(
  schedule: ResolvedSchedule,
  grid: Grid,
  frame: number,
): { readonly source: string; readonly offset: Rational } {
  const { programme, offsetFrames } = schedule.airingAt(frame);
  const { num, den } = grid.format.frameRate;
  const { source } = programme;
  const inPoint = source.kind === 'file' ? source.inPoint : { num: 0, den: 1 };
  return {
    source: sourceName(programme),
    offset: ratioSum(inPoint, { num: offsetFrames * den, den: num }),
  };
}
