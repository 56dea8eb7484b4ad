// Which streams of a transport stream are found to be scrambled, in packets of any size.
#include "media/ts_scrambling.h"

#include <vector>

#include "media/ts_layout.h"
#include "test/check.h"

using headend::ts::kPacketBytes;
using headend::ts::kSyncByte;
using headend::ts::ScramblingCount;

namespace {

constexpr int kClear = 0x100;
constexpr int kScrambled = 0x101;

/** Packets of two streams in turn, behind a few bytes of the one before. */
std::vector<uint8_t> piece(size_t stride, int packets) {
  std::vector<uint8_t> bytes(7, 0xff);
  for (int i = 0; i < packets; ++i) {
    const size_t at = bytes.size();
    const int pid = i % 2 == 0 ? kClear : kScrambled;
    bytes.resize(at + stride, 0xff);
    bytes[at] = kSyncByte;
    bytes[at + 1] = static_cast<uint8_t>(pid >> 8);
    bytes[at + 2] = static_cast<uint8_t>(pid & 0xff);
    bytes[at + 3] = pid == kClear ? 0x10 : 0xd0;
  }
  return bytes;
}

void finds_the_scrambled_stream() {
  for (const size_t stride : {kPacketBytes, size_t{192}, size_t{204}}) {
    ScramblingCount count;
    CHECK(!count.any());
    count.add(piece(stride, 20));
    CHECK(count.any());
    CHECK(count.scrambled(kScrambled));
    CHECK(!count.scrambled(kClear));
    CHECK(!count.scrambled(0));
  }
}

void takes_nothing_for_packets_that_is_none() {
  ScramblingCount count;
  count.add({});
  count.add(std::vector<uint8_t>(4096, 0xff));
  count.add(piece(kPacketBytes, 4));
  CHECK(!count.any());
}

}  // namespace

int main() {
  finds_the_scrambled_stream();
  takes_nothing_for_packets_that_is_none();
  return test_result();
}
