// Finishes a multiplexed transport stream segment so that it joins others: places the tables, keeps the clock
// within its interval, and makes every continuity counter run from 0 to 15. A pure function over packets.
#pragma once

#include "base/status.h"
#include "media/bytes.h"

namespace headend {

/** `muxed`: packets with the PIDs of ts_layout.h; `end_clock`: the PCR (27 MHz) of the segment that follows. */
Result<Bytes> finish_ts(const Bytes& muxed, int64_t end_clock);

}  // namespace headend
