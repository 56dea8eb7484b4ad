// Decodes one stream of a Demuxer into frames with a timestamp counted from the programme's origin.
// Used by one thread; libavcodec's own frame threads are inside.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>

#include "base/av_ptr.h"
#include "base/status.h"
#include "media/demuxer.h"
#include "media/device_decoding.h"
#include "media/picture_memory.h"

namespace headend {

/** Packets in mid-stream that have given no frame for a second and more, and at least one of which was refused. */
struct Barren {
  Status refusal;  // what was said of the last
  int64_t until;   // when that is decoded, in microseconds since the origin
};

class Decoder {
 public:
  /**
   * `demuxer` must outlive the decoder. `threads`: 0 for as many as suit the size of the pictures. With `device` pictures are
   * decoded there where it knows the codec; then whatever stands in the way is Code::kDeviceFailed.
   */
  static Result<std::unique_ptr<Decoder>> open(Demuxer& demuxer, const AVStream* stream, int threads,
                                               std::unique_ptr<DeviceDecoding> device = nullptr);

  /**
   * The next frame, or null at the end, while the demuxer has no packet at hand, and behind every packet of a barren
   * stretch. Frames that cannot be decoded are skipped; when nothing at all could be decoded from a good number of
   * packets, the decoder fails. `frame->pts` counts `time_base()` since the demuxer's origin.
   */
  Result<FramePtr> read();

  /** The stretch that read() is in, if it is in one. */
  std::optional<Barren> barren() const;

  /**
   * Forgets everything after a seek. In `mid_stream` video goes on with the next key frame: some formats seek to
   * any packet, and some decoders make pictures of nothing from there.
   */
  void flush(bool mid_stream);

  /**
   * After a flush into mid-stream: reads ahead to the last key frame that is shown at or before `pts`, counted like that
   * of frames; nothing before it is decoded, and long before that picture only what others refer to. False when what
   * follows has none; true also when the packets do not tell.
   */
  Result<bool> skip_to(int64_t pts);

  /** The frame of a packet that is all of its stream, as a cover picture is. */
  Result<FramePtr> decode_one(const AVPacket& packet);

  /** Whether read() gave its last frame. */
  bool ended() const { return draining_; }

  AVRational time_base() const { return stream_->time_base; }
  /** The stream's first timestamp, counted like those of the frames; 0 when unknown. */
  int64_t start() const;
  const AVStream& stream() const { return *stream_; }

 private:
  Decoder(Demuxer& demuxer, const AVStream* stream) : demuxer_(demuxer), stream_(stream) {}
  Result<PacketPtr> next_packet();
  Result<bool> is_astray(const AVPacket& packet);
  Result<bool> feed();
  void count(const AVPacket& packet);
  void hurry(const AVPacket& packet);
  /** Why the device cannot go on after an answer of libavcodec. */
  Status device_failure(int averror) const { return device_ ? device_->check(averror) : Status(); }
  void refused(int error);
  Result<FramePtr> end() const;
  int64_t usual_duration() const;
  bool place(AVFrame& frame);

  Demuxer& demuxer_;
  const AVStream* stream_;
  std::unique_ptr<DeviceDecoding> device_;  // null in software; outlives the codec, which asks it
  PictureMemory pictures_;  // outlives the codec, which asks it
  CodecPtr codec_;
  int64_t origin_ = 0;     // in stream time base
  int64_t next_pts_ = 0;   // of a frame that carries none; unknown in mid-stream
  int64_t run_pts_ = 0;      // of the last sound that carried one
  int64_t run_samples_ = 0;  // since then
  int64_t frames_ = 0;
  Status refusal_;         // since the last frame: what was said of the last packet that was refused
  int packets_ = 0;        // packets sent since the last frame
  int fruitless_ = 0;      // those of them that should give one
  int64_t fruitless_from_ = 0, fruitless_until_ = 0;  // when the first and the last of these are decoded
  bool draining_ = false;
  int64_t wanted_from_ = INT64_MIN;  // with a timestamp before it only reference pictures are decoded; stream time base
  bool until_key_ = false; // dropping packets before the next key frame
  std::deque<PacketPtr> ahead_;  // read to look at what follows
};

}  // namespace headend
