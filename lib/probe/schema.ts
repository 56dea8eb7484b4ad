// The shape of what is known about a file, to check what comes back from where it was kept.

import Type, { type TSchema } from 'typebox';

const orNull = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);

const Ratio = Type.Object({ num: Type.Integer(), den: Type.Integer({ minimum: 1 }) });
const Text = orNull(Type.String());

const Video = Type.Object({
  codec: Type.String(),
  profile: Text,
  width: Type.Integer(),
  height: Type.Integer(),
  shown: Type.Object({ width: Type.Integer(), height: Type.Integer() }),
  sampleAspect: Ratio,
  rotation: Type.Union([Type.Literal(0), Type.Literal(90), Type.Literal(180), Type.Literal(270)]),
  frameRate: orNull(Ratio),
  declaredRate: orNull(Ratio),
  variableRate: Type.Boolean(),
  pixelFormat: Text,
  bitDepth: orNull(Type.Integer()),
  primaries: Text,
  transfer: Text,
  matrix: Text,
  range: Text,
  dynamicRange: Type.Enum(['sdr', 'hdr10', 'hlg']),
  dolbyVision: orNull(Type.Integer()),
  fieldOrder: orNull(Type.Enum(['progressive', 'top-first', 'bottom-first'])),
});

const Audio = Type.Object({
  index: Type.Integer(),
  codec: Type.String(),
  profile: Text,
  sampleRate: Type.Integer(),
  channels: Type.Integer(),
  layout: Type.String(),
  language: Text,
  title: Text,
});

const Subtitle = Type.Object({ index: Type.Integer(), codec: Type.String(), language: Text });

/** Schema of `ProbeResult`. */
export const ProbeResultSchema = Type.Object({
  duration: orNull(Ratio),
  declaredDuration: orNull(Ratio),
  format: Type.String(),
  bitrate: orNull(Type.Integer()),
  video: orNull(Video),
  audio: orNull(Audio),
  audioTracks: Type.Array(Audio),
  subtitles: Type.Array(Subtitle),
  cover: Type.Boolean(),
  title: Type.String(),
  keyFrames: orNull(Type.Array(Type.Number())),
});

/** Schema of `Loudness`. */
export const LoudnessSchema = Type.Object({
  integrated: orNull(Type.Number()),
  truePeak: orNull(Type.Number()),
});
