#include "addon/convert.h"

#include <cmath>
#include <memory>

namespace headend {
namespace {

Napi::Number number(Napi::Env env, int64_t value) { return Napi::Number::New(env, static_cast<double>(value)); }

// A copy that V8 owns, counts as external memory and frees. Lending it our memory saves little, is refused where V8 has a
// sandbox (Electron), and has Node call back into us from its sweeper's threads, even while the process ends.
Napi::Value buffer(Napi::Env env, const Bytes& bytes) {
  return Napi::Buffer<uint8_t>::Copy(env, bytes.data(), bytes.size());
}

Napi::Value ratio(Napi::Env env, int64_t num, int64_t den) {
  Napi::Object out = Napi::Object::New(env);
  out["num"] = number(env, num);
  out["den"] = number(env, den);
  return out;
}

Napi::Value rate(Napi::Env env, AVRational value) {
  return value.num > 0 ? ratio(env, value.num, value.den) : env.Null();
}

Napi::Value size(Napi::Env env, Size value) {
  Napi::Object out = Napi::Object::New(env);
  out["width"] = value.width;
  out["height"] = value.height;
  return out;
}

Napi::Value text(Napi::Env env, const std::string& value) {
  return value.empty() ? env.Null() : Napi::String::New(env, value);
}

Napi::Value video(Napi::Env env, const ProbeResult::Video& from) {
  Napi::Object out = Napi::Object::New(env);
  out["codec"] = from.codec;
  out["profile"] = text(env, from.profile);
  out["width"] = from.coded.width;
  out["height"] = from.coded.height;
  out["shown"] = size(env, from.shown);
  out["sampleAspect"] = ratio(env, from.sample_aspect.num, from.sample_aspect.den);
  out["rotation"] = from.rotation;
  out["frameRate"] = rate(env, from.frame_rate);
  out["declaredRate"] = rate(env, from.declared_rate);
  out["variableRate"] = from.variable_rate;
  out["pixelFormat"] = text(env, from.pixel_format);
  out["bitDepth"] = from.bit_depth > 0 ? Napi::Number::New(env, from.bit_depth) : env.Null();
  out["primaries"] = text(env, from.primaries);
  out["transfer"] = text(env, from.transfer);
  out["matrix"] = text(env, from.matrix);
  out["range"] = text(env, from.range);
  out["dynamicRange"] = from.dynamic_range;
  out["dolbyVision"] = from.dolby_vision ? Napi::Number::New(env, *from.dolby_vision) : env.Null();
  out["fieldOrder"] = text(env, from.field_order);
  return out;
}

Napi::Value audio(Napi::Env env, const ProbeResult::Audio& from) {
  Napi::Object out = Napi::Object::New(env);
  out["index"] = from.index;
  out["codec"] = from.codec;
  out["profile"] = text(env, from.profile);
  out["sampleRate"] = from.sample_rate;
  out["channels"] = from.channels;
  out["layout"] = from.layout;
  out["language"] = text(env, from.language);
  out["title"] = text(env, from.title);
  return out;
}

Napi::Value subtitle(Napi::Env env, const ProbeResult::Subtitle& from) {
  Napi::Object out = Napi::Object::New(env);
  out["index"] = from.index;
  out["codec"] = from.codec;
  out["language"] = text(env, from.language);
  return out;
}

Napi::Value seconds(Napi::Env env, int64_t microseconds) {
  return Napi::Number::New(env, static_cast<double>(microseconds) / AV_TIME_BASE);
}

template <typename T, typename Convert>
Napi::Value list(Napi::Env env, const std::vector<T>& items, Convert convert) {
  Napi::Array out = Napi::Array::New(env, items.size());
  for (uint32_t i = 0; i < items.size(); ++i) out[i] = convert(env, items[i]);
  return out;
}

EntrySource to_source(const Napi::Object& from, PropertyReader& read) {
  const std::string kind = read.string(from, "kind");
  if (kind == "file") {
    const double gain = from.Get("gain").IsUndefined() ? 0 : read.real(from, "gain");
    return FileEntry{read.string(from, "url"), read.ratio(from, "inPoint"), gain};
  }
  if (kind == "generator")
    return GeneratorEntry{read.string(from, "video"), read.string(from, "audio"), read.integer(from, "inFrame")};
  if (kind != "slate") read.fail("source.kind must be file, generator or slate");
  return SlateEntry{};
}

}  // namespace

Napi::Object PropertyReader::object(const Napi::Object& from, const char* name) {
  const Napi::Value value = from.Get(name);
  if (value.IsObject()) return value.As<Napi::Object>();
  fail(std::string(name) + " must be an object");
  return Napi::Object::New(env_);
}

Napi::Array PropertyReader::array(const Napi::Object& from, const char* name) {
  const Napi::Value value = from.Get(name);
  if (value.IsArray()) return value.As<Napi::Array>();
  fail(std::string(name) + " must be an array");
  return Napi::Array::New(env_);
}

std::string PropertyReader::string(const Napi::Object& from, const char* name) {
  const Napi::Value value = from.Get(name);
  if (value.IsString()) return value.As<Napi::String>();
  fail(std::string(name) + " must be a string");
  return {};
}

std::string PropertyReader::optional_string(const Napi::Object& from, const char* name) {
  return from.Get(name).IsUndefined() ? std::string() : string(from, name);
}

double PropertyReader::real(const Napi::Object& from, const char* name) {
  const Napi::Value value = from.Get(name);
  if (value.IsNumber() && std::isfinite(value.As<Napi::Number>().DoubleValue()))
    return value.As<Napi::Number>().DoubleValue();
  fail(std::string(name) + " must be a number");
  return 0;
}

int64_t PropertyReader::integer(const Napi::Object& from, const char* name) {
  const Napi::Value value = from.Get(name);
  if (value.IsNumber()) {
    const double number = value.As<Napi::Number>().DoubleValue();
    if (std::trunc(number) == number && std::fabs(number) <= 9007199254740991.0) return static_cast<int64_t>(number);
  }
  fail(std::string(name) + " must be a safe integer");
  return 0;
}

std::span<const uint8_t> PropertyReader::bytes(const Napi::Object& from, const char* name) {
  const Napi::Value value = from.Get(name);
  if (value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array) {
    const auto array = value.As<Napi::Uint8Array>();
    return {array.Data(), array.ByteLength()};
  }
  fail(std::string(name) + " must be a Uint8Array");
  return {};
}

Seconds PropertyReader::ratio(const Napi::Object& from, const char* name) {
  const Napi::Object value = object(from, name);
  const Seconds ratio{integer(value, "num"), integer(value, "den")};
  if (ratio.den < 1) fail(std::string(name) + ".den must be positive");
  return ratio;
}

bool PropertyReader::ok() const {
  if (problem_.empty()) return true;
  Napi::TypeError::New(env_, problem_).ThrowAsJavaScriptException();
  return false;
}

ProducerOptions to_producer_options(const Napi::Object& from, PropertyReader& read) {
  ProducerOptions options;
  options.title = read.string(from, "title");
  options.font_file = read.string(from, "fontFile");
  options.audio_bitrate = read.integer(from, "audioBitrate");
  if (std::string encoder = read.optional_string(from, "encoder"); !encoder.empty()) options.encoder = std::move(encoder);

  options.device = from.Get("device").ToBoolean();

  const Napi::Object format = read.object(from, "format");
  const Seconds rate = read.ratio(format, "frameRate");
  Grid& grid = options.grid;
  grid.rate = {static_cast<int>(rate.num), static_cast<int>(rate.den)};
  grid.frames_per_segment = read.integer(format, "framesPerSegment");
  grid.key_frame_interval = read.integer(format, "keyFrameInterval");
  grid.frames_per_fragment = read.integer(format, "framesPerFragment");
  if (grid.rate.num < 1) read.fail("frameRate must be positive");
  if (grid.frames_per_segment < 1 || grid.key_frame_interval < 1 || grid.frames_per_fragment < 1 ||
      grid.frames_per_segment % grid.key_frame_interval != 0 ||
      grid.frames_per_segment % grid.frames_per_fragment != 0)
    read.fail("keyFrameInterval and framesPerFragment must divide framesPerSegment");

  const Napi::Array rungs = read.array(from, "rungs");
  for (uint32_t i = 0; i < rungs.Length(); ++i) {
    const Napi::Object rung = rungs.Get(i).As<Napi::Object>();
    RungOptions out;
    out.id = read.string(rung, "id");
    out.encoder.width = static_cast<int>(read.integer(rung, "width"));
    out.encoder.height = static_cast<int>(read.integer(rung, "height"));
    out.encoder.bitrate = read.integer(rung, "bitrate");
    out.encoder.maxrate = read.integer(rung, "maxrate");
    out.encoder.bufsize = read.integer(rung, "bufsize");
    out.encoder.preset = read.string(rung, "preset");
    if (std::string profile = read.optional_string(rung, "profile"); !profile.empty())
      out.encoder.profile = std::move(profile);
    out.encoder.tune = read.optional_string(rung, "tune");
    if (out.encoder.width < 16 || out.encoder.height < 16 || out.encoder.width % 2 || out.encoder.height % 2)
      read.fail("rung sizes must be even and at least 16");
    options.rungs.push_back(std::move(out));
  }
  if (options.rungs.empty()) read.fail("rungs must not be empty");
  return options;
}

ProduceRequest to_produce_request(const Napi::Object& from, PropertyReader& read) {
  ProduceRequest request;
  request.from = read.integer(from, "from");
  request.count = read.integer(from, "count");
  request.encoder = read.optional_string(from, "encoder");
  const Napi::Array rungs = read.array(from, "rungs");
  for (uint32_t i = 0; i < rungs.Length(); ++i) {
    const Napi::Value id = rungs.Get(i);
    if (id.IsString()) request.rungs.push_back(id.As<Napi::String>());
    else read.fail("rungs must be strings");
  }
  const Napi::Array timeline = read.array(from, "timeline");
  for (uint32_t i = 0; i < timeline.Length(); ++i) {
    const Napi::Object entry = timeline.Get(i).As<Napi::Object>();
    request.timeline.push_back({read.integer(entry, "startFrame"), read.integer(entry, "endFrame"),
                                to_source(read.object(entry, "source"), read)});
  }
  return request;
}

std::vector<Bytes> to_tracks(const Napi::Array& from, PropertyReader& read) {
  std::vector<Bytes> tracks;
  for (uint32_t i = 0; i < from.Length(); ++i) {
    const Napi::Value value = from.Get(i);
    if (!value.IsObject()) {
      read.fail("a track must be an object");
      return {};
    }
    const auto init = read.bytes(value.As<Napi::Object>(), "init");
    const auto segment = read.bytes(value.As<Napi::Object>(), "segment");
    if (init.empty() || segment.empty()) {
      read.fail("a track must not be empty");
      return {};
    }
    Bytes& track = tracks.emplace_back();
    track.reserve(init.size() + segment.size());
    track.insert(track.end(), init.begin(), init.end());
    track.insert(track.end(), segment.begin(), segment.end());
  }
  return tracks;
}

Napi::Value to_js(Napi::Env env, const Status& status) {
  if (status.ok()) return env.Null();
  Napi::Object out = Napi::Object::New(env);
  out["code"] = to_string(status.code());
  out["stage"] = to_string(status.stage());
  out["message"] = status.message();
  out["averror"] = status.averror();
  return out;
}

Napi::Value to_js(Napi::Env env, const InitSection& init) {
  Napi::Object out = Napi::Object::New(env);
  out["rendition"] = init.rendition;
  out["codecs"] = init.codecs;
  out["hash"] = init.hash;
  out["encoder"] = init.encoder;
  out["from"] = number(env, init.from);
  out["data"] = buffer(env, init.data);
  return out;
}

Napi::Value to_js(Napi::Env env, const Bytes& bytes) { return buffer(env, bytes); }

Napi::Value to_js(Napi::Env env, const Fragment& fragment) {
  Napi::Object out = Napi::Object::New(env);
  out["rendition"] = fragment.rendition;
  out["sequence"] = number(env, fragment.sequence);
  out["index"] = number(env, fragment.index);
  out["last"] = fragment.last;
  out["init"] = fragment.init;
  out["data"] = buffer(env, fragment.data);
  return out;
}

Napi::Value to_js(Napi::Env env, const AbandonedSegment& segment) {
  Napi::Object out = Napi::Object::New(env);
  out["rendition"] = segment.rendition;
  out["sequence"] = number(env, segment.sequence);
  return out;
}

Napi::Value to_js(Napi::Env env, const ProgrammeStart& programme) {
  Napi::Object out = Napi::Object::New(env);
  out["frame"] = number(env, programme.frame);
  out["startFrame"] = number(env, programme.start_frame);
  out["endFrame"] = number(env, programme.end_frame);
  out["kind"] = programme.kind;
  out["source"] = programme.source;
  out["slate"] = programme.slate;
  return out;
}

Napi::Value to_js(Napi::Env env, const Segment& segment) {
  Napi::Object out = Napi::Object::New(env);
  out["rendition"] = segment.rendition;
  out["sequence"] = number(env, segment.sequence);
  out["start"] = number(env, segment.start);
  out["duration"] = number(env, segment.duration);
  out["timescale"] = segment.timescale;
  out["init"] = segment.init;
  out["data"] = buffer(env, segment.data);
  return out;
}

Napi::Value to_js(Napi::Env env, const Fault& fault) {
  Napi::Object out = to_js(env, fault.status).As<Napi::Object>();
  out["frame"] = number(env, fault.frame);
  out["source"] = fault.source;
  return out;
}

Napi::Value to_js(Napi::Env env, const BatchReport& report) {
  Napi::Object out = Napi::Object::New(env);
  out["elapsedMs"] = number(env, report.elapsed_ms);
  out["framesDecoded"] = number(env, report.frames_decoded);
  out["framesRepeated"] = number(env, report.frames_repeated);
  out["framesDropped"] = number(env, report.frames_dropped);
  out["warm"] = report.warm;
  Napi::Array renditions = Napi::Array::New(env);
  for (const auto& [rendition, statistics] : report.renditions) {
    Napi::Object entry = Napi::Object::New(env);
    entry["rendition"] = rendition;
    entry["frames"] = number(env, statistics.frames);
    entry["bytes"] = number(env, statistics.bytes);
    entry["busyMs"] = std::chrono::duration<double, std::milli>(statistics.busy).count();
    renditions.Set(renditions.Length(), entry);
  }
  out["renditions"] = renditions;
  return out;
}

Napi::Value to_js(Napi::Env env, const ProbeResult& result) {
  Napi::Object out = Napi::Object::New(env);
  out["format"] = result.format;
  out["title"] = result.title;
  out["duration"] = result.duration ? ratio(env, result.duration->num, result.duration->den) : env.Null();
  const auto& declared = result.declared_duration;
  out["declaredDuration"] = declared ? ratio(env, declared->num, declared->den) : env.Null();
  out["bitrate"] = result.bitrate > 0 ? number(env, result.bitrate) : env.Null();
  out["video"] = result.video ? video(env, *result.video) : env.Null();
  out["audio"] = result.audio ? audio(env, *result.audio) : env.Null();
  out["cover"] = result.cover;
  out["audioTracks"] = list(env, result.audio_tracks, audio);
  out["subtitles"] = list(env, result.subtitles, subtitle);
  out["keyFrames"] = result.key_frames ? list(env, *result.key_frames, seconds) : env.Null();
  return out;
}

Napi::Value to_js(Napi::Env env, const Loudness& loudness) {
  Napi::Object out = Napi::Object::New(env);
  const auto or_null = [&](std::optional<double> value) -> Napi::Value {
    return value ? Napi::Number::New(env, *value) : env.Null();
  };
  out["integrated"] = or_null(loudness.integrated);
  out["truePeak"] = or_null(loudness.true_peak);
  return out;
}

Napi::Value to_js(Napi::Env env, const std::vector<EncoderReport>& reports) {
  Napi::Array out = Napi::Array::New(env, reports.size());
  for (uint32_t i = 0; i < reports.size(); ++i) {
    Napi::Object report = Napi::Object::New(env);
    report["name"] = reports[i].name;
    report["works"] = reports[i].works;
    report["reason"] = reports[i].reason;
    report["elapsedMs"] = number(env, reports[i].elapsed_ms);
    if (const auto& tried = reports[i].device) {
      Napi::Object device = Napi::Object::New(env);
      device["name"] = tried->name;
      device["works"] = tried->works;
      device["reason"] = tried->reason;
      report["device"] = device;
    }
    out[i] = report;
  }
  return out;
}

}  // namespace headend
