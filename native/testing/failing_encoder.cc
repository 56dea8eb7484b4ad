#include "testing/failing_encoder.h"

#include <chrono>
#include <thread>

#include "media/libav_encoder.h"
#include "testing/plan.h"

namespace headend {
namespace {

constexpr int64_t kNever = INT64_MAX;
constexpr int64_t kDefaultAfter = 200;

// Differs from the real software encoder in profile, reordering and pixel format.
constexpr EncoderBackend kWrapped{
    kFailingEncoder, "libx264", AV_PIX_FMT_NV12, AV_HWDEVICE_TYPE_NONE, AV_PIX_FMT_NONE, false, 0, 64,
    [](const VideoEncoderOptions&) {
      return EncoderBackend::Settings{{"preset", "veryfast"}, {"profile", "main"}, {"forced-idr", "1"}};
    }};

class FailingEncoder : public VideoEncoder {
 public:
  FailingEncoder(std::unique_ptr<VideoEncoder> wrapped, Plan plan) : wrapped_(std::move(wrapped)), plan_(std::move(plan)) {}

  Status send(const AVFrame& picture, int64_t frame) override {
    if (sent_ == 0) {
      first_ = frame;
      std::this_thread::sleep_for(std::chrono::milliseconds(plan("hang", 0)));
    }
    if (sent_ == plan("after", kNever)) return {Code::kEncodeFailed, Stage::kEncode, "the test encoder fails on purpose"};
    ++sent_;
    return wrapped_->send(picture, frame);
  }

  Result<PacketPtr> receive() override {
    for (;;) {
      Result<PacketPtr> packet = wrapped_->receive();
      if (!packet.ok() || !packet.value() || packet.value()->pts - first_ < plan("swallow", kNever)) return packet;
    }
  }

  Status finish() override { return wrapped_->finish(); }
  const AVCodecContext& codec() const override { return wrapped_->codec(); }
  int64_t most_held_back() const override { return wrapped_->most_held_back(); }

 private:
  int64_t plan(std::string_view key, int64_t otherwise) const {
    const auto found = plan_.find(key);
    return found == plan_.end() ? otherwise : found->second;
  }

  const std::unique_ptr<VideoEncoder> wrapped_;
  const Plan plan_;
  int64_t first_ = 0;
  int64_t sent_ = 0;
};

}  // namespace

bool is_failing_encoder(const std::string& backend) { return backend.starts_with(kFailingEncoder); }

Result<std::unique_ptr<VideoEncoder>> open_failing_encoder(const std::string& backend,
                                                           const VideoEncoderOptions& options, const Grid& grid) {
  Plan plan = read_plan(backend);
  if (plan.empty()) plan["after"] = kDefaultAfter;
  const auto height = plan.find("height");
  if (height != plan.end() && height->second != options.height) plan.clear();
  if (plan.contains("open")) return Status(Code::kEncodeFailed, Stage::kEncode, "the test encoder does not open");
  auto wrapped = LibavEncoder::open(kWrapped, options, grid, nullptr);
  if (!wrapped.ok()) return wrapped.status();
  return std::unique_ptr<VideoEncoder>(std::make_unique<FailingEncoder>(wrapped.take(), std::move(plan)));
}

}  // namespace headend
