// The programme guide of a schedule: what airs when, in wall time. Pure.

import type { Airing, AiringKind, ResolvedSchedule } from './airing.js';
import { airings } from './airing.js';
import type { Grid } from './grid.js';
import type { ProgrammeDetails } from './programme.js';

/** Entries of one guide at most. */
const GUIDE_LIMIT = 20_000;

/** One airing in a guide. */
export interface GuideEntry {
  /** The same in every guide of the channel that holds this airing. */
  readonly id: string;
  /** An item of the schedule, what fills the time between items, or the slate. */
  readonly kind: AiringKind;
  /** Position of the programme in the list it comes from; -1 for the slate. */
  readonly index: number;
  /** Empty for the slate. */
  readonly title: string;
  /** What the schedule says about the programme. */
  readonly details: ProgrammeDetails;
  /** What the pictures come from. */
  readonly source: 'file' | 'generator' | 'slate';
  /** When its first frame is on air. */
  readonly startsAt: Date;
  /** When what follows begins. */
  readonly endsAt: Date;
  /** When the source is known to end before the programme does; the slate airs from then on. Else null. */
  readonly slateFrom: Date | null;
}

/** What airs within a stretch of time. */
export interface Guide {
  /** Every airing of the stretch, whole, in order and without gaps. */
  readonly entries: readonly GuideEntry[];
  /** How far the entries reach: the end asked for, unless there are too many or no more are known yet. */
  readonly until: Date;
}

/**
 * The airings that overlap the instants [from, to), both in milliseconds since the Unix epoch.
 * @param limit Entries at most.
 */
export function guide(
  schedule: ResolvedSchedule,
  grid: Grid,
  fromMs: number,
  toMs: number,
  limit: number = GUIDE_LIMIT,
): Guide {
  const fromFrame = grid.frameAt(fromMs);
  const lastFrame = grid.frameAt(toMs - 1);
  const toFrame = Math.min(lastFrame + 1, schedule.knownUntil ?? Infinity);
  const entries: GuideEntry[] = [];
  for (const airing of airings(schedule, fromFrame, toFrame)) {
    if (entries.length === limit) break;
    entries.push(guideEntry(airing, grid));
  }
  const end = entries.at(-1)?.endsAt.getTime() ?? fromMs;
  return { entries, until: new Date(Math.min(toMs, end)) };
}

/** An airing in wall time. */
function guideEntry(airing: Airing, grid: Grid): GuideEntry {
  const { kind, index, programme, startFrame, endFrame } = airing;
  const { title, source, details = {}, unfilledFrames = 0 } = programme;
  return {
    id: String(startFrame),
    kind,
    index,
    title,
    details,
    source: source.kind,
    startsAt: new Date(grid.instantOfFrame(startFrame)),
    endsAt: new Date(grid.instantOfFrame(endFrame)),
    slateFrom: unfilledFrames > 0 ? new Date(grid.instantOfFrame(endFrame - unfilledFrames)) : null,
  };
}
