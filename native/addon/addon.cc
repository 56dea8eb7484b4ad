// The module's entry: exports the Engine class and what the addon was built from. Context-aware, no globals.
#include <napi.h>

extern "C" {
#include <libavutil/avutil.h>
}

#include "addon/engine_object.h"
#include "base/log.h"

namespace {

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  headend::install_log_capture();
  exports["Engine"] = headend::EngineObject::define(env);
  exports["ffmpegVersion"] = av_version_info();
  return exports;
}

}  // namespace

NODE_API_MODULE(headend, initialise)
