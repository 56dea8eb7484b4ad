// Walks the channel's timeline frame by frame: opens each programme before its cut, airs the slate where a
// programme fails, softens the sound at cuts. Used by the producer's thread, which also owns it.
#pragma once

#include <memory>
#include <vector>

#include "playout/events.h"
#include "playout/file_source.h"
#include "playout/options.h"
#include "playout/programme_reader.h"
#include "playout/slice.h"

namespace headend {

class TimelineReader {
 public:
  /**
   * Files are decoded on `device` where there is one. Slices before `first_picture` may have any picture or none. With
   * kNoPictures only the sound is read.
   */
  TimelineReader(const ProducerOptions& options, std::shared_ptr<const Device> device, int64_t first_picture,
                 ProducerEvents& events)
      : options_(options),
        device_(std::move(device)),
        first_picture_(first_picture),
        events_(events),
        wait_meter_(events) {}

  /** Sorted and without holes. A programme that goes on from the previous timeline keeps its reader. */
  void set_timeline(std::vector<TimelineEntry> timeline) { timeline_ = std::move(timeline); }

  bool pictures() const { return first_picture_ != kNoPictures; }

  /** Begins to open the programme of `frame`, which is read next, unless it is open. Does not wait. */
  void open_ahead(int64_t frame);

  /** The slice of `frame`; frames are read one after the other. Fails when stopped, or beyond the timeline. */
  Result<Slice> read(int64_t frame, std::stop_token stop);

  /** What became of the pictures that the video decoders gave so far. */
  const PictureCounts& pictures_read() const { return *counts_; }

 private:
  /** A programme on air or about to be. */
  struct Programme {
    TimelineEntry entry;
    int64_t next_frame = 0;
    std::shared_ptr<const std::string> url;   // of a file
    std::unique_ptr<ProgrammeReader> reader;  // null: slate
  };

  const TimelineEntry* entry_at(int64_t frame) const;
  std::unique_ptr<Programme> open(const TimelineEntry& entry, int64_t frame);
  std::unique_ptr<FrameSource> open_file(const FileEntry& file, int64_t start_frame, std::shared_ptr<InputWatch> watch);
  void open_following(const TimelineEntry& entry, int64_t frame);
  Status fill_in(Slice& slice);
  void report(Status status, int64_t frame, const TimelineEntry& entry);
  void tell_programme(int64_t frame, bool slate);

  const ProducerOptions& options_;
  const std::shared_ptr<const Device> device_;
  const int64_t first_picture_;
  ProducerEvents& events_;
  WaitMeter wait_meter_;
  const std::shared_ptr<PictureCounts> counts_ = std::make_shared<PictureCounts>();
  std::vector<TimelineEntry> timeline_;
  SharedFrame slate_;  // made when it is first shown
  std::unique_ptr<Programme> current_;
  std::unique_ptr<Programme> following_;
};

}  // namespace headend
