// What the calling thread is called and how important it is. Names are for debuggers and /proc (at most 15
// characters are kept on Linux).
#pragma once

#ifdef __linux__
#include <pthread.h>
#include <sys/resource.h>
#endif

#include <string>

namespace headend {

inline void name_this_thread(const std::string& name) {
#ifdef __linux__
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
#else
  (void)name;
#endif
}

/** Gives way to every other thread: for work that nobody waits for on the air. */
inline void yield_to_others() {
#ifdef __linux__
  constexpr int kLeast = 19;
  (void)setpriority(PRIO_PROCESS, 0, kLeast);  // of this thread alone
#endif
}

}  // namespace headend
