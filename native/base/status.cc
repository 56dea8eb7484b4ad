#include "base/status.h"

extern "C" {
#include <libavutil/error.h>
}

#include <cerrno>

#include "base/log.h"

namespace headend {

const char* to_string(Code code) {
  switch (code) {
    case Code::kOk: return "OK";
    case Code::kInvalidOptions: return "INVALID_OPTIONS";
    case Code::kSourceNotFound: return "SOURCE_NOT_FOUND";
    case Code::kSourceDenied: return "SOURCE_DENIED";
    case Code::kSourceInvalid: return "SOURCE_INVALID";
    case Code::kSourceTimeout: return "SOURCE_TIMEOUT";
    case Code::kSourceEnded: return "SOURCE_ENDED";
    case Code::kSourceDamaged: return "SOURCE_DAMAGED";
    case Code::kDecodeFailed: return "DECODE_FAILED";
    case Code::kDeviceFailed: return "DEVICE_FAILED";
    case Code::kEncodeFailed: return "ENCODE_FAILED";
    case Code::kEngineBusy: return "ENGINE_BUSY";
    case Code::kEngineStopped: return "ENGINE_STOPPED";
    case Code::kEngineFailed: return "ENGINE_FAILED";
  }
  return "ENGINE_FAILED";
}

const char* to_string(Stage stage) {
  switch (stage) {
    case Stage::kEngine: return "engine";
    case Stage::kSchedule: return "schedule";
    case Stage::kOpen: return "open";
    case Stage::kProbe: return "probe";
    case Stage::kDemux: return "demux";
    case Stage::kDecode: return "decode";
    case Stage::kNormalise: return "normalise";
    case Stage::kEncode: return "encode";
    case Stage::kMux: return "mux";
  }
  return "engine";
}

Status Status::from_av(Code code, Stage stage, int averror, const std::string& what) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(averror, text, sizeof text);
  std::string message = what + ": " + text;
  const std::string line = take_last_log_line();
  if (!line.empty()) message += " (" + line + ")";
  return {code, stage, std::move(message), averror};
}

Status Status::from_source(Stage stage, int averror, const std::string& what) {
  Code code = Code::kSourceInvalid;
  if (averror == AVERROR(ENOENT) || averror == AVERROR_HTTP_NOT_FOUND) code = Code::kSourceNotFound;
  if (averror == AVERROR(EACCES) || averror == AVERROR(EPERM) || averror == AVERROR_HTTP_FORBIDDEN ||
      averror == AVERROR_HTTP_UNAUTHORIZED)
    code = Code::kSourceDenied;
  if (averror == AVERROR_EXIT || averror == AVERROR(ETIMEDOUT)) code = Code::kSourceTimeout;
  return from_av(code, stage, averror, what);
}

}  // namespace headend
