// An opened source: its best video and audio stream, and their packets, one stream at a time, on one whole clock.
// Used by one thread. Packets of the stream that is not being asked for wait in a bounded queue.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/av_ptr.h"
#include "base/status.h"
#include "media/interrupt.h"
#include "media/source_memory.h"
#include "media/timestamp_mender.h"
#include "media/ts_scrambling.h"

namespace headend {

/** How sources are opened. */
struct InputOptions {
  /** PEM file of the authorities that sign the certificates of https servers; empty: no server is trusted. */
  std::string ca_file;
  /** What is known of files that have been looked at; null: every file is looked at anew. */
  std::shared_ptr<SourceMemory> memory;
  /** Who wants to see the source being waited for; null: nobody. */
  std::shared_ptr<InputWatch> watch;
};

/** How closely a source is looked at when it is opened. */
enum class Look {
  kToPlay,   // as far as playing it needs
  kForFacts  // until everything about its streams is known, which may decode pictures
};

class Demuxer {
 public:
  /** Opens `url` and finds its streams. Fails when it has neither video nor audio that can be read. */
  static Result<std::unique_ptr<Demuxer>> open(const std::string& url, const InputOptions& options,
                                               std::stop_token stop, Look look = Look::kToPlay);

  /** Null when the source has none. Cover pictures do not count as video. */
  const AVStream* video() const { return video_; }
  const AVStream* audio() const { return audio_; }
  /** The picture that comes with sound alone, as on the sleeve of a record; null when there is none. */
  const AVStream* cover() const { return cover_; }
  const AVFormatContext& format() const { return *input_; }
  /** Whether it is a file of this machine. */
  bool is_local() const { return file_.has_value(); }
  /** Of the file in bytes; nothing for URLs. */
  std::optional<int64_t> file_size() const { return file_ ? std::optional(file_->size) : std::nullopt; }
  /** Whether the last packet has been read. */
  bool at_end() const { return at_end_; }
  /** Whether the source is one picture that stands for as long as it is shown. */
  bool still() const;

  /**
   * The instant that counts as time zero of the programme, in AV_TIME_BASE units: the start of the
   * video, or of the audio where there is no video.
   */
  int64_t origin() const { return origin_; }

  /**
   * Goes to where the sound of `microseconds` after the origin follows, and the key frame that leads to the picture of
   * `picture`. Without an index of the format's or a memory, that is only near the sound and may be after the key frame.
   * False when the format cannot and the source is back at its beginning, as raw streams are.
   */
  Result<bool> seek(int64_t microseconds, int64_t picture);

  /** Later demuxers of this file, if it was looked at whole and is as it was, seek by these places in order of time. */
  void remember_places(std::vector<Place> places);

  /** Nobody will read `stream`: its packets are skipped from now on. */
  void ignore(const AVStream* stream);

  /**
   * The next packet of `stream`; null at the end of the source, and also when the other stream's packets
   * that wait have reached their bound: read those first. Sound is looked for no further than ten seconds of pictures,
   * unless an index has it there.
   */
  Result<PacketPtr> read(const AVStream* stream);

  /** What was found to be wrong with a timestamp, to be told the first time. */
  void tell(TimestampMender::Finding finding);

  /** What was wrong with the source and has been mended, once; then nothing. */
  std::optional<Status> take_remark() { return std::exchange(remark_, std::nullopt); }

 private:
  Demuxer(std::string url, const InputOptions& options, std::stop_token stop)
      : url_(std::move(url)), options_(options), interrupt_(std::move(stop), options.watch) {}
  Status open_input(Look look);
  void look_for_scrambling();
  int find_streams(Look look);
  bool unchanged() const;
  void remember(std::vector<Place> places);
  bool seek_by_memory(int64_t microseconds, int64_t picture);
  Status choose_streams();
  bool is_encrypted(const AVStream* stream) const;
  Status encrypted() const;
  void mend(AVPacket& packet, const AVStream& stream);
  void keep(PacketPtr packet);
  bool sound_is_missing() const;
  static int open_io(AVFormatContext* context, AVIOContext** io, const char* url, int flags, AVDictionary** settings);

  const std::string url_;
  const InputOptions options_;
  int (*default_open_)(AVFormatContext*, AVIOContext**, const char*, int, AVDictionary**) = nullptr;

  Interrupt interrupt_;
  InputPtr input_;
  std::optional<FileState> file_;             // before it was opened; nothing for URLs
  std::shared_ptr<const KnownSource> known_;  // null when nothing is
  const AVStream* video_ = nullptr;
  const AVStream* audio_ = nullptr;
  const AVStream* cover_ = nullptr;
  ts::ScramblingCount scrambling_;
  TimestampMender mender_{false};
  std::optional<Status> remark_;
  bool remarked_ = false;
  int64_t origin_ = 0;
  bool at_end_ = false;
  int damage_ = 0;  // unreadable places since the last packet
  std::deque<PacketPtr> waiting_[2];  // video, audio
  int64_t waiting_bytes_ = 0;
  // When the first and the last picture since the last sound are decoded, in ticks of theirs.
  int64_t silent_from_ = AV_NOPTS_VALUE, silent_until_ = AV_NOPTS_VALUE;
};

}  // namespace headend
