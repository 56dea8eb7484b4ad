#include "playout/rung_worker.h"

#include <utility>

#include "media/blank_picture.h"

namespace headend {
namespace {

Result<std::unique_ptr<CmafMuxer>> open_muxer(const VideoEncoder& encoder, const Grid& grid, int64_t segment) {
  return CmafMuxer::open(encoder.codec(), grid.video_timescale(),
                         segment * (grid.frames_per_segment / grid.frames_per_fragment));
}

}  // namespace

Result<InitSection> make_video_init(const RungOptions& rung, const Grid& grid) {
  auto encoder = VideoEncoder::open(rung.encoder, grid);
  if (!encoder.ok()) return encoder.status();
  auto muxer = open_muxer(*encoder.value(), grid, 0);
  if (!muxer.ok()) return muxer.status();
  return InitSection{rung.id, codecs_parameter(encoder.value()->codec()), muxer.value()->init_section()};
}

RungWorker::RungWorker(const RungOptions& rung, const Grid& grid, int64_t first_segment, BatchProgress& progress,
                       ProducerEvents& events)
    : Worker(rung.id, progress),
      rung_(rung),
      grid_(grid),
      events_(events),
      fitter_(rung.encoder.width, rung.encoder.height),
      segment_(first_segment) {
  progress.reached(rung.id, first_segment);
  start("headend-" + rung.id);
}

RungWorker::~RungWorker() {
  finish();
  if (packets_ >= grid_.frames_per_fragment) events_.on_abandoned({rung_.id, segment_});
}

Status RungWorker::prepare() {
  auto encoder = VideoEncoder::open(rung_.encoder, grid_);
  if (!encoder.ok()) return encoder.status();
  encoder_ = encoder.take();
  auto muxer = open_muxer(*encoder_, grid_, segment_);
  if (!muxer.ok()) return muxer.status();
  muxer_ = muxer.take();
  return {};
}

// A picture of a kind that the filters cannot convert is a fault of its file: the last one stays on air.
Result<SharedFrame> RungWorker::fit(const Slice& slice) {
  Result<SharedFrame> picture = fitter_.fit(slice.picture);
  if (!picture.ok()) {
    if (!unfit_) events_.on_fault({picture.status(), slice.frame, slice.source ? *slice.source : ""});
    unfit_ = true;
    if (shown_) return shown_;
    Result<FramePtr> black = make_blank_picture(rung_.encoder.width, rung_.encoder.height, 16);
    if (!black.ok()) return black.status();
    return share(black.take());
  }
  unfit_ = false;
  shown_ = picture.value();
  return picture;
}

Status RungWorker::process(Slice slice) {
  Result<SharedFrame> picture = fit(slice);
  if (!picture.ok()) return picture.status();
  if (Status status = encoder_->send(*picture.value(), slice.frame); !status.ok()) return status;
  for (;;) {
    Result<PacketPtr> packet = encoder_->receive();
    if (!packet.ok()) return packet.status();
    if (!packet.value()) return {};
    if (Status status = take_packet(*packet.value()); !status.ok()) return status;
  }
}

// GOPs are closed and segments start with an IDR, so packets leave the encoder segment by segment.
Status RungWorker::take_packet(AVPacket& packet) {
  const int64_t first = grid_.first_frame(segment_);
  if (packets_ == 0 && (packet.pts != first || !(packet.flags & AV_PKT_FLAG_KEY)))
    return {Code::kEncodeFailed, Stage::kEncode, "the encoder gave no key frame at the start of a segment"};
  if (packet.pts < first || packet.pts >= first + grid_.frames_per_segment)
    return {Code::kEncodeFailed, Stage::kEncode, "the encoder let a frame leave its segment"};
  // One picture is decoded per frame time, as much earlier than shown as the encoder reorders.
  packet.dts = first + packets_ - encoder_->codec().has_b_frames;
  if (Status status = muxer_->write(packet); !status.ok()) return status;
  ++packets_;
  if (packets_ % grid_.frames_per_fragment == 0) {
    Result<Bytes> fragment = muxer_->end_fragment();
    if (!fragment.ok()) return fragment.status();
    events_.on_fragment({rung_.id, segment_, packets_ / grid_.frames_per_fragment - 1,
                         packets_ == grid_.frames_per_segment, fragment.take()});
  }
  if (packets_ < grid_.frames_per_segment) return {};

  Segment segment;
  segment.rendition = rung_.id;
  segment.sequence = segment_;
  segment.start = first * grid_.ticks_per_frame();
  segment.duration = grid_.frames_per_segment * grid_.ticks_per_frame();
  segment.timescale = grid_.video_timescale();
  segment.data = muxer_->take_segment();
  const size_t bytes = segment.data.size();
  events_.on_segment(std::move(segment));
  progress().delivered(rung_.id, segment_++, std::exchange(packets_, 0), bytes);
  return {};
}

}  // namespace headend
