#include "playout/slate.h"

#include "media/blank_picture.h"
#include "media/filter_graph.h"

namespace headend {
namespace {

constexpr int kGroundLuma = 40;

}  // namespace

Result<SharedFrame> make_slate(const ProducerOptions& options) {
  const VideoEncoderOptions& size = options.rungs.front().encoder;
  Result<FramePtr> ground = make_blank_picture(size.width, size.height, kGroundLuma);
  if (!ground.ok()) return ground.status();
  ground.value()->pts = 0;
  if (options.font_file.empty() || options.title.empty()) return share(ground.take());

  const std::string chain = "drawtext=fontfile=" + escape_filter_value(options.font_file) + ":text=" + escape_filter_value(options.title) +
                            ":expansion=none:fontcolor=white:fontsize=h/12:x=(w-text_w)/2:y=(h-text_h)/2";
  auto graph = FilterGraph::for_pictures(*ground.value(), av_inv_q(options.grid.rate), chain);
  if (!graph.ok()) return share(ground.take());
  if (Status status = graph.value()->push(*ground.value()); !status.ok()) return status;
  Result<FramePtr> card = graph.value()->pull();
  if (!card.ok()) return card.status();
  return card.value() ? share(card.take()) : share(ground.take());
}

}  // namespace headend
