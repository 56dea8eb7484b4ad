// Between JavaScript values and the engine's own types. JS thread only.
#pragma once

#include <napi.h>

#include <span>
#include <vector>

#include "base/status.h"
#include "media/bytes.h"
#include "media/encoder_detection.h"
#include "media/loudness.h"
#include "media/probe.h"
#include "playout/events.h"
#include "playout/options.h"

namespace headend {

/** Reads typed properties; remembers the first that is missing or of the wrong type. */
class PropertyReader {
 public:
  explicit PropertyReader(Napi::Env env) : env_(env) {}

  Napi::Object object(const Napi::Object& from, const char* name);
  Napi::Array array(const Napi::Object& from, const char* name);
  double real(const Napi::Object& from, const char* name);
  std::string string(const Napi::Object& from, const char* name);
  /** Empty when the property is missing. */
  std::string optional_string(const Napi::Object& from, const char* name);
  int64_t integer(const Napi::Object& from, const char* name);
  /** Borrowed from JavaScript; not to be kept. */
  std::span<const uint8_t> bytes(const Napi::Object& from, const char* name);
  /** A `{num, den}` pair. */
  Seconds ratio(const Napi::Object& from, const char* name);

  void fail(const std::string& what) {
    if (problem_.empty()) problem_ = what;
  }
  /** Throws the TypeError into JavaScript when something was wrong. */
  bool ok() const;

 private:
  Napi::Env env_;
  std::string problem_;
};

ProducerOptions to_producer_options(const Napi::Object& from, PropertyReader& read);
ProduceRequest to_produce_request(const Napi::Object& from, PropertyReader& read);
/** Of each `{init, segment}` a copy in one piece; nothing when one is missing. */
std::vector<Bytes> to_tracks(const Napi::Array& from, PropertyReader& read);

/** `{code, stage, message, averror}`, or null when it is ok. */
Napi::Value to_js(Napi::Env env, const Status& status);
Napi::Value to_js(Napi::Env env, const InitSection& init);
Napi::Value to_js(Napi::Env env, const Bytes& bytes);
Napi::Value to_js(Napi::Env env, const Fragment& fragment);
Napi::Value to_js(Napi::Env env, const Segment& segment);
Napi::Value to_js(Napi::Env env, const AbandonedSegment& segment);
Napi::Value to_js(Napi::Env env, const ProgrammeStart& programme);
Napi::Value to_js(Napi::Env env, const Fault& fault);
Napi::Value to_js(Napi::Env env, const BatchReport& report);
Napi::Value to_js(Napi::Env env, const ProbeResult& result);
Napi::Value to_js(Napi::Env env, const std::vector<EncoderReport>& reports);
Napi::Value to_js(Napi::Env env, const Loudness& loudness);

}  // namespace headend
