// Names the calling thread for debuggers and /proc (at most 15 characters are kept on Linux).
#pragma once

#ifdef __linux__
#include <pthread.h>
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

}  // namespace headend
