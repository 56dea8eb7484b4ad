// How many cores the machine has, for those who choose a number of threads.
#pragma once

#include <algorithm>
#include <thread>

namespace headend {

/** At least one, also where nobody knows, and no more than `most`. */
inline int cores_up_to(int most) { return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, most); }

}  // namespace headend
