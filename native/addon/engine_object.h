// The JavaScript class `Engine`: producers, probes, measurements and remuxes by number, and one thread-safe function that carries
// everything they tell to one callback. Lives on the JS thread of its environment; every thread it starts is
// joined by close() or, when the environment ends first, by the clean-up hook; those that hang in a source or a driver are
// left behind.
#pragma once

#include <napi.h>

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "base/abandonable_thread.h"
#include "media/encoder_detection.h"
#include "media/loudness.h"
#include "media/probe.h"
#include "media/ts_queue.h"
#include "playout/events.h"
#include "playout/producer.h"

namespace headend {

/** The end of a batch. */
struct BatchEnd {
  Status status;
  BatchReport report;
};
/** A batch begins or ceases to wait for its source. */
struct Wait {
  bool begins = false;
};
/** The end of a producer or of a probe that was cancelled. */
struct Stopped {};

/** Seconds of a source that have been measured. */
struct Progress {
  double seconds = 0;
};

/** What a thread tells JavaScript, and which producer, probe, measurement or remux it is about. */
struct Event {
  uint32_t id = 0;
  std::variant<InitSection, Fragment, Segment, AbandonedSegment, ProgrammeStart, Wait, Fault, BatchEnd, Stopped,
               Result<ProbeResult>, Result<Bytes>, Progress, Result<Loudness>, Result<std::vector<EncoderReport>>>
      payload;
};

class EngineObject : public Napi::ObjectWrap<EngineObject> {
 public:
  static Napi::Function define(Napi::Env env);

  /** `new Engine((id, type, payload) => void, caFile)` */
  explicit EngineObject(const Napi::CallbackInfo& info);
  ~EngineObject() override;

  /** Called from any thread. */
  void post(Event event);

 private:
  class ProducerSlot;
  class Outlet;

  static void call_js(Napi::Env env, Napi::Function callback, EngineObject* self, Event* event);
  using Channel = Napi::TypedThreadSafeFunction<EngineObject, Event, &EngineObject::call_js>;

  Napi::Value create_producer(const Napi::CallbackInfo& info);
  Napi::Value produce(const Napi::CallbackInfo& info);
  Napi::Value stop_producer(const Napi::CallbackInfo& info);
  Napi::Value probe(const Napi::CallbackInfo& info);
  Napi::Value measure_loudness(const Napi::CallbackInfo& info);
  Napi::Value cancel_probe(const Napi::CallbackInfo& info);
  Napi::Value detect_encoders(const Napi::CallbackInfo& info);
  Napi::Value remux(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);

  /** Runs `work` on a thread of its own; what it returns is posted. */
  template <typename Work>
  Napi::Value look(Napi::Env env, Work work);
  void dispatch(Napi::Env env, Napi::Function callback, Event event);
  /** Work in flight keeps the process alive; a parked engine does not. */
  void begin_work(Napi::Env env);
  void end_work(Napi::Env env);
  void stop_all();

  using CleanupHook = Napi::Env::CleanupHook<void (*)(EngineObject*), EngineObject>;

  InputOptions input_;
  Channel channel_;
  CleanupHook cleanup_;
  bool open_ = false;
  int work_ = 0;
  uint32_t next_id_ = 1;
  std::map<uint32_t, std::unique_ptr<ProducerSlot>> producers_;
  std::shared_ptr<Outlet> outlet_;
  std::map<uint32_t, std::unique_ptr<AbandonableThread>> probes_;  // and measurements
  std::map<uint32_t, std::jthread> detections_;
  std::unique_ptr<TsQueue> remuxes_;  // null until the first
};

}  // namespace headend
