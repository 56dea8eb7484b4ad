#include "media/libav_encoder.h"

#include <algorithm>

#include "base/cores.h"

extern "C" {
#include <libavutil/pixdesc.h>
}

namespace headend {
namespace {

constexpr int kMaxThreads = 8;
constexpr int kSmallHeight = 720;

// x264's own choice is half as many again. Each costs processor time, and holds a frame back, which whoever waits for the
// first picture waits for too: so there are no more than keep the cores busy.
int threads_for(int height) {
  const int cores = cores_up_to(kMaxThreads);
  return height < kSmallHeight ? std::max(1, cores / 2) : cores;
}

Status encode_error(int averror, const std::string& what) {
  return Status::from_av(Code::kEncodeFailed, Stage::kEncode, averror, what);
}

}  // namespace

Result<std::unique_ptr<VideoEncoder>> LibavEncoder::open(const EncoderBackend& backend,
                                                         const VideoEncoderOptions& options, const Grid& grid,
                                                         const Device* device) {
  const AVCodec* codec = avcodec_find_encoder_by_name(backend.codec);
  if (!codec)
    return Status(Code::kEncodeFailed, Stage::kEncode, std::string("the encoder ") + backend.codec + " is not part of this build");
  AVBufferRef* const shared = device ? device->for_encoder() : nullptr;
  const bool on_device = shared || backend.uploads;
  const AVPixelFormat format = on_device ? kDevicePixels : backend.format;
  std::unique_ptr<LibavEncoder> encoder(new LibavEncoder(backend, grid, format));
  encoder->codec_.reset(avcodec_alloc_context3(codec));
  AVCodecContext* context = encoder->codec_.get();
  context->width = options.width;
  context->height = options.height;
  context->pix_fmt = on_device ? backend.device_format : format;
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
  if (backend.b_frames >= 0) context->max_b_frames = backend.b_frames;
  context->thread_count = options.threads > 0 ? options.threads : threads_for(options.height);
  context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_CLOSED_GOP;

  if (on_device) {
    auto frames = DeviceFrames::open(backend.device, shared, backend.device_format, format, options.width,
                                     options.height);
    if (!frames.ok()) return frames.status();
    encoder->device_ = frames.take();
    context->hw_frames_ctx = av_buffer_ref(encoder->device_->frames());
  }

  AVDictionary* settings = nullptr;
  for (const auto& [name, value] : backend.settings(options)) av_dict_set(&settings, name.c_str(), value.c_str(), 0);
  const int error = avcodec_open2(context, codec, &settings);
  av_dict_free(&settings);
  if (error < 0) return encode_error(error, std::string("cannot open the encoder ") + backend.codec);
  return std::unique_ptr<VideoEncoder>(std::move(encoder));
}

Result<FramePtr> LibavEncoder::input_for(const AVFrame& picture) {
  FramePtr input(av_frame_clone(&picture));
  if (!input) return Status(Code::kEngineFailed, Stage::kEncode, "out of memory");
  if (is_on_device(picture)) {
    // NVENC remembers pictures by their address, so it gets only those of a pool that lives as long as it does.
    const bool foreign = device_ && picture.format == AV_PIX_FMT_CUDA && picture.hw_frames_ctx->data != device_->frames()->data;
    return foreign ? device_->upload(picture) : Result<FramePtr>(std::move(input));
  }
  if (picture.format != format_) {
    if (!converter_) {
      auto graph = FilterGraph::for_pictures(picture, {1, 1}, std::string("format=") + av_get_pix_fmt_name(format_));
      if (!graph.ok()) return graph.status();
      converter_ = graph.take();
    }
    if (Status status = converter_->push(*input); !status.ok()) return status;
    Result<FramePtr> converted = converter_->pull();
    if (!converted.ok()) return converted;
    if (!converted.value()) return Status(Code::kEngineFailed, Stage::kEncode, "the converter kept a picture");
    input = converted.take();
  }
  return device_ ? device_->upload(*input) : Result<FramePtr>(std::move(input));
}

Status LibavEncoder::send(const AVFrame& picture, int64_t frame) {
  Result<FramePtr> input = input_for(picture);
  if (!input.ok()) return input.status();
  AVFrame& out = *input.value();
  out.pts = frame;
  out.duration = 1;
  // Segments are whole numbers of key frame intervals, so every segment starts with an IDR.
  const int64_t in_segment = frame - grid_.first_frame(grid_.segment_of_frame(frame));
  out.pict_type = in_segment % grid_.key_frame_interval == 0 ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
  const int error = avcodec_send_frame(codec_.get(), &out);
  if (error < 0) return encode_error(error, "cannot encode a picture");
  return {};
}

Result<PacketPtr> LibavEncoder::receive() {
  PacketPtr packet = make_packet();
  const int error = avcodec_receive_packet(codec_.get(), packet.get());
  if (error == AVERROR(EAGAIN) || error == AVERROR_EOF) return PacketPtr();
  if (error < 0) return encode_error(error, "cannot encode a picture");
  packet->time_base = codec_->time_base;
  packet->duration = 1;
  return packet;
}

Status LibavEncoder::finish() {
  const int error = avcodec_send_frame(codec_.get(), nullptr);
  if (error < 0) return encode_error(error, "cannot end the encoder");
  return {};
}

}  // namespace headend
