// What the packets of Headend's transport streams have in common (ISO/IEC 13818-1 2.4.3). Constants only.
#pragma once

#include <cstddef>
#include <cstdint>

namespace headend::ts {

inline constexpr size_t kPacketBytes = 188;
inline constexpr uint8_t kSyncByte = 0x47;
inline constexpr int kCounters = 16;  // values of a continuity counter

inline constexpr int kPatPid = 0;
inline constexpr int kPmtPid = 0x1000;
/** Of the first track, which also carries the clock; the second has the next one. */
inline constexpr int kFirstPid = 0x100;

inline constexpr int64_t kClockRate = 27'000'000;  // of the PCR
inline constexpr int kStampRate = 90'000;          // of PTS and DTS
inline constexpr int64_t kStampWrap = int64_t{1} << 33;

}  // namespace headend::ts
