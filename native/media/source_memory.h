// What looks at files have found out, so that a file is opened and sought without finding it out again. Thread-safe.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/av_ptr.h"

namespace headend {

/** Since 1970. */
struct Instant {
  int64_t seconds = 0;
  int64_t nanoseconds = 0;
  bool operator==(const Instant&) const = default;
};

/** One state of a local file: another one after every write, as fine as the file system's clock is, and no other file's. */
struct FileState {
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t size = 0;
  Instant modified;
  Instant changed;  // of the inode: also when somebody has set `modified` back
  bool operator==(const FileState&) const = default;
};

/** A place in a source that has no index of its own. */
struct Place {
  int64_t microseconds = 0;  // since the programme's origin: when the picture there is shown, or at least decoded
  int64_t position = 0;      // in bytes
  bool key = false;          // whether a key frame begins there, which has the time at which it is shown
};

/** What a look at a source has found out that its header does not say. */
class KnownSource {
 public:
  /** What libavformat knows after avformat_find_stream_info(). */
  explicit KnownSource(const AVFormatContext& looked_at);

  /** Whether a context that has just been opened is of this source. False for formats whose streams show only later, for lists of other files, and for several programmes. */
  bool fits(const AVFormatContext& opened) const;

  /** Tells it to a context that it fits. */
  void apply(AVFormatContext& opened) const;

  /** In order of time; empty when none are known. */
  const std::vector<Place>& places() const { return places_; }
  void set_places(std::vector<Place> places) { places_ = std::move(places); }

  /** What it takes in memory, about. */
  int64_t bytes() const;

 private:
  struct Stream {
    CodecParametersPtr codec;
    int id = 0;
    AVRational time_base{0, 1}, frame_rate{0, 1}, declared_rate{0, 1}, sample_aspect{0, 1};
    int64_t start = AV_NOPTS_VALUE, duration = AV_NOPTS_VALUE;
  };

  std::string format_;
  std::vector<Stream> streams_;
  int64_t start_ = AV_NOPTS_VALUE, duration_ = AV_NOPTS_VALUE, bitrate_ = 0;
  std::vector<Place> places_;
};

/** Bounded: the files that have not been asked for longest are forgotten first. */
class SourceMemory {
 public:
  /** Null when nothing is known of the file in this state. */
  std::shared_ptr<const KnownSource> find(const FileState& file);

  /** Takes the place of what was known of the file. */
  void remember(const FileState& file, std::shared_ptr<const KnownSource> known);

 private:
  struct Entry {
    FileState file;
    std::shared_ptr<const KnownSource> known;
  };
  using Inode = std::pair<uint64_t, uint64_t>;
  void forget(std::map<Inode, std::list<Entry>::iterator>::iterator place);

  std::mutex mutex_;
  std::list<Entry> entries_;  // the last used first
  std::map<Inode, std::list<Entry>::iterator> places_;
  int64_t bytes_ = 0;
};

}  // namespace headend
