// What is known of files: of which state, for how long, and of how many.
#include "media/source_memory.h"

#include "test/check.h"

using headend::FileState;
using headend::KnownSource;
using headend::Place;
using headend::SourceMemory;

namespace {

std::shared_ptr<const KnownSource> known(size_t places = 0) {
  AVFormatContext* context = avformat_alloc_context();
  context->iformat = av_find_input_format("mpegts");
  auto source = std::make_shared<KnownSource>(*context);
  context->iformat = nullptr;  // nothing to close
  avformat_free_context(context);
  source->set_places(std::vector<Place>(places));
  return source;
}

FileState file(uint64_t inode, int64_t size = 1000, int64_t written = 1) { return {7, inode, size, {0, written}, {0, written}}; }

void knows_one_state_of_a_file() {
  SourceMemory memory;
  CHECK(memory.find(file(1)) == nullptr);
  const auto first = known();
  memory.remember(file(1), first);
  CHECK(memory.find(file(1)) == first);
  CHECK(memory.find(file(2)) == nullptr);
  CHECK(memory.find(file(1, 1001)) == nullptr);
  CHECK(memory.find(file(1, 1000, 2)) == nullptr);
  const auto second = known();
  memory.remember(file(1, 1001), second);
  CHECK(memory.find(file(1, 1001)) == second);
  CHECK(memory.find(file(1)) == nullptr);
}

void forgets_what_is_unused_for_longest() {
  SourceMemory memory;
  constexpr size_t kQuarter = (8 << 20) / sizeof(Place);
  for (uint64_t inode = 1; inode <= 3; ++inode) memory.remember(file(inode), known(kQuarter));
  CHECK(memory.find(file(1)) != nullptr);
  for (uint64_t inode = 4; inode <= 5; ++inode) memory.remember(file(inode), known(kQuarter));
  CHECK(memory.find(file(1)) != nullptr);
  CHECK(memory.find(file(2)) == nullptr);
  CHECK(memory.find(file(3)) != nullptr);
}

}  // namespace

int main() {
  knows_one_state_of_a_file();
  forgets_what_is_unused_for_longest();
  return test_result();
}
