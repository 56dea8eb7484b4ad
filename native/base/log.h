// Keeps libav quiet and remembers its last complaint per thread, so that a Status can quote it.
// install_log_capture() may be called from any thread, any number of times.
#pragma once

#include <string>

namespace headend {

/** Routes libav's log into the per-thread memory below instead of stderr. */
void install_log_capture();

/** The last error or warning that libav logged on this thread, then forgets it; empty when there was none. */
std::string take_last_log_line();

}  // namespace headend
