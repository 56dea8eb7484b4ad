// The warm state of a producer: consecutive segments from a cold start on, across any number of batches.
// Owned and used by the producer's thread; owns the reader and the workers.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "playout/audio_worker.h"
#include "playout/batch_progress.h"
#include "playout/events.h"
#include "playout/options.h"
#include "playout/rung_worker.h"
#include "playout/timeline_reader.h"

namespace headend {

/** The first segments that are still to be made: those of the rungs, and those of the audio. */
struct StillToMake {
  int64_t pictures = 0;
  int64_t sound = 0;
};

class Run {
 public:
  /**
   * A cold start; `encoder` is that of all rungs, and `device` where pictures stay for it, if any. A run without
   * `pictures` makes only the audio.
   */
  Run(const ProducerOptions& options, const std::string& encoder, std::shared_ptr<const Device> device,
      bool pictures, ProducerEvents& events, StillToMake first);

  const std::string& encoder() const { return encoder_; }

  /** Whether the next batch can be this one, with the state kept. */
  bool continues_with(const ProduceRequest& request) const {
    return request.from == next_segment_ && (!needs_carried(request) || carried_all_) &&
           (timeline_.pictures() || request.rungs.empty());
  }

  /** Adds to the report what happened since the last one. */
  void report(BatchReport& report);

  /** The request continues this run. Its source begins to open, if it is not open. */
  void begin(const ProduceRequest& request);

  /** Makes the segments of the audio and the rungs of the request that was begun. */
  Status produce(const ProduceRequest& request, const std::stop_token& stop);

  /** Whether the rungs' encoder, or the device that works for it, is what broke the last batch. */
  bool encoder_failed() const;
  /**
   * Ends the run and says where it broke: every rung has delivered the segments before `pictures`. Joins the workers
   * first, which may deliver until then; the run makes nothing afterwards.
   */
  StillToMake end();

 private:
  bool makes(const std::string& rung) const;
  /** Whether a rung joins, and so needs the slices that the others have already. */
  bool needs_carried(const ProduceRequest& request) const;
  void carry(Slice slice);
  Status set_rungs(const std::vector<std::string>& ids, const std::stop_token& stop);
  Status deliver(Worker& worker, const Slice& slice, const std::stop_token& stop);

  const ProducerOptions& options_;
  const std::string encoder_;
  const std::shared_ptr<const Device> device_;
  ProducerEvents& events_;
  int64_t next_segment_;
  int64_t next_frame_;        // the next one to read from the timeline
  BatchProgress progress_;    // outlives the workers that report to it
  TimelineReader timeline_;
  std::deque<Slice> carried_; // read beyond the last batch; a rung that joins starts with these
  size_t carried_bytes_ = 0;
  SharedFrame shown_;         // the picture of the last slice
  int64_t repeated_ = 0;      // slices that had the picture of the one before, ever
  BatchReport reported_;      // what earlier reports told of the counts that only grow
  int64_t lost_until_ = 0;    // frames before this one were too many to keep
  bool carried_all_ = true;   // false when they were too large to keep: then a rung that joins is a cold start
  std::unique_ptr<AudioWorker> audio_;
  std::vector<std::unique_ptr<RungWorker>> rungs_;
};

}  // namespace headend
