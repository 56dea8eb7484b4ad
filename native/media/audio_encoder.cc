#include "media/audio_encoder.h"

#include "base/grid.h"

extern "C" {
#include <libavutil/channel_layout.h>
}

namespace headend {

Result<std::unique_ptr<AudioEncoder>> AudioEncoder::open(int64_t bitrate) {
  const AVCodec* codec = avcodec_find_encoder_by_name("aac");
  if (!codec) return Status(Code::kEncodeFailed, Stage::kEncode, "this build has no AAC encoder");
  std::unique_ptr<AudioEncoder> encoder(new AudioEncoder);
  encoder->codec_.reset(avcodec_alloc_context3(codec));
  AVCodecContext* context = encoder->codec_.get();
  context->sample_fmt = AV_SAMPLE_FMT_FLTP;
  context->sample_rate = kSampleRate;
  context->ch_layout = AV_CHANNEL_LAYOUT_STEREO;
  context->time_base = {1, kSampleRate};
  context->bit_rate = bitrate;
  context->profile = AV_PROFILE_AAC_LOW;
  context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  const int error = avcodec_open2(context, codec, nullptr);
  if (error < 0) return Status::from_av(Code::kEncodeFailed, Stage::kEncode, error, "cannot open the encoder aac");
  if (context->frame_size != kAccessUnitSamples)
    return Status(Code::kEncodeFailed, Stage::kEncode, "the AAC encoder's frames are not 1024 samples long");
  return encoder;
}

Status AudioEncoder::send(AVFrame& samples, int64_t position) {
  samples.pts = position;
  const int error = avcodec_send_frame(codec_.get(), &samples);
  if (error < 0) return Status::from_av(Code::kEncodeFailed, Stage::kEncode, error, "cannot encode sound");
  return {};
}

Result<PacketPtr> AudioEncoder::receive() {
  PacketPtr packet = make_packet();
  const int error = avcodec_receive_packet(codec_.get(), packet.get());
  if (error == AVERROR(EAGAIN) || error == AVERROR_EOF) return PacketPtr();
  if (error < 0) return Status::from_av(Code::kEncodeFailed, Stage::kEncode, error, "cannot encode sound");
  packet->time_base = codec_->time_base;
  packet->duration = kAccessUnitSamples;
  // The first packet carries "skip samples" side data for the priming; the channel has no edit lists.
  av_packet_side_data_free(&packet->side_data, &packet->side_data_elems);
  return packet;
}

}  // namespace headend
