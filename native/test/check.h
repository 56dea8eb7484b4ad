// What the C++ tests need: a check that prints where it failed and counts, and the exit code.
#pragma once

#include <cstdio>

inline int failures = 0;

#define CHECK(condition)                                                          \
  do {                                                                            \
    if (!(condition)) {                                                           \
      std::fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
      ++failures;                                                                 \
    }                                                                             \
  } while (0)

inline int test_result() { return failures == 0 ? 0 : 1; }
