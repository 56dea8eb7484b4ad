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
#include "playout/run.h"

namespace headend {

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
  /** Makes what is left of the batch, warm or with a cold start. */
  Status make_segments(const ProduceRequest& request, StillToMake left, BatchReport& report,
                       const std::stop_token& stop);
  /** Opens the encoder's device where it is wanted; without it files are decoded and scaled in memory. */
  void open_encoders_device(int64_t segment);
  /** The rungs go on in software, all from the same segment on. */
  void fall_back(const Status& why, int64_t segment);
  Status announce_inits(int64_t from);
  Status check(const ProduceRequest& request) const;

  const ProducerOptions options_;
  ProducerEvents& events_;

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::optional<ProduceRequest> request_;  // guarded by mutex_
  bool busy_ = false;                      // guarded by mutex_

  // The rest belongs to the producer's thread.
  std::string encoder_;            // of the rungs
  std::string announced_encoder_;  // whose init sections were told last; empty for none
  bool device_wanted_;             // it has not failed, and is not open
  std::shared_ptr<const Device> device_;  // for encoder_; null: pictures are decoded and scaled in memory
  std::unique_ptr<Run> warm_;

  std::jthread thread_;  // last: joined before the rest goes away
};

}  // namespace headend
