// Makes the segments of one channel, batch by batch. Between batches it is parked: its threads sleep, the
// open programme, the encoders and the muxers keep their state, and the next batch goes on from there.
// produce(), request_stop() and join() may be called from any one thread; events come from the producer's.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "playout/events.h"
#include "playout/options.h"

namespace headend {

class Run;

class Producer {
 public:
  /** `events` must outlive join(). */
  Producer(ProducerOptions options, ProducerEvents& events);
  /** Stops and joins. */
  ~Producer();

  /** Checks and queues a batch; its end is told by ProducerEvents::on_batch. One batch at a time. */
  Status produce(ProduceRequest request);

  /** Cancels the batch in flight; no batch is accepted any more. Does not wait. */
  void request_stop();
  /** Waits until every thread of the producer has ended. */
  void join();

 private:
  void run(std::stop_token stop);
  Status make_batch(const ProduceRequest& request, BatchReport& report, const std::stop_token& stop);
  Status announce_inits();
  Status check(const ProduceRequest& request) const;

  const ProducerOptions options_;
  ProducerEvents& events_;

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::optional<ProduceRequest> request_;  // guarded by mutex_
  bool busy_ = false;                      // guarded by mutex_

  // The rest belongs to the producer's thread.
  bool announced_ = false;
  std::unique_ptr<Run> warm_;

  std::jthread thread_;  // last: joined before the rest goes away
};

}  // namespace headend
