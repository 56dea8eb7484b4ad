#include "media/device_trial.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <vector>

#include "media/blank_picture.h"
#include "media/device_decoding.h"
#include "media/device_scaler.h"
#include "media/encoder_backend.h"

namespace headend {
namespace {

constexpr Grid kGrid{{25, 1}, 40, 20, 20};
constexpr int kFrames = 40;
const VideoEncoderOptions kClip{640, 360, 2'000'000, 3'000'000, 4'000'000};
const VideoEncoderOptions kRung{320, 180, 1'000'000, 1'500'000, 2'000'000};
// Slopes survive scaling and two encodes far above this; a picture shifted, swapped, or of another frame does not.
constexpr double kLeastPsnr = 28;

Status refused(const std::string& why) { return {Code::kDeviceFailed, Stage::kDecode, why}; }

/** What sample `at` (x, y between 0 and 1) of a plane is in frame `frame`: slopes, at another height in every frame. */
double sample_at(int plane, double x, double y, int frame) {
  if (plane == 0) return 24 + 80 * x + 60 * y + (frame * 23 % 48);
  return plane == 1 ? 64 + 120 * x : 190 - 100 * y;
}

template <typename Visit>
void for_each_sample(const AVFrame& picture, Visit visit) {
  for (int plane = 0; plane < 3; ++plane) {
    const int width = plane == 0 ? picture.width : picture.width / 2;
    const int height = plane == 0 ? picture.height : picture.height / 2;
    for (int row = 0; row < height; ++row)
      for (int column = 0; column < width; ++column)
        visit(picture.data[plane][row * picture.linesize[plane] + column], plane, (column + 0.5) / width,
              (row + 0.5) / height);
  }
}

/** In decibels, of the worst plane. */
double psnr(const AVFrame& picture, int frame) {
  double error[3] = {};
  double count[3] = {};
  for_each_sample(picture, [&](uint8_t sample, int plane, double x, double y) {
    const double difference = sample - sample_at(plane, x, y, frame);
    error[plane] += difference * difference;
    ++count[plane];
  });
  double worst = 99;
  for (int plane = 0; plane < 3; ++plane)
    if (error[plane] > 0) worst = std::min(worst, 10 * std::log10(255.0 * 255.0 * count[plane] / error[plane]));
  return worst;
}

/** Encoded pictures, and a decoder's context for them that is not open yet. */
struct Clip {
  std::vector<PacketPtr> packets;
  CodecPtr decoder;
};

Status take_packets(VideoEncoder& encoder, std::vector<PacketPtr>& packets) {
  for (;;) {
    Result<PacketPtr> packet = encoder.receive();
    if (!packet.ok()) return packet.status();
    if (!packet.value()) return {};
    packets.push_back(packet.take());
  }
}

Status prepare_decoder(Clip& clip, const VideoEncoder& encoder, const AVCodec* codec) {
  AVCodecParameters* parameters = avcodec_parameters_alloc();
  int error = avcodec_parameters_from_context(parameters, &encoder.codec());
  clip.decoder.reset(avcodec_alloc_context3(codec));
  if (error >= 0) error = avcodec_parameters_to_context(clip.decoder.get(), parameters);
  avcodec_parameters_free(&parameters);
  if (error < 0) return Status::from_av(Code::kEngineFailed, Stage::kDecode, error, "cannot prepare a decoder");
  return {};
}

Result<Clip> make_clip(const AVCodec* codec) {
  auto encoder = open_video_encoder(kSoftwareEncoder, kClip, kGrid);
  if (!encoder.ok()) return encoder.status();
  Clip clip;
  for (int frame = 0; frame < kFrames; ++frame) {
    Result<FramePtr> picture = make_blank_picture(kClip.width, kClip.height, 16);
    if (!picture.ok()) return picture.status();
    for_each_sample(*picture.value(), [&](uint8_t& sample, int plane, double x, double y) {
      sample = static_cast<uint8_t>(std::lround(sample_at(plane, x, y, frame)));
    });
    if (Status status = encoder.value()->send(*picture.value(), frame); !status.ok()) return status;
    if (Status status = take_packets(*encoder.value(), clip.packets); !status.ok()) return status;
  }
  if (Status status = encoder.value()->finish(); !status.ok()) return status;
  if (Status status = take_packets(*encoder.value(), clip.packets); !status.ok()) return status;
  if (Status status = prepare_decoder(clip, *encoder.value(), codec); !status.ok()) return status;
  return clip;
}

/** Decodes the whole clip; `check` judges libavcodec's answers, `take` gets the pictures. */
template <typename Check, typename Take>
Status decode(const Clip& clip, Check check, Take take) {
  AVCodecContext* decoder = clip.decoder.get();
  if (Status status = check(avcodec_open2(decoder, decoder->codec, nullptr)); !status.ok()) return status;
  for (size_t i = 0; i <= clip.packets.size(); ++i) {
    const AVPacket* packet = i < clip.packets.size() ? clip.packets[i].get() : nullptr;
    if (Status status = check(avcodec_send_packet(decoder, packet)); !status.ok()) return status;
    for (;;) {
      FramePtr frame = make_frame();
      const int error = avcodec_receive_frame(decoder, frame.get());
      if (Status status = check(error); !status.ok()) return status;
      if (error < 0) break;
      if (Status status = take(std::move(frame)); !status.ok()) return status;
    }
  }
  return {};
}

/** The clip through the device, as the encoder gives it. */
Result<Clip> pass_through(const std::string& encoder, const std::shared_ptr<const Device>& device) {
  const AVCodec* h264 = avcodec_find_decoder(AV_CODEC_ID_H264);
  DeviceDecoding decoding(device, {{kRung.width, kRung.height}});
  const AVCodec* codec = decoding.decoder(AV_CODEC_ID_H264);
  if (!codec) return refused("the device " + device->name() + " has no decoder for H.264");
  Result<Clip> clip = make_clip(codec);
  if (!clip.ok()) return clip.status();
  if (Status status = decoding.prepare(*clip.value().decoder); !status.ok()) return status;

  auto opened = open_video_encoder(encoder, kRung, kGrid, device.get());
  if (!opened.ok()) return opened.status();
  DeviceScaler scaler(device, kRung.width, kRung.height);
  Clip result;
  int64_t frames = 0;
  Status status = decode(
      clip.value(), [&](int error) { return decoding.check(error); },
      [&](FramePtr decoded) -> Status {
        Result<FramePtr> picture = decoding.settle(std::move(decoded));
        if (!picture.ok()) return picture.status();
        if (!is_on_device(*picture.value())) return refused("pictures do not stay on the device " + device->name());
        Result<SharedFrame> scaled = scaler.scale(share(picture.take()));
        if (!scaled.ok()) return scaled.status();
        if (Status sent = opened.value()->send(*scaled.value(), frames++); !sent.ok()) return sent;
        return take_packets(*opened.value(), result.packets);
      });
  if (!status.ok()) return status;
  if (frames != kFrames) return refused("the device " + device->name() + " lost pictures");
  if (status = opened.value()->finish(); !status.ok()) return status;
  if (status = take_packets(*opened.value(), result.packets); !status.ok()) return status;
  if (status = prepare_decoder(result, *opened.value(), h264); !status.ok()) return status;
  return result;
}

}  // namespace

Status try_device(const std::string& encoder) {
  auto device = open_device(encoder);
  if (!device.ok()) return device.status();
  Result<Clip> clip = pass_through(encoder, device.value());
  if (!clip.ok()) return clip.status();
  int frames = 0;
  double worst = 99;
  const auto check = [](int error) {
    return error >= 0 || error == AVERROR(EAGAIN) || error == AVERROR_EOF
               ? Status()
               : Status::from_av(Code::kDeviceFailed, Stage::kDecode, error, "what came of the clip cannot be decoded");
  };
  Status status = decode(clip.value(), check, [&](FramePtr picture) -> Status {
    if (picture->format != AV_PIX_FMT_YUV420P || picture->width != kRung.width || picture->height != kRung.height)
      return refused("the clip came back in another shape");
    worst = std::min(worst, psnr(*picture, frames++));
    return {};
  });
  if (!status.ok()) return status;
  if (frames != kFrames) return refused("the clip came back with another number of pictures");
  if (worst < kLeastPsnr)
    return refused("pictures came back from the device " + device.value()->name() + " at " +
                   std::to_string(std::lround(worst)) + " dB of the clip's");
  return {};
}

}  // namespace headend
