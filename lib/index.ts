// The public surface of the package: everything a program that embeds Headend can import.

export { Channel } from './channel.js';
export type {
  ChannelSegment,
  ChannelStatus,
  OnAir,
  OpenSegment,
  PlaylistOptions,
  PositionReport,
  RenditionStatus,
  SegmentRequest,
  SegmentsOptions,
  SetScheduleOptions,
  TransportStreamOptions,
  ViewerStatus,
} from './channel-types.js';
export type { Clock } from './clock.js';
export { createHeadend } from './create-headend.js';
export type { ChannelDefinition, ScheduleDefinition } from './definition.js';
export {
  ChannelDefinitionSchema,
  channelFromDefinition,
  scheduleFromDefinition,
} from './definition.js';
export type {
  AudioTrack,
  DeviceReport,
  EncoderReport,
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
export type { ErrorCode, HeadendErrorDetails, Stage } from './errors.js';
export { ERROR_CODES, HeadendError } from './errors.js';
export type { BatchProcessorOptions, CommitContext } from './flow/batch-processor.js';
export { BatchProcessor } from './flow/batch-processor.js';
export type { BatcherOptions, BatcherOutput } from './flow/batcher.js';
export { Batcher } from './flow/batcher.js';
export type { Channels, HeadendEvents, HeadendStatus, ListenOptions } from './headend.js';
export { Headend } from './headend.js';
export type { Container } from './hls/container.js';
export { CONTAINERS } from './hls/container.js';
export type { TsSegment } from './hls/ts-segments.js';
export type { HttpOptions, RateLimitOptions } from './http/options.js';
export type { HeadendPluginOptions } from './http/plugin.js';
export { headendPlugin } from './http/plugin.js';
export { problemHandler, routeNotFound } from './http/problem.js';
export { serverOptions } from './http/server-options.js';
export type { ViewingGrant } from './http/signature.js';
export { signViewing } from './http/signature.js';
export type { Discovery, LineupStatus, Tuner, TunerChannel } from './iptv/hdhomerun.js';
export {
  deviceDescription,
  discovery,
  isTunerId,
  lineupStatus,
  tunerId,
  tunerLineup,
} from './iptv/hdhomerun.js';
export type { Lineup, LineupChannel } from './iptv/lineup.js';
export { writeLineup } from './iptv/lineup.js';
export type { Xmltv, XmltvChannel } from './iptv/xmltv.js';
export { writeXmltv } from './iptv/xmltv.js';
export type {
  AiredEntry,
  BatchEntry,
  FaultEntry,
  HistoryQuery,
  SessionEntry,
} from './journal/history.js';
export type {
  FileJournal,
  Journal,
  JournalStatus,
  SavedEncoding,
  SavedSession,
} from './journal/journal.js';
export type { JournalOptions } from './journal/open-journal.js';
export { openJournal } from './journal/open-journal.js';
export type {
  BatchEnded,
  ChannelDeleted,
  ChannelSaved,
  EncodingChanged,
  FaultRaised,
  JournalOperation,
  PositionReported,
  ProgrammeAired,
  SessionClosed,
  SessionEnd,
  SessionOpened,
} from './journal/operations.js';
export type { H264Profile, RungOptions, X264Preset, X264Tune } from './ladder.js';
export {
  DEFAULT_LADDER,
  H264_PROFILES,
  withoutUpscaling,
  X264_PRESETS,
  X264_TUNES,
} from './ladder.js';
export type { ChannelOptions, Hardware, HeadendOptions, Logger } from './options.js';
export { HARDWARE } from './options.js';
export type { LoudnessOptions } from './probe/planned-gain.js';
export type { ProbeAllOptions, ProbeOutcome, ProbeProgress } from './probe/probe-all.js';
export type { ProbeOptions, SourceFacts } from './probe/prober.js';
export type { RestoredChannel } from './saved-channels.js';
export { SavedChannels } from './saved-channels.js';
export type { BatchState } from './session/batch-state.js';
export type { ChannelState } from './session/stream-session.js';
export type { DiskStatus, DiskStoreOptions } from './store/segment-files.js';
export type { StoredInit, StoredSegment } from './store/segment-store.js';
export type { AdmissionPolicy } from './stream/admission.js';
export type { PositionAnswer, ProductionStatus } from './stream/channel-stream.js';
export type { Fault } from './stream/fault.js';
export type { FailureClass } from './stream/recovery.js';
export type {
  BatchEvent,
  ChannelEvent,
  SessionEvent,
  WarningEvent,
} from './stream/stream-events.js';
export type { CapacityStatus } from './stream/stream-manager.js';
export type { ViewerRequest } from './stream/viewer-requests.js';
export type { AiringKind } from './timeline/airing.js';
export type { ComputeOptions, NextProgramme, NextProgrammeRequest } from './timeline/computed.js';
export { ComputedSchedule, compute } from './timeline/computed.js';
export type { Guide, GuideEntry } from './timeline/guide.js';
export type { LoopOptions } from './timeline/loop.js';
export { LoopSchedule, loop } from './timeline/loop.js';
export type { ScheduleProblem } from './timeline/problem.js';
export type {
  Episode,
  GeneratorSource,
  Programme,
  ProgrammeDetails,
} from './timeline/programme.js';
export type { Schedule } from './timeline/schedule.js';
export type { AtOptions, TimedProgramme, TimetableItem } from './timeline/timetable.js';
export { at, TimetableSchedule } from './timeline/timetable.js';
export type { SegmentRange } from './timeline/window.js';
