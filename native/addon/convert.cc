#include "addon/convert.h"

#include <cmath>
#include <memory>

namespace headend {
namespace {

Napi::Number number(Napi::Env env, int64_t value) { return Napi::Number::New(env, static_cast<double>(value)); }

// Hands the bytes over without a copy; V8 counts them as external memory and frees them with the buffer.
Napi::Value buffer(Napi::Env env, Bytes bytes) {
  auto owned = std::make_unique<Bytes>(std::move(bytes));
  Bytes* raw = owned.release();
  return Napi::Buffer<uint8_t>::NewOrCopy(
      env, raw->data(), raw->size(), [](Napi::Env, uint8_t*, Bytes* hint) { delete hint; }, raw);
}

Napi::Value ratio(Napi::Env env, int64_t num, int64_t den) {
  Napi::Object out = Napi::Object::New(env);
  out["num"] = number(env, num);
  out["den"] = number(env, den);
  return out;
}

EntrySource to_source(const Napi::Object& from, PropertyReader& read) {
  const std::string kind = read.string(from, "kind");
  if (kind == "file") return FileEntry{read.string(from, "url"), read.ratio(from, "inPoint")};
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

int64_t PropertyReader::integer(const Napi::Object& from, const char* name) {
  const Napi::Value value = from.Get(name);
  if (value.IsNumber()) {
    const double number = value.As<Napi::Number>().DoubleValue();
    if (std::trunc(number) == number && std::fabs(number) <= 9007199254740991.0) return static_cast<int64_t>(number);
  }
  fail(std::string(name) + " must be a safe integer");
  return 0;
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

Napi::Value to_js(Napi::Env env, const Status& status) {
  if (status.ok()) return env.Null();
  Napi::Object out = Napi::Object::New(env);
  out["code"] = to_string(status.code());
  out["stage"] = to_string(status.stage());
  out["message"] = status.message();
  out["averror"] = status.averror();
  return out;
}

Napi::Value to_js(Napi::Env env, InitSection init) {
  Napi::Object out = Napi::Object::New(env);
  out["rendition"] = init.rendition;
  out["codecs"] = init.codecs;
  out["hash"] = init.hash;
  out["encoder"] = init.encoder;
  out["from"] = number(env, init.from);
  out["data"] = buffer(env, std::move(init.data));
  return out;
}

Napi::Value to_js(Napi::Env env, Segment segment) {
  Napi::Object out = Napi::Object::New(env);
  out["rendition"] = segment.rendition;
  out["sequence"] = number(env, segment.sequence);
  out["start"] = number(env, segment.start);
  out["duration"] = number(env, segment.duration);
  out["timescale"] = segment.timescale;
  out["init"] = segment.init;
  out["data"] = buffer(env, std::move(segment.data));
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
  out["warm"] = report.warm;
  return out;
}

Napi::Value to_js(Napi::Env env, const ProbeResult& result) {
  Napi::Object out = Napi::Object::New(env);
  out["format"] = result.format;
  out["title"] = result.title;
  out["duration"] = result.duration ? ratio(env, result.duration->num, result.duration->den) : env.Null();
  out["video"] = env.Null();
  out["audio"] = env.Null();
  if (result.video) {
    Napi::Object video = Napi::Object::New(env);
    video["codec"] = result.video->codec;
    video["width"] = result.video->width;
    video["height"] = result.video->height;
    const AVRational rate = result.video->frame_rate;
    video["frameRate"] = rate.num > 0 ? ratio(env, rate.num, rate.den) : env.Null();
    out["video"] = video;
  }
  if (result.audio) {
    Napi::Object audio = Napi::Object::New(env);
    audio["codec"] = result.audio->codec;
    audio["sampleRate"] = result.audio->sample_rate;
    audio["channels"] = result.audio->channels;
    out["audio"] = audio;
  }
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
    out[i] = report;
  }
  return out;
}

}  // namespace headend
