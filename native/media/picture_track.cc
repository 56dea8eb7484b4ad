#include "media/picture_track.h"

#include <cerrno>

namespace headend {
namespace {

constexpr int64_t kFieldsMicroseconds = 250'000;
// The filter refuses planes of a few lines; what lies between those of smaller pictures nobody sees.
constexpr int kLeastSize = 16;

bool has_fields(const AVFrame& picture) {
  return picture.flags & AV_FRAME_FLAG_INTERLACED && picture.width >= kLeastSize && picture.height >= kLeastSize;
}

}  // namespace

Status PictureTrack::start_deinterlacing(const AVFrame& first) {
  const AVRational source = decoder_->stream().avg_frame_rate;
  // A channel at least half again as fast as the source's frames has room for its fields.
  const bool fields = source.num > 0 && av_cmp_q(rate_, av_mul_q(source, {3, 2})) >= 0;
  auto graph = FilterGraph::for_pictures(first, decoder_->time_base(),
                                         fields ? "bwdif=mode=send_field:deint=interlaced"
                                                : "bwdif=mode=send_frame:deint=interlaced");
  if (!graph.ok()) return graph.status();
  deinterlacer_ = graph.take();
  width_ = first.width;
  height_ = first.height;
  format_ = first.format;
  return {};
}

// Filters trust that every picture has the shape of the first.
bool PictureTrack::fits_deinterlacer(const AVFrame& picture) const {
  return picture.width == width_ && picture.height == height_ && picture.format == format_;
}

// A picture of a kind that cannot be filtered is a fault of its file.
Result<FramePtr> PictureTrack::read() {
  Result<FramePtr> picture = read_progressive();
  if (picture.ok() || picture.status().stage() != Stage::kNormalise || picture.status().averror() == AVERROR(ENOMEM))
    return picture;
  return Status(Code::kDecodeFailed, Stage::kNormalise, picture.status().message(), picture.status().averror());
}

Result<FramePtr> PictureTrack::read_progressive() {
  for (;;) {
    if (deinterlacer_) {
      Result<FramePtr> picture = deinterlacer_->pull();
      if (!picture.ok() || picture.value()) return picture;
      if (waiting_) deinterlacer_.reset();
    }
    FramePtr decoded = std::move(waiting_);
    if (!decoded) {
      if (ended_) return FramePtr();
      Result<FramePtr> read = decoder_->read();
      if (!read.ok()) return read;
      decoded = read.take();
      if (!decoded) {
        ended_ = decoder_->ended();
        if (!ended_ || !deinterlacer_) return FramePtr();
        if (Status status = deinterlacer_->finish(); !status.ok()) return status;
        continue;
      }
    }
    if (deinterlacer_ && !fits_deinterlacer(*decoded)) {
      if (Status status = deinterlacer_->finish(); !status.ok()) return status;
      waiting_ = std::move(decoded);
      continue;
    }
    if (!deinterlacer_) {
      if (!has_fields(*decoded)) return decoded;
      if (Status status = start_deinterlacing(*decoded); !status.ok()) return status;
    }
    if (Status status = deinterlacer_->push(*decoded); !status.ok()) return status;
  }
}

Result<bool> PictureTrack::skip_to(int64_t pts) {
  const AVFieldOrder order = decoder_->stream().codecpar->field_order;
  const bool fields = order != AV_FIELD_PROGRESSIVE && order != AV_FIELD_UNKNOWN;
  return decoder_->skip_to(fields ? pts - av_rescale_q(kFieldsMicroseconds, AV_TIME_BASE_Q, decoder_->time_base()) : pts);
}

void PictureTrack::flush(bool mid_stream) {
  decoder_->flush(mid_stream);
  deinterlacer_.reset();
  waiting_.reset();
  ended_ = false;
}

}  // namespace headend
