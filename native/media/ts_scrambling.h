// Counts which streams of a transport stream are scrambled (ISO/IEC 13818-1, 2.4.3.3), from pieces of it. Used by one thread.
#pragma once

#include <cstdint>
#include <map>
#include <span>

namespace headend::ts {

class ScramblingCount {
 public:
  /** A piece of the file from anywhere; packets of 188 bytes, or of 192 or 204 with what some put before or behind. */
  void add(std::span<const uint8_t> bytes);

  /** Whether more packets of the stream are scrambled than clear. */
  bool scrambled(int pid) const;

  /** Whether that is so of any stream. */
  bool any() const;

 private:
  std::map<int, int64_t> surplus_;  // by PID, at most 8192 of them: scrambled packets less clear ones
};

}  // namespace headend::ts
