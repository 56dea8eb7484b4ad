#include "media/decoder.h"

#include <algorithm>

#include "base/cores.h"

extern "C" {
#include <libavutil/common.h>
}

namespace headend {
namespace {

// A stream that gives no frame from this many packets (about ten seconds of video) will never give one.
constexpr int kHopelessPackets = 300;
constexpr char kNothing[] = "nothing could be decoded";
// After the first frame it may be damage, until so many packets of so long a time have given none.
constexpr int kBarrenPackets = 3;
constexpr int64_t kBarrenMicroseconds = 1'000'000;
// Larger pictures (8192x8192) are refused, and beyond 4096x2304 few are decoded at a time, for the memory they take.
constexpr int64_t kMaxPixels = int64_t{8192} * 8192;
constexpr int64_t kLargePixels = int64_t{4096} * 2304;
constexpr int kLargeThreads = 2;
constexpr int kMaxThreads = 16;
// Packets read ahead to find a key frame; without one within so much, decoding starts where reading did.
constexpr int64_t kMaxAheadBytes = 64 << 20;
constexpr size_t kMaxAheadPackets = 10'000;
// A picture is decoded before so many that are shown before it (H.264 and HEVC), which is for no longer than this
// unless one of those stands for long.
constexpr size_t kMaxReordered = 16;
constexpr int64_t kLeadMicroseconds = 2'000'000;
// Of what is on air later, everything is decoded so long before it, for the decoder to find out how far pictures are
// reordered.
constexpr int64_t kSettleMicroseconds = 2'000'000;
// So many others that are shown as long after they are decoded are no damage.
constexpr int kAgreement = 5;

// libavcodec's own choice is one more, which costs processor time and decodes one picture more before the first is there.
int threads_for(int64_t pixels) {
  if (pixels > kLargePixels) return kLargeThreads;
  return cores_up_to(kMaxThreads);
}

// Whether pictures that are said to be no reference are none to any other. In HEVC they may be to those of higher layers.
bool tells_references(AVCodecID codec) {
  return codec == AV_CODEC_ID_H264 || codec == AV_CODEC_ID_MPEG2VIDEO || codec == AV_CODEC_ID_MPEG1VIDEO;
}

// libavcodec's name, or the container's for what that does not know.
std::string name_of(const AVCodecParameters& codec) {
  if (codec.codec_id != AV_CODEC_ID_NONE) return avcodec_get_name(codec.codec_id);
  char name[AV_FOURCC_MAX_STRING_SIZE] = {};
  return av_fourcc_make_string(name, codec.codec_tag);
}

}  // namespace

Result<std::unique_ptr<Decoder>> Decoder::open(Demuxer& demuxer, const AVStream* stream, int threads,
                                               std::unique_ptr<DeviceDecoding> device) {
  const AVCodec* codec = device ? device->decoder(stream->codecpar->codec_id) : nullptr;
  if (!codec) {
    device.reset();
    codec = avcodec_find_decoder(stream->codecpar->codec_id);
  }
  if (!codec)
    return Status(Code::kSourceInvalid, Stage::kDecode,
                  "no decoder for " + name_of(*stream->codecpar));
  std::unique_ptr<Decoder> decoder(new Decoder(demuxer, stream));
  decoder->device_ = std::move(device);
  decoder->codec_.reset(avcodec_alloc_context3(codec));
  AVCodecContext* context = decoder->codec_.get();
  int error = avcodec_parameters_to_context(context, stream->codecpar);
  if (error >= 0) {
    context->pkt_timebase = stream->time_base;
    context->thread_count = threads > 0 ? threads : threads_for(static_cast<int64_t>(context->width) * context->height);
    context->max_pixels = kMaxPixels;
    context->flags |= AV_CODEC_FLAG_COPY_OPAQUE;
    if (!decoder->device_)
      decoder->pictures_.serve(*context);
    else if (Status status = decoder->device_->prepare(*context); !status.ok())
      return status;
    error = avcodec_open2(context, codec, nullptr);
  }
  if (Status status = decoder->device_failure(error); !status.ok()) return status;
  if (error < 0)
    return Status::from_av(Code::kDecodeFailed, Stage::kDecode, error,
                           std::string("cannot open the decoder ") + codec->name);
  decoder->origin_ = av_rescale_q(demuxer.origin(), AV_TIME_BASE_Q, stream->time_base);
  // The video's own start is exact in its own time base; microseconds may not be.
  if (stream == demuxer.video() && stream->start_time != AV_NOPTS_VALUE) decoder->origin_ = stream->start_time;
  return decoder;
}

int64_t Decoder::start() const {
  return stream_->start_time == AV_NOPTS_VALUE ? 0 : av_sat_sub64(stream_->start_time, origin_);
}

// A packet that is decoded after that time is shown after it too, and so is all that follows; so are all key frames
// after one that is shown after it.
Result<bool> Decoder::skip_to(int64_t pts) {
  const int64_t last = av_sat_add64(pts, origin_);
  const int64_t settle = av_rescale_q(kSettleMicroseconds, AV_TIME_BASE_Q, stream_->time_base);
  bool found = false;
  for (int64_t bytes = 0; bytes <= kMaxAheadBytes && ahead_.size() < kMaxAheadPackets;) {
    Result<PacketPtr> packet = demuxer_.read(stream_);
    if (!packet.ok()) return packet.status();
    if (!packet.value()) return found || !demuxer_.at_end();
    const AVPacket& read = *packet.value();
    const bool key = read.flags & AV_PKT_FLAG_KEY;
    const bool tells = !key || read.pts != AV_NOPTS_VALUE;
    const bool beyond = (read.dts != AV_NOPTS_VALUE && read.dts > last) || (key && tells && read.pts > last);
    if (key && tells && !beyond) {
      found = true;
      ahead_.clear();
      bytes = 0;
    }
    if (read.pts <= last) wanted_from_ = std::max(wanted_from_, av_sat_sub64(read.pts, settle));
    bytes += read.size;
    ahead_.push_back(packet.take());
    if (!tells) return true;
    if (beyond) return found;
  }
  return true;
}

Result<PacketPtr> Decoder::next_packet() {
  PacketPtr packet;
  if (ahead_.empty()) {
    Result<PacketPtr> read = demuxer_.read(stream_);
    if (!read.ok() || !read.value()) return read;
    packet = read.take();
  } else {
    packet = std::move(ahead_.front());
    ahead_.pop_front();
  }
  Result<bool> astray = is_astray(*packet);
  if (!astray.ok()) return astray.status();
  if (astray.value()) {
    packet->pts = AV_NOPTS_VALUE;
    packet->opaque = this;
    demuxer_.tell(TimestampMender::Finding::kOutlier);
  }
  return packet;
}

// Whether a picture would be shown far from when it is decoded, and neither does the clock of what follows leap there, as
// behind a picture that stands for long, nor are the others shown as late.
Result<bool> Decoder::is_astray(const AVPacket& packet) {
  if (codec_->codec_type != AVMEDIA_TYPE_VIDEO || packet.pts == AV_NOPTS_VALUE || packet.dts == AV_NOPTS_VALUE)
    return false;
  const int64_t limit = av_rescale_q(kLeadMicroseconds, AV_TIME_BASE_Q, stream_->time_base);
  const int64_t lead = av_sat_sub64(packet.pts, packet.dts);
  if (lead <= limit && lead >= -limit) return false;
  int agreeing = 0;
  for (size_t i = 0; i < kMaxReordered; ++i) {
    if (i == ahead_.size()) {
      Result<PacketPtr> read = demuxer_.read(stream_);
      if (!read.ok()) return read.status();
      if (!read.value()) return false;
      ahead_.push_back(read.take());
    }
    const AVPacket& next = *ahead_[i];
    if (next.dts == AV_NOPTS_VALUE) continue;
    if (lead > 0 && next.dts >= packet.pts - limit) return false;
    if (next.pts == AV_NOPTS_VALUE) continue;
    const int64_t apart = av_sat_sub64(av_sat_sub64(next.pts, next.dts), lead);
    if (apart <= limit && apart >= -limit && ++agreeing == kAgreement) return false;
  }
  return true;
}

// False when no packet is at hand.
Result<bool> Decoder::feed() {
  Result<PacketPtr> packet = next_packet();
  if (!packet.ok()) return packet.status();
  if (!packet.value()) {
    if (!demuxer_.at_end()) return false;
    draining_ = true;
    (void)avcodec_send_packet(codec_.get(), nullptr);
    return true;
  }
  if (until_key_ && !(packet.value()->flags & AV_PKT_FLAG_KEY)) return true;
  until_key_ = false;
  count(*packet.value());
  hurry(*packet.value());
  const int error = avcodec_send_packet(codec_.get(), packet.value().get());
  if (Status status = device_failure(error); !status.ok()) return status;
  if (error < 0) refused(error);
  if (packets_ > kHopelessPackets && frames_ == 0)
    return refusal_.ok() ? Status(Code::kDecodeFailed, Stage::kDecode, kNothing) : refusal_;
  return true;
}

// From the first packet on that is near what is wanted or has no time, everything is decoded.
void Decoder::hurry(const AVPacket& packet) {
  const bool far = tells_references(codec_->codec_id) && packet.pts != AV_NOPTS_VALUE && packet.pts < wanted_from_;
  if (!far) wanted_from_ = INT64_MIN;
  codec_->skip_frame = far ? AVDISCARD_NONREF : AVDISCARD_DEFAULT;
}

// Empty packets stand for the picture before them; frames that an edit list leaves out are not given.
void Decoder::count(const AVPacket& packet) {
  ++packets_;
  if (packet.size == 0 || packet.flags & AV_PKT_FLAG_DISCARD || packet.dts == AV_NOPTS_VALUE) return;
  if (fruitless_++ == 0) fruitless_from_ = fruitless_until_ = packet.dts;
  fruitless_until_ = std::max(fruitless_until_, packet.dts);
}

std::optional<Barren> Decoder::barren() const {
  if (frames_ == 0 || refusal_.ok() || fruitless_ < kBarrenPackets) return std::nullopt;
  const int64_t lasted = av_sat_sub64(fruitless_until_, fruitless_from_);
  if (av_rescale_q(lasted, stream_->time_base, AV_TIME_BASE_Q) < kBarrenMicroseconds) return std::nullopt;
  return Barren{refusal_, av_rescale_q(av_sat_sub64(fruitless_until_, origin_), stream_->time_base, AV_TIME_BASE_Q)};
}

// What a frame lasts when nobody says: one period of the stream's rate, as in a raw H.264 stream.
int64_t Decoder::usual_duration() const {
  if (codec_->codec_type != AVMEDIA_TYPE_VIDEO) return 0;
  const AVRational rate = stream_->avg_frame_rate.num > 0 ? stream_->avg_frame_rate : stream_->r_frame_rate;
  return rate.num > 0 && rate.den > 0 ? av_rescale_q(1, av_inv_q(rate), stream_->time_base) : 0;
}

// Moves the timestamp to the programme's clock; a frame without one, or whose own was wrong, follows its predecessor.
bool Decoder::place(AVFrame& frame) {
  const bool follows = frame.opaque || frame.best_effort_timestamp == AV_NOPTS_VALUE;
  if (follows && next_pts_ == AV_NOPTS_VALUE) return false;
  const int64_t pts = follows ? next_pts_ : av_sat_sub64(frame.best_effort_timestamp, origin_);
  frame.pts = pts;
  if (frame.duration <= 0) frame.duration = usual_duration();
  next_pts_ = av_sat_add64(pts, frame.duration);
  if (codec_->codec_type != AVMEDIA_TYPE_AUDIO || frame.sample_rate <= 0) return true;
  // Of sound that follows on without timestamps the durations in ticks would add up to too little or too much.
  if (!follows) {
    run_pts_ = pts;
    run_samples_ = 0;
  }
  run_samples_ += frame.nb_samples;
  next_pts_ = av_sat_add64(run_pts_, av_rescale_q(run_samples_, {1, frame.sample_rate}, stream_->time_base));
  return true;
}

void Decoder::refused(int error) {
  const bool pictures = codec_->codec_type == AVMEDIA_TYPE_VIDEO;
  const std::string no_more = std::string(pictures ? "the pictures" : "the sound") + " can no longer be decoded as " +
                              avcodec_get_name(codec_->codec_id);
  refusal_ = Status::from_av(Code::kDecodeFailed, Stage::kDecode, error, frames_ == 0 ? kNothing : no_more);
}

// A stream of which all that came was refused is not merely over.
Result<FramePtr> Decoder::end() const {
  if (frames_ == 0 && !refusal_.ok()) return refusal_;
  return FramePtr();
}

Result<FramePtr> Decoder::read() {
  for (;;) {
    FramePtr frame = make_frame();
    const int error = avcodec_receive_frame(codec_.get(), frame.get());
    if (Status status = device_failure(error); !status.ok()) return status;
    if (error == AVERROR_EOF) return end();
    if (error >= 0) {
      packets_ = fruitless_ = 0;
      refusal_ = {};
      ++frames_;
      if (!place(*frame)) continue;
      return device_ ? device_->settle(std::move(frame)) : Result<FramePtr>(std::move(frame));
    }
    // Decoders with threads refuse a packet when its picture is due.
    if (error != AVERROR(EAGAIN)) refused(error);
    if (draining_) {
      // A drain that fails has nothing more to give.
      if (error != AVERROR(EAGAIN)) return end();
      continue;
    }
    Result<bool> fed = feed();
    if (!fed.ok()) return fed.status();
    if (!fed.value() || (!draining_ && barren())) return FramePtr();
  }
}

Result<FramePtr> Decoder::decode_one(const AVPacket& packet) {
  int error = avcodec_send_packet(codec_.get(), &packet);
  if (error >= 0) error = avcodec_send_packet(codec_.get(), nullptr);
  FramePtr frame = make_frame();
  if (error >= 0) error = avcodec_receive_frame(codec_.get(), frame.get());
  if (error < 0) return Status::from_av(Code::kDecodeFailed, Stage::kDecode, error, "cannot decode a picture");
  return frame;
}

void Decoder::flush(bool mid_stream) {
  avcodec_flush_buffers(codec_.get());
  draining_ = false;
  packets_ = fruitless_ = 0;
  refusal_ = {};
  wanted_from_ = INT64_MIN;
  until_key_ = mid_stream && codec_->codec_type == AVMEDIA_TYPE_VIDEO;
  next_pts_ = mid_stream ? AV_NOPTS_VALUE : 0;
  run_pts_ = run_samples_ = 0;
  ahead_.clear();
}

}  // namespace headend
