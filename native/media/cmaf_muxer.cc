#include "media/cmaf_muxer.h"

#include <algorithm>
#include <climits>
#include <cstdio>

extern "C" {
#include <libavutil/opt.h>
}

namespace headend {
namespace {

Status mux_error(int averror, const char* what) {
  return Status::from_av(Code::kEncodeFailed, Stage::kMux, averror, what);
}

}  // namespace

Result<std::unique_ptr<CmafMuxer>> CmafMuxer::open(const AVCodecContext& encoder, int timescale,
                                                   int64_t first_fragment) {
  std::unique_ptr<CmafMuxer> muxer(new CmafMuxer);
  Result<std::unique_ptr<ByteOutput>> bytes = ByteOutput::open();
  if (!bytes.ok()) return bytes.status();
  muxer->bytes_ = bytes.take();
  AVFormatContext* context = nullptr;
  int error = avformat_alloc_output_context2(&context, nullptr, "mp4", nullptr);
  if (error < 0) return mux_error(error, "cannot open the mp4 muxer");
  muxer->output_.reset(context);
  context->pb = muxer->bytes_->io();
  context->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_BITEXACT;
  context->avoid_negative_ts = AVFMT_AVOID_NEG_TS_DISABLED;

  AVStream* stream = avformat_new_stream(context, nullptr);
  if (!stream) return mux_error(AVERROR(ENOMEM), "cannot describe the track");
  error = avcodec_parameters_from_context(stream->codecpar, &encoder);
  if (error < 0) return mux_error(error, "cannot describe the track");
  stream->time_base = {1, timescale};
  stream->avg_frame_rate = encoder.framerate;
  if (encoder.codec_type == AVMEDIA_TYPE_AUDIO) stream->codecpar->initial_padding = 0;

  AVDictionary* settings = nullptr;
  av_dict_set(&settings, "movflags", "+empty_moov+default_base_moof+frag_custom+frag_discont+skip_trailer", 0);
  av_dict_set(&settings, "brand", "cmfc", 0);
  av_dict_set(&settings, "use_editlist", "0", 0);
  av_dict_set_int(&settings, "fragment_index", first_fragment % INT_MAX + 1, 0);
  if (encoder.codec_type == AVMEDIA_TYPE_VIDEO) av_dict_set_int(&settings, "video_track_timescale", timescale, 0);
  error = avformat_write_header(context, &settings);
  av_dict_free(&settings);
  if (error < 0) return mux_error(error, "cannot write the init section");
  if (Status status = muxer->bytes_->flush(); !status.ok()) return status;
  muxer->init_ = muxer->bytes_->take();
  return muxer;
}

Status CmafMuxer::write(AVPacket& packet) {
  AVStream* stream = output_->streams[0];
  av_packet_rescale_ts(&packet, packet.time_base, stream->time_base);
  packet.stream_index = 0;
  // A tfdt cannot lie before the epoch: the few pictures of segment 0 that would are decoded a tick apart.
  packet.dts = std::max(packet.dts, least_dts_);
  least_dts_ = packet.dts + 1;
  const int error = av_write_frame(output_.get(), &packet);
  if (error < 0) return mux_error(error, "cannot write a packet");
  return {};
}

Result<Bytes> CmafMuxer::end_fragment() {
  const int error = av_write_frame(output_.get(), nullptr);
  if (error < 0) return mux_error(error, "cannot write a fragment");
  if (Status status = bytes_->flush(); !status.ok()) return status;
  const Bytes& segment = bytes_->bytes();
  Bytes fragment(segment.begin() + static_cast<ptrdiff_t>(fragment_start_), segment.end());
  fragment_start_ = segment.size();
  return fragment;
}

Bytes CmafMuxer::take_segment() {
  fragment_start_ = 0;
  return bytes_->take();
}

std::string codecs_parameter(const AVCodecContext& encoder) {
  if (encoder.codec_id == AV_CODEC_ID_AAC) return "mp4a.40.2";
  // The SPS follows the first start code of the extradata: profile, constraints and level are its first bytes.
  const uint8_t* data = encoder.extradata;
  for (int i = 0; i + 7 < encoder.extradata_size; ++i) {
    if (data[i] == 0 && data[i + 1] == 0 && data[i + 2] == 1 && (data[i + 3] & 0x1f) == 7) {
      char text[16];
      std::snprintf(text, sizeof text, "avc1.%02x%02x%02x", data[i + 4], data[i + 5], data[i + 6]);
      return text;
    }
  }
  return "avc1";
}

}  // namespace headend
