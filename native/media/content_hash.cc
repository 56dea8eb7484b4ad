#include "media/content_hash.h"

#include <cstdint>
#include <memory>

extern "C" {
#include <libavutil/mem.h>
#include <libavutil/sha.h>
}

namespace headend {
namespace {

constexpr int kDigestBytes = 32;
constexpr int kNameBytes = 8;

struct FreeSha {
  void operator()(AVSHA* sha) const { av_free(sha); }
};

}  // namespace

std::string content_hash(const Bytes& bytes) {
  const std::unique_ptr<AVSHA, FreeSha> sha(av_sha_alloc());
  uint8_t digest[kDigestBytes] = {};
  av_sha_init(sha.get(), 8 * kDigestBytes);
  av_sha_update(sha.get(), bytes.data(), bytes.size());
  av_sha_final(sha.get(), digest);
  std::string name;
  for (int i = 0; i < kNameBytes; ++i) {
    constexpr const char* kDigits = "0123456789abcdef";
    name += kDigits[digest[i] >> 4];
    name += kDigits[digest[i] & 15];
  }
  return name;
}

}  // namespace headend
