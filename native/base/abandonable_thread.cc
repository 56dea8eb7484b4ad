#include "base/abandonable_thread.h"

#include <condition_variable>
#include <mutex>
#include <utility>

#ifdef __linux__
#include <dlfcn.h>
#endif

namespace headend {
namespace {

// A thread that is left behind must not lose the code it runs when an environment unloads the addon.
void keep_this_library_loaded() {
#ifdef __linux__
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(&keep_this_library_loaded), &info) && info.dli_fname)
    dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
#endif
}

}  // namespace

struct AbandonableThread::State {
  std::mutex mutex;
  std::condition_variable_any changed;
  bool ended = false;  // guarded by mutex
};

AbandonableThread::AbandonableThread(std::function<void(std::stop_token)> work) : state_(std::make_shared<State>()) {
  thread_ = std::thread([state = state_, token = stop_.get_token(), work = std::move(work)]() mutable {
    work(token);
    work = nullptr;  // what it owns goes first
    std::lock_guard lock(state->mutex);
    state->ended = true;
    state->changed.notify_all();
  });
}

AbandonableThread::~AbandonableThread() {
  request_stop();
  if (wait_until(*asked_ + kPatience)) {
    thread_.join();
  } else {
    keep_this_library_loaded();
    thread_.detach();
  }
}

void AbandonableThread::request_stop() {
  if (asked_) return;
  asked_ = std::chrono::steady_clock::now();
  stop_.request_stop();
}

bool AbandonableThread::wait_until(std::chrono::steady_clock::time_point deadline, const std::stop_token& stop) {
  std::unique_lock lock(state_->mutex);
  return state_->changed.wait_until(lock, stop, deadline, [&] { return state_->ended; });
}

}  // namespace headend
