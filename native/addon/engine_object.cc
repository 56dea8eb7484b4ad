#include "addon/engine_object.h"

#include <mutex>

#include "addon/convert.h"
#include "base/thread_name.h"
#include "media/encoder_backend.h"

namespace headend {

/** A producer and the sink that carries its events. */
class EngineObject::ProducerSlot : public ProducerEvents {
 public:
  ProducerSlot(EngineObject& engine, uint32_t id, ProducerOptions options)
      : engine_(engine), id_(id), producer_(std::move(options), *this) {}

  Producer& producer() { return producer_; }

  void on_init(InitSection init) override { engine_.post({id_, std::move(init)}); }
  void on_fragment(Fragment fragment) override { engine_.post({id_, std::move(fragment)}); }
  void on_segment(Segment segment) override { engine_.post({id_, std::move(segment)}); }
  void on_abandoned(AbandonedSegment segment) override { engine_.post({id_, std::move(segment)}); }
  void on_programme(ProgrammeStart programme) override { engine_.post({id_, std::move(programme)}); }
  void on_wait(bool waits) override { engine_.post({id_, Wait{waits}}); }
  void on_fault(Fault fault) override { engine_.post({id_, std::move(fault)}); }
  void on_batch(Status status, BatchReport report) override {
    engine_.post({id_, BatchEnd{std::move(status), std::move(report)}});
  }
  void on_stopped() override { engine_.post({id_, Stopped{}}); }

 private:
  EngineObject& engine_;
  const uint32_t id_;
  Producer producer_;  // last: its thread uses the rest
};

/** Where threads that may outlive the engine put what they tell, for as long as there is one. */
class EngineObject::Outlet {
 public:
  explicit Outlet(EngineObject& engine) : engine_(&engine) {}

  void post(Event event) {
    std::lock_guard lock(mutex_);
    if (engine_) engine_->post(std::move(event));
  }

  void close() {
    std::lock_guard lock(mutex_);
    engine_ = nullptr;
  }

 private:
  std::mutex mutex_;
  EngineObject* engine_;
};

Napi::Function EngineObject::define(Napi::Env env) {
  return DefineClass(env, "Engine",
                     {
                         InstanceMethod<&EngineObject::create_producer>("createProducer"),
                         InstanceMethod<&EngineObject::produce>("produce"),
                         InstanceMethod<&EngineObject::stop_producer>("stopProducer"),
                         InstanceMethod<&EngineObject::probe>("probe"),
                         InstanceMethod<&EngineObject::measure_loudness>("measureLoudness"),
                         InstanceMethod<&EngineObject::cancel_probe>("cancelProbe"),
                         InstanceMethod<&EngineObject::detect_encoders>("detectEncoders"),
                         InstanceMethod<&EngineObject::remux>("remux"),
                         InstanceMethod<&EngineObject::close>("close"),
                     });
}

EngineObject::EngineObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<EngineObject>(info) {
  Napi::Env env = info.Env();
  if (!info[0].IsFunction()) {
    Napi::TypeError::New(env, "Engine needs a callback").ThrowAsJavaScriptException();
    return;
  }
  if (info[1].IsString()) input_.ca_file = info[1].As<Napi::String>();
  input_.memory = std::make_shared<SourceMemory>();
  outlet_ = std::make_shared<Outlet>(*this);
  channel_ = Channel::New(env, info[0].As<Napi::Function>(), "headend", 0, 1, this);
  channel_.Unref(env);
  open_ = true;
  Ref();  // until close(): the threads refer to this object
  // Added after the thread-safe function's own hook, so it runs before it.
  cleanup_ = env.AddCleanupHook(+[](EngineObject* self) { self->stop_all(); }, this);
}

EngineObject::~EngineObject() { stop_all(); }

void EngineObject::post(Event event) {
  auto* owned = new Event(std::move(event));
  if (channel_.NonBlockingCall(owned) != napi_ok) delete owned;  // the environment is closing
}

void EngineObject::call_js(Napi::Env env, Napi::Function callback, EngineObject* self, Event* event) {
  const std::unique_ptr<Event> owned(event);
  if (env == nullptr) return;  // the environment is closing
  self->dispatch(env, callback, std::move(*owned));
}

void EngineObject::dispatch(Napi::Env env, Napi::Function callback, Event event) {
  const Napi::Number id = Napi::Number::New(env, event.id);
  const auto tell = [&](const char* type, Napi::Value payload) {
    callback.Call({id, Napi::String::New(env, type), payload});
  };
  if (auto* init = std::get_if<InitSection>(&event.payload)) {
    tell("init", to_js(env, *init));
  } else if (auto* fragment = std::get_if<Fragment>(&event.payload)) {
    tell("fragment", to_js(env, *fragment));
  } else if (auto* segment = std::get_if<Segment>(&event.payload)) {
    tell("segment", to_js(env, *segment));
  } else if (auto* abandoned = std::get_if<AbandonedSegment>(&event.payload)) {
    tell("abandoned", to_js(env, *abandoned));
  } else if (auto* programme = std::get_if<ProgrammeStart>(&event.payload)) {
    tell("programme", to_js(env, *programme));
  } else if (auto* wait = std::get_if<Wait>(&event.payload)) {
    tell("wait", Napi::Boolean::New(env, wait->begins));
  } else if (auto* fault = std::get_if<Fault>(&event.payload)) {
    tell("fault", to_js(env, *fault));
  } else if (auto* batch = std::get_if<BatchEnd>(&event.payload)) {
    end_work(env);
    Napi::Object payload = Napi::Object::New(env);
    payload["error"] = to_js(env, batch->status);
    payload["report"] = to_js(env, batch->report);
    tell("batch", payload);
  } else if (std::holds_alternative<Stopped>(event.payload)) {
    end_work(env);
    producers_.erase(event.id);  // its thread has ended: the join is immediate
    tell("stopped", env.Null());
  } else if (auto* probed = std::get_if<Result<ProbeResult>>(&event.payload)) {
    end_work(env);
    probes_.erase(event.id);
    Napi::Object payload = Napi::Object::New(env);
    payload["error"] = probed->ok() ? env.Null() : to_js(env, probed->status());
    payload["result"] = probed->ok() ? to_js(env, probed->value()) : env.Null();
    tell("probe", payload);
  } else if (auto* reports = std::get_if<Result<std::vector<EncoderReport>>>(&event.payload)) {
    end_work(env);
    detections_.erase(event.id);
    Napi::Object payload = Napi::Object::New(env);
    payload["error"] = reports->ok() ? env.Null() : to_js(env, reports->status());
    payload["reports"] = reports->ok() ? to_js(env, reports->value()) : env.Null();
    tell("hardware", payload);
  } else if (auto* remuxed = std::get_if<Result<Bytes>>(&event.payload)) {
    end_work(env);
    Napi::Object payload = Napi::Object::New(env);
    payload["error"] = remuxed->ok() ? env.Null() : to_js(env, remuxed->status());
    payload["data"] = remuxed->ok() ? to_js(env, remuxed->value()) : env.Null();
    tell("remux", payload);
  } else if (auto* progress = std::get_if<Progress>(&event.payload)) {
    tell("progress", Napi::Number::New(env, progress->seconds));
  } else if (auto* measured = std::get_if<Result<Loudness>>(&event.payload)) {
    end_work(env);
    probes_.erase(event.id);
    Napi::Object payload = Napi::Object::New(env);
    payload["error"] = measured->ok() ? env.Null() : to_js(env, measured->status());
    payload["result"] = measured->ok() ? to_js(env, measured->value()) : env.Null();
    tell("loudness", payload);
  }
}

void EngineObject::begin_work(Napi::Env env) {
  if (work_++ == 0) channel_.Ref(env);
}

void EngineObject::end_work(Napi::Env env) {
  if (--work_ == 0 && open_) channel_.Unref(env);
}

// Returns its number, or why there is no producer.
Napi::Value EngineObject::create_producer(const Napi::CallbackInfo& info) {
  PropertyReader read(info.Env());
  if (!info[0].IsObject()) read.fail("createProducer needs options");
  if (!read.ok()) return info.Env().Undefined();
  ProducerOptions options = to_producer_options(info[0].As<Napi::Object>(), read);
  if (!read.ok()) return info.Env().Undefined();
  options.input = input_;
  const uint32_t id = next_id_++;
  // A thread may be refused by the system.
  Status status = guarded(Stage::kEngine, [&]() -> Status {
    auto slot = std::make_unique<ProducerSlot>(*this, id, std::move(options));
    producers_[id] = std::move(slot);
    return {};
  });
  if (!status.ok()) return to_js(info.Env(), status);
  return Napi::Number::New(info.Env(), id);
}

// Returns null, or why the batch was refused.
Napi::Value EngineObject::produce(const Napi::CallbackInfo& info) {
  PropertyReader read(info.Env());
  if (!info[0].IsNumber() || !info[1].IsObject()) read.fail("produce needs a producer and a request");
  if (!read.ok()) return info.Env().Undefined();
  ProduceRequest request = to_produce_request(info[1].As<Napi::Object>(), read);
  if (!read.ok()) return info.Env().Undefined();
  const auto slot = producers_.find(info[0].As<Napi::Number>().Uint32Value());
  if (slot == producers_.end()) return to_js(info.Env(), Status::stopped(Stage::kEngine));
  Status status = slot->second->producer().produce(std::move(request));
  if (status.ok()) begin_work(info.Env());
  return to_js(info.Env(), status);
}

Napi::Value EngineObject::stop_producer(const Napi::CallbackInfo& info) {
  const auto slot = producers_.find(info[0].ToNumber().Uint32Value());
  if (slot != producers_.end()) {
    begin_work(info.Env());
    slot->second->producer().request_stop();
  }
  return info.Env().Undefined();
}

// Returns the number, or why nothing was begun.
template <typename Work>
Napi::Value EngineObject::look(Napi::Env env, Work work) {
  const uint32_t id = next_id_++;
  // A thread may be refused by the system.
  Status status = guarded(Stage::kProbe, [&]() -> Status {
    probes_[id] = std::make_unique<AbandonableThread>([outlet = outlet_, id, work](const std::stop_token& stop) {
      name_this_thread("headend-probe");
      outlet->post({id, guarded(Stage::kProbe, [&] { return work(id, stop); })});
    });
    return {};
  });
  if (!status.ok()) {
    probes_.erase(id);
    return to_js(env, status);
  }
  begin_work(env);
  return Napi::Number::New(env, id);
}

Napi::Value EngineObject::probe(const Napi::CallbackInfo& info) {
  const ProbeRequest request{info[0].ToString(), info[1].ToBoolean()};
  return look(info.Env(), [input = input_, request](uint32_t, const std::stop_token& stop) {
    return headend::probe(request, input, stop);
  });
}

Napi::Value EngineObject::measure_loudness(const Napi::CallbackInfo& info) {
  PropertyReader read(info.Env());
  if (!info[1].IsObject()) read.fail("measureLoudness needs a source and a part of it");
  if (!read.ok()) return info.Env().Undefined();
  const Napi::Object part = info[1].As<Napi::Object>();
  const Seconds in_point = read.ratio(part, "inPoint");
  std::optional<Seconds> duration;
  if (part.Get("duration").IsObject()) duration = read.ratio(part, "duration");
  if (!read.ok()) return info.Env().Undefined();
  const std::string url = info[0].ToString();
  return look(info.Env(), [outlet = outlet_, input = input_, url, in_point, duration](uint32_t id,
                                                                                      const std::stop_token& stop) {
    yield_to_others();
    return headend::measure_loudness(url, in_point, duration, input, stop,
                                     [&](double seconds) { outlet->post({id, Progress{seconds}}); });
  });
}

Napi::Value EngineObject::cancel_probe(const Napi::CallbackInfo& info) {
  const auto slot = probes_.find(info[0].ToNumber().Uint32Value());
  if (slot != probes_.end()) slot->second->request_stop();
  return info.Env().Undefined();
}

// Tries every encoder, or the one that is named, for so many milliseconds each. Returns its number, or why nothing was begun.
Napi::Value EngineObject::detect_encoders(const Napi::CallbackInfo& info) {
  const uint32_t id = next_id_++;
  const std::chrono::milliseconds patience(info[0].ToNumber().Int64Value());
  const std::vector<std::string> names =
      info[1].IsString() ? std::vector<std::string>{info[1].As<Napi::String>()} : encoder_names();
  // A thread may be refused by the system.
  Status status = guarded(Stage::kEngine, [&]() -> Status {
    detections_[id] = std::jthread([this, id, patience, names](std::stop_token stop) {
      name_this_thread("headend-detect");
      post({id, guarded(Stage::kEngine, [&]() -> Result<std::vector<EncoderReport>> {
              return headend::detect_encoders(names, patience, stop);
            })});
    });
    return {};
  });
  if (!status.ok()) {
    detections_.erase(id);
    return to_js(info.Env(), status);
  }
  begin_work(info.Env());
  return Napi::Number::New(info.Env(), id);
}

// Returns its number, or why there is none. The tracks are copied: nothing keeps JavaScript from detaching them.
Napi::Value EngineObject::remux(const Napi::CallbackInfo& info) {
  PropertyReader read(info.Env());
  if (!info[0].IsArray()) read.fail("remux needs tracks");
  if (!read.ok()) return info.Env().Undefined();
  const uint32_t id = next_id_++;
  Status status = guarded(Stage::kMux, [&]() -> Status {
    std::vector<Bytes> tracks = to_tracks(info[0].As<Napi::Array>(), read);
    if (tracks.empty()) return {Code::kInvalidOptions, Stage::kMux, "remux needs tracks"};
    if (!remuxes_)
      remuxes_ = std::make_unique<TsQueue>(
          [this](uint32_t job, Result<Bytes> segment) { post({job, std::move(segment)}); });
    return remuxes_->push(id, std::move(tracks));
  });
  if (!read.ok()) return info.Env().Undefined();
  if (!status.ok()) return to_js(info.Env(), status);
  begin_work(info.Env());
  return Napi::Number::New(info.Env(), id);
}

// Called when every producer and probe has told its end.
Napi::Value EngineObject::close(const Napi::CallbackInfo& info) {
  if (!open_) return info.Env().Undefined();
  stop_all();
  open_ = false;
  cleanup_.Remove(info.Env());
  channel_.Release();
  Unref();
  return info.Env().Undefined();
}

void EngineObject::stop_all() {
  for (auto& [id, slot] : producers_) slot->producer().request_stop();
  for (auto& [id, thread] : probes_) thread->request_stop();
  for (auto& [id, thread] : detections_) thread.request_stop();
  if (remuxes_) remuxes_->request_stop();
  remuxes_.reset();     // joins
  producers_.clear();   // joins
  probes_.clear();      // joins, or leaves behind what hangs
  detections_.clear();  // joins
  if (outlet_) outlet_->close();
}

}  // namespace headend
