// The JavaScript class `Engine`: producers and probes by number, and one thread-safe function that carries
// everything they tell to one callback. Lives on the JS thread of its environment; every thread it starts is
// joined by close() or, when the environment ends first, by the clean-up hook.
#pragma once

#include <napi.h>

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "media/encoder_detection.h"
#include "media/probe.h"
#include "playout/events.h"
#include "playout/producer.h"

namespace headend {

/** The end of a batch. */
struct BatchEnd {
  Status status;
  BatchReport report;
};
/** The end of a producer or of a probe that was cancelled. */
struct Stopped {};

/** What a thread tells JavaScript, and which producer or probe it is about. */
struct Event {
  uint32_t id = 0;
  std::variant<InitSection, Segment, Fault, BatchEnd, Stopped, Result<ProbeResult>, std::vector<EncoderReport>> payload;
};

class EngineObject : public Napi::ObjectWrap<EngineObject> {
 public:
  static Napi::Function define(Napi::Env env);

  /** `new Engine((id, type, payload) => void)` */
  explicit EngineObject(const Napi::CallbackInfo& info);
  ~EngineObject() override;

  /** Called from any thread. */
  void post(Event event);

 private:
  class ProducerSlot;
  struct ProbeSlot;

  static void call_js(Napi::Env env, Napi::Function callback, EngineObject* self, Event* event);
  using Channel = Napi::TypedThreadSafeFunction<EngineObject, Event, &EngineObject::call_js>;

  Napi::Value create_producer(const Napi::CallbackInfo& info);
  Napi::Value produce(const Napi::CallbackInfo& info);
  Napi::Value stop_producer(const Napi::CallbackInfo& info);
  Napi::Value probe(const Napi::CallbackInfo& info);
  Napi::Value cancel_probe(const Napi::CallbackInfo& info);
  Napi::Value detect_encoders(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);

  void dispatch(Napi::Env env, Napi::Function callback, Event event);
  /** Work in flight keeps the process alive; a parked engine does not. */
  void begin_work(Napi::Env env);
  void end_work(Napi::Env env);
  void stop_all();

  using CleanupHook = Napi::Env::CleanupHook<void (*)(EngineObject*), EngineObject>;

  Channel channel_;
  CleanupHook cleanup_;
  bool open_ = false;
  int work_ = 0;
  uint32_t next_id_ = 1;
  std::map<uint32_t, std::unique_ptr<ProducerSlot>> producers_;
  std::map<uint32_t, std::unique_ptr<ProbeSlot>> probes_;
  std::map<uint32_t, std::jthread> detections_;
};

}  // namespace headend
