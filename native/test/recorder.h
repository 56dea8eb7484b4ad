// Keeps what a producer tells, and waits for the end of batches. Shared by the tests of the producer.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "playout/producer.h"

namespace headend {

class Recorder : public ProducerEvents {
 public:
  void on_init(InitSection init) override {
    std::lock_guard lock(mutex_);
    inits[init.rendition].push_back(init.data);
    sections.push_back(std::move(init));
  }
  void on_fragment(Fragment fragment) override {
    std::lock_guard lock(mutex_);
    fragments[fragment.rendition].push_back(std::move(fragment));
  }
  void on_abandoned(AbandonedSegment segment) override {
    std::lock_guard lock(mutex_);
    abandoned[segment.rendition].push_back(segment.sequence);
  }
  void on_programme(ProgrammeStart programme) override {
    std::lock_guard lock(mutex_);
    programmes.push_back(std::move(programme));
  }
  void on_wait(bool waits) override {
    std::lock_guard lock(mutex_);
    waits_ = waits;
    ended_.notify_all();
  }
  void on_segment(Segment segment) override {
    std::lock_guard lock(mutex_);
    segments[segment.rendition].push_back(std::move(segment));
  }
  void on_fault(Fault fault) override {
    std::lock_guard lock(mutex_);
    faults.push_back(std::move(fault));
  }
  void on_batch(Status status, BatchReport report) override {
    std::lock_guard lock(mutex_);
    last = status;
    last_report = report;
    ++batches_;
    ended_.notify_all();
  }
  void on_stopped() override { stopped = true; }

  /** Produces one batch and waits for its end. */
  Status make(Producer& producer, ProduceRequest request) {
    std::unique_lock lock(mutex_);
    const int before = batches_;
    lock.unlock();
    if (Status status = producer.produce(std::move(request)); !status.ok()) return status;
    lock.lock();
    if (!ended_.wait_for(lock, std::chrono::seconds(60), [&] { return batches_ > before; }))
      return {Code::kEngineFailed, Stage::kEngine, "the batch did not end"};
    return last;
  }

  /** Whether the producer tells within its patience that it waits for its source. */
  bool comes_to_wait() {
    std::unique_lock lock(mutex_);
    return ended_.wait_for(lock, std::chrono::seconds(60), [&] { return waits_; });
  }

  std::vector<InitSection> sections;
  std::map<std::string, std::vector<Bytes>> inits;
  std::map<std::string, std::vector<Fragment>> fragments;
  std::map<std::string, std::vector<Segment>> segments;
  std::map<std::string, std::vector<int64_t>> abandoned;
  std::vector<ProgrammeStart> programmes;
  std::vector<Fault> faults;
  Status last;
  BatchReport last_report;
  std::atomic<bool> stopped{false};

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  int batches_ = 0;
  bool waits_ = false;
};

}  // namespace headend
