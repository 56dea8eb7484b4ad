#include "playout/rung_worker.h"

#include "media/blank_picture.h"
#include "media/content_hash.h"
#include "media/encoder_backend.h"

namespace headend {
namespace {

Result<std::unique_ptr<CmafMuxer>> open_muxer(const VideoEncoder& encoder, const Grid& grid, int64_t segment) {
  return CmafMuxer::open(encoder.codec(), grid.video_timescale(),
                         segment * grid.fragments_of(grid.frames_per_segment));
}

}  // namespace

Result<InitSection> make_video_init(const RungOptions& rung, const std::string& encoder,
                                    const std::shared_ptr<const Device>& device, const Grid& grid) {
  auto opened = open_video_encoder(encoder, rung.encoder, grid, device.get());
  if (!opened.ok()) return opened.status();
  auto muxer = open_muxer(*opened.value(), grid, 0);
  if (!muxer.ok()) return muxer.status();
  const Bytes& data = muxer.value()->init_section();
  return InitSection{rung.id, codecs_parameter(opened.value()->codec()), data, content_hash(data), encoder};
}

RungWorker::RungWorker(const RungOptions& rung, const std::string& encoder, std::shared_ptr<const Device> device,
                       const Grid& grid, int64_t first_segment, BatchProgress& progress, ProducerEvents& events)
    : Worker(rung.id, progress),
      rung_(rung),
      backend_(encoder),
      grid_(grid),
      events_(events),
      device_(std::move(device)),
      fitter_(rung.encoder.width, rung.encoder.height),
      scaler_(device_, rung.encoder.width, rung.encoder.height),
      packets_(grid, first_segment) {
  progress.reached(rung.id, first_segment);
  start("headend-" + rung.id);
}

RungWorker::~RungWorker() {
  finish();
  if (grid_.fragments_of(packets_.count()) > 0) events_.on_abandoned({rung_.id, packets_.segment()});
}

Status RungWorker::prepare() {
  auto encoder = open_video_encoder(backend_, rung_.encoder, grid_, device_.get());
  if (!encoder.ok()) return encoder.status();
  encoder_ = encoder.take();
  auto muxer = open_muxer(*encoder_, grid_, packets_.segment());
  if (!muxer.ok()) return muxer.status();
  muxer_ = muxer.take();
  init_ = content_hash(muxer_->init_section());
  return {};
}

// A picture of a kind that the filters cannot convert is a fault of its file: the last one stays on air.
Result<SharedFrame> RungWorker::fit(const Slice& slice) {
  if (is_on_device(*slice.picture)) return scaler_.scale(slice.picture);
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
  ++held_back_;
  for (;;) {
    Result<PacketPtr> packet = encoder_->receive();
    if (!packet.ok()) return packet.status();
    if (!packet.value()) break;
    --held_back_;
    if (Status status = take_packet(*packet.value()); !status.ok()) return status;
  }
  if (held_back_ > encoder_->most_held_back())
    return {Code::kEncodeFailed, Stage::kEncode, "the encoder takes pictures and gives none back"};
  return {};
}

Status RungWorker::take_packet(AVPacket& packet) {
  if (Status status = packets_.take(packet); !status.ok()) return status;
  if (Status status = muxer_->write(packet); !status.ok()) return status;
  const int64_t fragments = grid_.fragments_of(packets_.count());
  if (fragments > grid_.fragments_of(packets_.count() - 1)) {
    Result<Bytes> fragment = muxer_->end_fragment();
    if (!fragment.ok()) return fragment.status();
    events_.on_fragment({rung_.id, packets_.segment(), fragments - 1,
                         packets_.complete(), init_, fragment.take()});
  }
  if (!packets_.complete()) return {};

  Segment segment;
  segment.rendition = rung_.id;
  segment.sequence = packets_.segment();
  segment.start = grid_.first_frame(segment.sequence) * grid_.ticks_per_frame();
  segment.duration = grid_.frames_per_segment * grid_.ticks_per_frame();
  segment.timescale = grid_.video_timescale();
  segment.init = init_;
  segment.data = muxer_->take_segment();
  const size_t bytes = segment.data.size();
  events_.on_segment(std::move(segment));
  progress().delivered(rung_.id, packets_.segment(), packets_.count(), bytes);
  packets_.next();
  return {};
}

}  // namespace headend
