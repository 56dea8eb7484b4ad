#include "media/video_encoder.h"

#include <algorithm>
#include <thread>

extern "C" {
#include <libavutil/opt.h>
}

namespace headend {
namespace {

constexpr int kMaxThreads = 8;

}  // namespace

Result<std::unique_ptr<VideoEncoder>> VideoEncoder::open(const VideoEncoderOptions& options, const Grid& grid) {
  const AVCodec* codec = avcodec_find_encoder_by_name("libx264");
  if (!codec) return Status(Code::kEncodeFailed, Stage::kEncode, "this build has no H.264 encoder");
  std::unique_ptr<VideoEncoder> encoder(new VideoEncoder(grid));
  encoder->codec_.reset(avcodec_alloc_context3(codec));
  AVCodecContext* context = encoder->codec_.get();
  context->width = options.width;
  context->height = options.height;
  context->pix_fmt = AV_PIX_FMT_YUV420P;
  context->sample_aspect_ratio = {1, 1};
  context->framerate = grid.rate;
  context->time_base = av_inv_q(grid.rate);
  context->color_range = AVCOL_RANGE_MPEG;
  context->colorspace = AVCOL_SPC_BT709;
  context->color_primaries = AVCOL_PRI_BT709;
  context->color_trc = AVCOL_TRC_BT709;
  context->bit_rate = options.bitrate;
  context->rc_max_rate = options.maxrate;
  context->rc_buffer_size = static_cast<int>(options.bufsize);
  context->gop_size = static_cast<int>(grid.key_frame_interval);
  context->profile = AV_PROFILE_H264_HIGH;
  // Every frame thread holds a frame back: a bound on them bounds how far a batch looks ahead.
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  context->thread_count = options.threads > 0 ? options.threads : std::clamp(cores * 3 / 2, 1, kMaxThreads);
  context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_CLOSED_GOP;

  AVDictionary* settings = nullptr;
  av_dict_set(&settings, "preset", options.preset.c_str(), 0);
  av_dict_set(&settings, "forced-idr", "1", 0);
  av_dict_set(&settings, "sc_threshold", "0", 0);
  const int error = avcodec_open2(context, codec, &settings);
  av_dict_free(&settings);
  if (error < 0)
    return Status::from_av(Code::kEncodeFailed, Stage::kEncode, error,
                           std::string("cannot open the encoder ") + codec->name);
  return encoder;
}

Status VideoEncoder::send(const AVFrame& picture, int64_t frame) {
  FramePtr input(av_frame_clone(&picture));
  if (!input) return {Code::kEngineFailed, Stage::kEncode, "out of memory"};
  input->pts = frame;
  input->duration = 1;
  // Segments are whole numbers of key frame intervals, so every segment starts with an IDR.
  const int64_t in_segment = frame - grid_.first_frame(grid_.segment_of_frame(frame));
  input->pict_type = in_segment % grid_.key_frame_interval == 0 ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
  const int error = avcodec_send_frame(codec_.get(), input.get());
  if (error < 0) return Status::from_av(Code::kEncodeFailed, Stage::kEncode, error, "cannot encode a picture");
  return {};
}

Result<PacketPtr> VideoEncoder::receive() {
  PacketPtr packet = make_packet();
  const int error = avcodec_receive_packet(codec_.get(), packet.get());
  if (error == AVERROR(EAGAIN) || error == AVERROR_EOF) return PacketPtr();
  if (error < 0) return Status::from_av(Code::kEncodeFailed, Stage::kEncode, error, "cannot encode a picture");
  packet->time_base = codec_->time_base;
  packet->duration = 1;
  return packet;
}

}  // namespace headend
