// Makes one MPEG-TS segment from the stored CMAF video and audio segments of the same number: the same packets
// in another container, nothing is encoded again. A pure function; takes a few milliseconds.
#pragma once

#include <vector>

#include "base/status.h"
#include "media/bytes.h"

namespace headend {

/**
 * `tracks`: the video or the audio or both in this order, each its init section with its segment behind it.
 *
 * The result can stand behind any other segment that has the number before, whichever production either is from:
 * timestamps are the channel's own modulo 2^33, every continuity counter begins at 0 and ends at 15.
 * It begins with its tables (PAT, PMT); a decoder needs nothing from before.
 */
Result<Bytes> remux_to_ts(const std::vector<Bytes>& tracks);

}  // namespace headend
