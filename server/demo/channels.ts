// The channels that air when there is no media: what they are called, and a day of programmes for each.

import type { ChannelDefinition, Programme, RungOptions } from '../../lib/index.js';
import { type Landscape, landscape, orrery, testCard } from './pictures.js';
import { beep, chime } from './sounds.js';

const FRAME_RATE = 30;
const SLOT_SECONDS = 600;
const SLOTS_PER_DAY = 86_400 / SLOT_SECONDS;

const LADDER: RungOptions[] = [
  { height: 720, bitrate: 3_000_000 },
  { height: 360, bitrate: 800_000 },
];

interface Show {
  readonly title: string;
  readonly video: string;
}

/** The demo channels, with rungs up to a height. */
export function demoChannels(maxHeight: number): ChannelDefinition[] {
  const ladder = LADDER.filter(({ height }) => height <= maxHeight);
  return [
    channel('horizon', 'Horizon', landscapes(), chime(440)),
    channel('orbit', 'Orbit', orreries(), chime(330)),
    channel('signal', 'Signal', testCards(), beep(1000)),
  ].map((definition) => ({ ...definition, ladder }));
}

// Ten-minute programmes round the clock. Each begins as far into its source as the day is old, so that the
// source's time is the time of day in UTC.
function channel(
  id: string,
  name: string,
  shows: readonly Show[],
  audio: string,
): ChannelDefinition {
  const programmes = Array.from({ length: SLOTS_PER_DAY }, (_, slot): Programme[] => {
    const show = shows[slot % shows.length];
    if (!show) return [];
    return [
      {
        title: show.title,
        source: { video: show.video, audio },
        inPoint: slot * SLOT_SECONDS,
        duration: SLOT_SECONDS,
      },
    ];
  }).flat();
  const schedule = { type: 'loop' as const, programmes, anchor: '2025-01-01T00:00:00Z' };
  return { id, name, schedule, frameRate: FRAME_RATE };
}

function landscapes(): Show[] {
  const views: readonly (Landscape & { readonly title: string })[] = [
    {
      title: 'Dusk over the ridges',
      skyTop: [18, 26, 64],
      skyLow: [236, 150, 110],
      sun: [255, 236, 200],
      ridges: [
        [92, 86, 120],
        [52, 56, 92],
        [18, 24, 48],
      ],
    },
    {
      title: 'First light',
      skyTop: [64, 104, 150],
      skyLow: [255, 214, 180],
      sun: [255, 250, 230],
      ridges: [
        [138, 150, 176],
        [88, 108, 138],
        [38, 56, 82],
      ],
    },
    {
      title: 'Moonrise',
      skyTop: [6, 10, 28],
      skyLow: [58, 80, 120],
      sun: [226, 234, 250],
      ridges: [
        [40, 52, 82],
        [24, 34, 58],
        [9, 13, 26],
      ],
    },
  ];
  return views.map(({ title, ...view }) => ({ title, video: landscape(view) }));
}

function orreries(): Show[] {
  return [
    { title: 'A minute around the sun', video: orrery([255, 222, 150]) },
    { title: 'The blue star', video: orrery([170, 210, 255]) },
  ];
}

function testCards(): Show[] {
  return [
    { title: 'Test card: amber', video: testCard('0xffb347', FRAME_RATE) },
    { title: 'Test card: mint', video: testCard('0x5ee6b0', FRAME_RATE) },
  ];
}
