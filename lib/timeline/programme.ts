// A programme as a person writes it: what to play, from where to where, and what a guide says about it.

import Type from 'typebox';

/** Pictures and sound that libavfilter chains draw instead of a file. */
export interface GeneratorSource {
  /**
   * Video filter chain over black frames of the channel's size, as a function of the programme's time
   * `t`; `{font}` stands for the channel's font file.
   */
  readonly video: string;
  /** Audio filter chain over silence. */
  readonly audio: string;
}

/** Which episode of a series a programme is; seasons and episodes are numbered from 1. */
export interface Episode {
  /** The season, from 1. */
  readonly season?: number;
  /** The episode within its season, from 1. */
  readonly number?: number;
  /** The number as viewers see it. Default: `S02E05` from the other two. */
  readonly onScreen?: string;
}

/** What a guide says about a programme besides its title and times. */
export interface ProgrammeDetails {
  /** Title of the episode. */
  readonly subtitle?: string;
  /** What it is about, in a few sentences. */
  readonly description?: string;
  /** For example `Film` or `News`. */
  readonly categories?: readonly string[];
  /** Which episode of a series it is. */
  readonly episode?: Episode;
  /** URL of a picture. */
  readonly icon?: string;
  /** A classification, for example `{ system: 'BBFC', value: '12' }`. */
  readonly rating?: {
    /** Who classifies. Default: not said. */
    readonly system?: string;
    /** What it was classified as. */
    readonly value: string;
  };
}

/** One item of a schedule. */
export interface Programme extends ProgrammeDetails {
  /** A file or URL that FFmpeg can open, or filter chains. The same source may occur any number of times. */
  readonly source: string | GeneratorSource;
  /** Where in the source the programme begins, in seconds (microseconds count). Default 0. */
  readonly inPoint?: number;
  /** Where in the source the programme ends, in seconds: another way to say `duration`. */
  readonly outPoint?: number;
  /**
   * How long the programme airs, in seconds; cut down to whole frames. Default: from `inPoint` to the end
   * of the file, which must then be readable when the schedule is given. Required for generators, unless
   * they have an `outPoint`. A file that ends earlier is followed by the channel's slate.
   */
  readonly duration?: number;
  /** Title for viewers. Default: the file's own title, else its name. */
  readonly title?: string;
}

const SECONDS_LIMIT = 10 * 366 * 86_400;
const Count = Type.Integer({ minimum: 1, maximum: 1_000_000 });
const Text = (maxLength: number) => Type.String({ minLength: 1, maxLength });

/** The members of a programme's schema; see {@link ProgrammeSchema}. */
export const programmeMembers = {
  source: Type.With(
    Type.Union([
      Type.String({ minLength: 1 }),
      Type.Object(
        {
          video: Type.With(Type.String(), {
            description:
              "Video filter chain over black frames of the channel's size, as a function of the programme's time `t`; `{font}` stands for the channel's font file.",
          }),
          audio: Type.With(Type.String(), { description: 'Audio filter chain over silence.' }),
        },
        { additionalProperties: false },
      ),
    ]),
    {
      description:
        'A file or URL that FFmpeg can open, or filter chains. The same source may occur any number of times.',
    },
  ),
  inPoint: Type.With(Type.Optional(Type.Number({ minimum: 0, maximum: SECONDS_LIMIT })), {
    description:
      'Where in the source the programme begins, in seconds (microseconds count). Default 0.',
  }),
  outPoint: Type.With(Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: SECONDS_LIMIT })), {
    description:
      'Where in the source the programme ends, in seconds: another way to say `duration`.',
  }),
  duration: Type.With(Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: SECONDS_LIMIT })), {
    description:
      "How long the programme airs, in seconds; cut down to whole frames. Default: from `inPoint` to the end of the file, which must then be readable when the schedule is given. Required for generators, unless they have an `outPoint`. A file that ends earlier is followed by the channel's slate.",
  }),
  title: Type.With(Type.Optional(Type.String({ maxLength: 500 })), {
    description: "Title for viewers. Default: the file's own title, else its name.",
  }),
  subtitle: Type.With(Type.Optional(Text(500)), { description: 'Title of the episode.' }),
  description: Type.With(Type.Optional(Text(10_000)), {
    description: 'What it is about, in a few sentences.',
  }),
  categories: Type.With(
    Type.Optional(Type.Unsafe<readonly string[]>(Type.Array(Text(100), { maxItems: 16 }))),
    { description: 'For example `Film` or `News`.' },
  ),
  episode: Type.With(
    Type.Optional(
      Type.Object(
        {
          season: Type.With(Type.Optional(Count), { description: 'The season, from 1.' }),
          number: Type.With(Type.Optional(Count), {
            description: 'The episode within its season, from 1.',
          }),
          onScreen: Type.With(Type.Optional(Text(100)), {
            description: 'The number as viewers see it. Default: `S02E05` from the other two.',
          }),
        },
        { additionalProperties: false },
      ),
    ),
    { description: 'Which episode of a series it is.' },
  ),
  icon: Type.With(Type.Optional(Text(2000)), { description: 'URL of a picture.' }),
  rating: Type.With(
    Type.Optional(
      Type.Object(
        {
          system: Type.With(Type.Optional(Text(100)), {
            description: 'Who classifies. Default: not said.',
          }),
          value: Type.With(Text(100), { description: 'What it was classified as.' }),
        },
        { additionalProperties: false },
      ),
    ),
    { description: "A classification, for example `{ system: 'BBFC', value: '12' }`." },
  ),
};

/** Adds what holds between the members of a programme to a schema of them. */
export function consistent<Schema extends Type.TSchema>(schema: Schema) {
  return Type.Refine(
    Type.Refine(
      schema,
      (programme) => !(has(programme, 'outPoint') && has(programme, 'duration')),
      () => 'must have an outPoint or a duration, not both',
    ),
    (programme) =>
      !has(programme, 'outPoint') || seconds(programme, 'outPoint') > seconds(programme, 'inPoint'),
    () => 'must have an outPoint behind its inPoint',
  );
}

/** Schema of {@link Programme}. */
export const ProgrammeSchema = consistent(
  Type.Object(programmeMembers, { additionalProperties: false }),
);

function has(programme: unknown, name: string): boolean {
  return typeof programme === 'object' && programme !== null && Object.hasOwn(programme, name);
}

function seconds(programme: unknown, name: string): number {
  const value: unknown =
    typeof programme === 'object' && programme !== null ? Reflect.get(programme, name) : 0;
  return typeof value === 'number' ? value : 0;
}
