// Keeps one source's clock whole: a timestamp far from all that came before is dropped, and where a source starts
// to count anew (transport streams joined end to end), what follows is moved to go on there. Used by one thread.
#pragma once

#include <array>
#include <cstdint>

extern "C" {
#include <libavcodec/packet.h>
#include <libavutil/rational.h>
}

namespace headend {

class TimestampMender {
 public:
  enum class Finding {
    kSound,    // as it should be, or moved along with an earlier jump
    kOutlier,  // the packet's timestamps were dropped
    kRepeat,   // so were they, for those of several packets before are the same
    kJump,     // several packets agree on another clock; the packet and all later ones follow that one
  };

  /** `jumps`: the container's clock may start anew, so that a jump is closed up; else it is what the file means. */
  explicit TimestampMender(bool jumps) : jumps_(jumps) {}

  /** Mends a packet of one of two streams (0 video, 1 audio), in file order. */
  Finding mend(AVPacket& packet, int stream, AVRational time_base);

  /** After a seek nothing is known, and the container's own timestamps count. */
  void reset();

 private:
  bool fits(int64_t time, int stream) const;
  bool repeats(int64_t stamp, const AVPacket& packet, int stream);

  bool jumps_;
  int64_t shift_ = 0;                         // added to the container's timestamps, in microseconds
  std::array<int64_t, 2> expected_{kNever, kNever};  // end of the last packet of each stream
  int64_t sound_stamp_ = kNever;              // of the last packet of sound
  int sound_repeats_ = 0;                     // how many before it had the same
  int64_t suspect_ = kNever;                  // the container's time of the last packet that fitted nowhere
  int64_t suspect_shift_ = 0;
  int suspects_ = 0;                          // packets in a row that fit only each other

  static constexpr int64_t kNever = INT64_MIN;
};

}  // namespace headend
