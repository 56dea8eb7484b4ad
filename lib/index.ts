// The public surface of the package: everything a program that embeds Headend can import.

export type { ChannelSegment, OnAir, PlaylistOptions, SegmentsOptions } from './channel.js';
export { Channel } from './channel.js';
export { createHeadend } from './create-headend.js';
export type {
  AudioTrack,
  Loudness,
  MeasureOptions,
  ProbeResult,
  Rational,
  Rung,
  Size,
  SubtitleTrack,
  VideoTrack,
} from './engine/engine.js';
export { AUDIO_RENDITION } from './engine/engine.js';
export type { ErrorCode, Stage } from './errors.js';
export { ERROR_CODES, HeadendError } from './errors.js';
export type { ChannelEvent, Channels, HeadendEvents, ListenOptions } from './headend.js';
export { Headend } from './headend.js';
export type { HeadendPluginOptions } from './http/plugin.js';
export { headendPlugin } from './http/plugin.js';
export { problemHandler, routeNotFound } from './http/problem.js';
export type { RungOptions, X264Preset } from './ladder.js';
export { DEFAULT_LADDER } from './ladder.js';
export type { ChannelOptions, HeadendOptions, Logger } from './options.js';
export type { LoudnessOptions } from './probe/planned-gain.js';
export type { ProbeAllOptions, ProbeOutcome, ProbeProgress } from './probe/probe-all.js';
export type { ProbeOptions, SourceFacts } from './probe/prober.js';
export type { StoredInit, StoredSegment } from './store/segment-store.js';
export type { ChannelState } from './stream/channel-stream.js';
export type { Fault } from './stream/fault.js';
export type { GeneratorSource, LoopOptions, Programme, Schedule } from './timeline/schedule.js';
export { loop } from './timeline/schedule.js';
export type { SegmentRange } from './timeline/window.js';
