// A libavfilter graph with one input "in" and one output "out", built from a filter description.
// Used by one thread.
#pragma once

#include <memory>
#include <string>

#include "base/av_ptr.h"
#include "base/status.h"

extern "C" {
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
}

namespace headend {

/** `text` as the value of a filter option inside a graph description. */
std::string escape_filter_value(const std::string& text);

class FilterGraph {
 public:
  /** A graph for pictures like `first` (size, format, colour); timestamps count `time_base`. */
  static Result<std::unique_ptr<FilterGraph>> for_pictures(const AVFrame& first, AVRational time_base,
                                                           const std::string& description);
  /** A graph for sound: 48 kHz stereo planar float in and out. */
  static Result<std::unique_ptr<FilterGraph>> for_sound(const std::string& description);

  /** Takes a reference to the frame. */
  Status push(const AVFrame& frame);
  /** The next frame that the graph has ready, or null when it wants more input. */
  Result<FramePtr> pull();
  /** No more input: pull() gives what is left inside, then null. */
  Status finish();

  /** A figure that the filter instance `filter` (written `name@filter`) gives as its option `option`; 0 if it does not. */
  double number(const std::string& filter, const char* option) const;

  /** What the timestamps of pulled frames count. */
  AVRational time_base() const { return av_buffersink_get_time_base(sink_); }

 private:
  static Result<std::unique_ptr<FilterGraph>> build(const AVFilter* source, const AVBufferSrcParameters& parameters,
                                                    const AVFilter* sink, const std::string& description);
  FilterGraphPtr graph_;
  AVFilterContext* source_ = nullptr;  // owned by the graph
  AVFilterContext* sink_ = nullptr;    // owned by the graph
};

}  // namespace headend
