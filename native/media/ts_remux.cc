#include "media/ts_remux.h"

#include <algorithm>
#include <cstring>
#include <memory>

extern "C" {
#include <libavutil/mem.h>
}

#include "base/av_ptr.h"
#include "base/grid.h"
#include "media/byte_output.h"
#include "media/ts_finish.h"
#include "media/ts_layout.h"

namespace headend {
namespace {

constexpr int kIoBuffer = 64 << 10;
// What a decoder has in its buffers: the clock runs so far behind the decode times, in microseconds.
constexpr int64_t kBuffered = 700'000;
constexpr AVRational kStampBase = {1, ts::kStampRate};

Status remux_error(int averror, const char* what) {
  return Status::from_av(Code::kEncodeFailed, Stage::kMux, averror, what);
}

/** One track, read packet by packet. */
class Track {
 public:
  static Result<std::unique_ptr<Track>> open(const Bytes& bytes) {
    std::unique_ptr<Track> track(new Track(bytes));
    auto* buffer = static_cast<unsigned char*>(av_malloc(kIoBuffer));
    track->io_ = avio_alloc_context(buffer, kIoBuffer, 0, track.get(), &Track::read_bytes, nullptr, nullptr);
    AVFormatContext* context = avformat_alloc_context();
    if (!buffer || !track->io_ || !context) {
      if (!track->io_) av_free(buffer);
      avformat_free_context(context);
      return Status(Code::kEngineFailed, Stage::kMux, "out of memory");
    }
    context->pb = track->io_;
    const int error = avformat_open_input(&context, "", av_find_input_format("mov"), nullptr);
    if (error < 0) return remux_error(error, "cannot read a stored segment");
    track->input_.reset(context);
    if (context->nb_streams != 1) return remux_error(AVERROR_INVALIDDATA, "a stored segment is not one track");
    if (Status status = track->advance(); !status.ok()) return status;
    if (!track->packet()) return remux_error(AVERROR_INVALIDDATA, "a stored segment is empty");
    return track;
  }

  ~Track() {
    input_.reset();
    if (!io_) return;
    av_freep(&io_->buffer);
    avio_context_free(&io_);
  }

  const AVStream& stream() const { return *input_->streams[0]; }

  /** The next packet, its times in 90 kHz since the epoch; null at the end. */
  AVPacket* packet() { return packet_.get(); }

  Status advance() {
    packet_ = make_packet();
    if (!packet_) return remux_error(AVERROR(ENOMEM), "cannot read a stored segment");
    const int error = av_read_frame(input_.get(), packet_.get());
    if (error == AVERROR_EOF) {
      packet_.reset();
      return {};
    }
    if (error < 0) return remux_error(error, "cannot read a stored segment");
    av_packet_rescale_ts(packet_.get(), stream().time_base, kStampBase);
    packet_->time_base = kStampBase;
    return {};
  }

 private:
  explicit Track(const Bytes& bytes) : bytes_(bytes) {}

  static int read_bytes(void* self, uint8_t* to, int size) {
    auto* track = static_cast<Track*>(self);
    const size_t count = std::min(track->bytes_.size() - track->read_, static_cast<size_t>(size));
    if (count == 0) return AVERROR_EOF;
    std::memcpy(to, track->bytes_.data() + track->read_, count);
    track->read_ += count;
    return static_cast<int>(count);
  }

  const Bytes& bytes_;
  size_t read_ = 0;
  AVIOContext* io_ = nullptr;  // owned, freed in the destructor
  InputPtr input_;
  PacketPtr packet_;
};

using Tracks = std::vector<std::unique_ptr<Track>>;

/** The transport stream muxer with the packets of `tracks` to come. */
Result<OutputPtr> open_muxer(const Tracks& tracks, ByteOutput& bytes) {
  AVFormatContext* context = nullptr;
  int error = avformat_alloc_output_context2(&context, nullptr, "mpegts", nullptr);
  if (error < 0) return remux_error(error, "cannot open the transport stream muxer");
  OutputPtr output(context);
  context->pb = bytes.io();
  context->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_BITEXACT;
  context->avoid_negative_ts = AVFMT_AVOID_NEG_TS_DISABLED;
  context->max_delay = kBuffered;
  for (const auto& track : tracks) {
    AVStream* stream = avformat_new_stream(context, nullptr);
    error = stream ? avcodec_parameters_copy(stream->codecpar, track->stream().codecpar) : AVERROR(ENOMEM);
    if (error < 0) return remux_error(error, "cannot describe a track");
    stream->codecpar->codec_tag = 0;
    stream->time_base = kStampBase;
  }
  AVDictionary* settings = nullptr;
  av_dict_set(&settings, "mpegts_copyts", "1", 0);
  av_dict_set_int(&settings, "mpegts_pmt_start_pid", ts::kPmtPid, 0);
  av_dict_set_int(&settings, "mpegts_start_pid", ts::kFirstPid, 0);
  av_dict_set(&settings, "pcr_period", "1", 0);  // at every picture
  error = avformat_write_header(context, &settings);
  av_dict_free(&settings);
  if (error < 0) return remux_error(error, "cannot begin the transport stream");
  return output;
}

/** The track whose packet is decoded next; null when all have ended. */
Track* next_track(const Tracks& tracks, int& index) {
  Track* next = nullptr;
  for (size_t i = 0; i < tracks.size(); ++i) {
    Track* track = tracks[i].get();
    if (!track->packet() || (next && track->packet()->dts >= next->packet()->dts)) continue;
    next = track;
    index = static_cast<int>(i);
  }
  return next;
}

}  // namespace

Result<Bytes> remux_to_ts(const std::vector<Bytes>& sources) {
  Tracks tracks;
  for (const Bytes& bytes : sources) {
    Result<std::unique_ptr<Track>> track = Track::open(bytes);
    if (!track.ok()) return track.status();
    tracks.push_back(track.take());
  }
  if (tracks.empty()) return Status(Code::kInvalidOptions, Stage::kMux, "a transport stream needs a track");
  Result<std::unique_ptr<ByteOutput>> bytes = ByteOutput::open();
  if (!bytes.ok()) return bytes.status();
  Result<OutputPtr> muxer = open_muxer(tracks, *bytes.value());
  if (!muxer.ok()) return muxer.status();

  // The muxer writes 33 bits; what it calculates from the times must not be negative.
  const int64_t shift = (floor_div(tracks[0]->packet()->dts, ts::kStampWrap) - 1) * ts::kStampWrap;
  int64_t end = 0;
  int index = 0;
  while (Track* track = next_track(tracks, index)) {
    AVPacket& packet = *track->packet();
    packet.pts -= shift;
    packet.dts -= shift;
    packet.stream_index = index;
    if (index == 0) end = packet.dts + packet.duration;
    const int error = av_write_frame(muxer.value().get(), &packet);
    if (error < 0) return remux_error(error, "cannot write a packet");
    if (Status status = track->advance(); !status.ok()) return status;
  }
  if (const int error = av_write_trailer(muxer.value().get()); error < 0)
    return remux_error(error, "cannot end the transport stream");
  if (Status status = bytes.value()->flush(); !status.ok()) return status;
  const int64_t delay = kBuffered * ts::kStampRate / 1'000'000;
  return finish_ts(bytes.value()->bytes(), (end - delay) % ts::kStampWrap * 300);
}

}  // namespace headend
