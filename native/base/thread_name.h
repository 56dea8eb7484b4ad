// What the calling thread is called and how important it is. Names are for debuggers and /proc (at most 15
// characters are kept on Linux).
#pragma once

#ifdef __linux__
#include <pthread.h>
#include <sched.h>
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

/**
 * Works in long turns, and lets whoever answers viewers go first: for the threads of the media path and those that they
 * start. Waking up, such a thread takes the core from nobody (sched(7), SCHED_BATCH).
 */
inline void work_in_long_turns() {
#ifdef __linux__
  const sched_param none = {};
  (void)sched_setscheduler(0, SCHED_BATCH, &none);  // of this thread alone
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
