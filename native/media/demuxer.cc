#include "media/demuxer.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"

extern "C" {
#include <libavutil/common.h>
#include <libavutil/opt.h>
}

namespace headend {
namespace {

constexpr auto kOpenTime = std::chrono::seconds(10);
constexpr auto kReadTime = std::chrono::seconds(10);
// Further before the origin than any decoder reorders.
constexpr int64_t kRewindMicroseconds = 10'000'000;
// Packets held for one stream while the other, which has none for now, is looked for.
constexpr int64_t kMaxWaitingBytes = 64 << 20;
// Sound lies nearer to its pictures than this, however badly the two are interleaved.
constexpr int64_t kSilentMicroseconds = 10'000'000;
// What a packet in the queue costs besides its bytes, so that tiny ones are bounded too.
constexpr int64_t kPacketOverhead = 512;
// Damage that the demuxer stumbles over this many times in a row is the end of the source.
constexpr int kMaxDamage = 100;
// Read of a known source, so that libavformat has seen where its timestamps begin.
constexpr int64_t kGlanceBytes = 64 << 10;
// Looked at for scrambled packets at a time.
constexpr int64_t kScramblingBytes = 64 << 10;
// Sound lies no further before the pictures of its time (a second of buffering, ISO/IEC 13818-1, 2.4.2.7).
constexpr int64_t kInterleavedMicroseconds = 1'000'000;

// Nothing for URLs. libavformat opens a directory or a FIFO and then blocks or fails obscurely: say so at once.
Result<std::optional<FileState>> local_file(const std::string& url) {
  const std::string path = url.starts_with("file:") ? url.substr(5) : url;
  if (path.find("://") != std::string::npos) return std::optional<FileState>();
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0)
    return Status::from_source(Stage::kOpen, AVERROR(errno), "cannot open " + url);
  if (!S_ISREG(info.st_mode))
    return Status(Code::kSourceInvalid, Stage::kOpen, url + " is not a regular file");
  if (info.st_size == 0) return Status(Code::kSourceInvalid, Stage::kOpen, url + " is empty");
  return std::optional(FileState{info.st_dev,
                                 info.st_ino,
                                 info.st_size,
                                 {info.st_mtim.tv_sec, info.st_mtim.tv_nsec},
                                 {info.st_ctim.tv_sec, info.st_ctim.tv_nsec}});
}

// Opening anything but a regular file may wait in the kernel, deaf to every interrupt. A playlist's segment may be named
// behind the decryption it needs.
bool is_irregular_file(std::string_view url) {
  if (url.starts_with("crypto+") || url.starts_with("crypto:")) url.remove_prefix(7);
  std::string path(url);
  const char* protocol = avio_find_protocol_name(path.c_str());
  if (!protocol || std::string_view(protocol) != "file") return false;
  if (path.starts_with("file:")) path.erase(0, 5);
  struct stat info = {};
  return stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode);
}

// All but those that open other files past open_io().
std::string played_formats() {
  std::string names;
  void* state = nullptr;
  while (const AVInputFormat* format = av_demuxer_iterate(&state)) {
    const std::string_view name = format->name;
    if (name != "concat" && name != "vobsub") names.append(name).append(",");
  }
  return names;
}

// What libavformat tells only by its log: a server that is not who it says it is denies the source.
Status refused(int error, const std::string& url) {
  Status status = Status::from_source(Stage::kOpen, error, "cannot open " + url);
  if (status.message().find("Format not on whitelist") != std::string::npos)
    return {Code::kSourceInvalid, Stage::kOpen, url + " is a list of other files of a kind that is not played"};
  const bool certificate = error == AVERROR(EIO) && (status.message().find("ertificate") != std::string::npos ||
                                                     status.message().find("CA chain") != std::string::npos);
  return certificate ? Status(Code::kSourceDenied, Stage::kOpen, status.message(), error) : status;
}

// Their parameter sets and MP4's index say how far pictures are reordered.
bool tells_its_order(AVCodecID codec) { return codec == AV_CODEC_ID_H264 || codec == AV_CODEC_ID_HEVC; }

// Which of several tracks is the best, libavformat judges by what it has read and decoded.
bool has_choice(const AVFormatContext& context) {
  int tracks[2] = {};
  for (unsigned i = 0; i < context.nb_streams; ++i) {
    const AVMediaType type = context.streams[i]->codecpar->codec_type;
    if (type == AVMEDIA_TYPE_VIDEO || type == AVMEDIA_TYPE_AUDIO) ++tracks[type];
  }
  return tracks[AVMEDIA_TYPE_VIDEO] > 1 || tracks[AVMEDIA_TYPE_AUDIO] > 1;
}

// An MP4 file with an index of all samples and the parameter sets in its header: what its first pictures would tell
// besides, their decoder finds out by itself.
bool header_says_all(const AVFormatContext& context) {
  if (std::string_view(context.iformat->name).find("mp4") == std::string_view::npos) return false;
  bool all = true;
  for (unsigned i = 0; i < context.nb_streams; ++i) {
    const AVStream& stream = *context.streams[i];
    if (tells_its_order(stream.codecpar->codec_id))
      all = all && stream.nb_frames > 0 && stream.codecpar->extradata_size > 0 && stream.codecpar->width > 0;
  }
  return all && !has_choice(context);
}

// libavformat decodes the first picture, which at 1080p takes as long as half a dozen others; it goes without where it
// is not let have the decoder.
void keep_from_decoding_pictures(AVFormatContext& context) {
  std::string others;
  void* state = nullptr;
  while (const AVCodec* codec = av_codec_iterate(&state)) {
    if (!av_codec_is_decoder(codec) || tells_its_order(codec->id)) continue;
    if (!others.empty()) others += ',';
    others += codec->name;
  }
  av_opt_set(&context, "codec_whitelist", others.c_str(), 0);
}

bool is_cover(const AVStream& stream) { return stream.disposition & AV_DISPOSITION_ATTACHED_PIC; }

// One that can be decoded, else the best there is, which tells why nothing of its kind can be. Moving pictures before covers.
int best_stream(AVFormatContext* context, AVMediaType type, int related) {
  const AVCodec* decoder = nullptr;
  int best = av_find_best_stream(context, type, -1, related, &decoder, 0);
  if (best < 0) best = av_find_best_stream(context, type, -1, related, nullptr, 0);
  if (best < 0 || !is_cover(*context->streams[best])) return best;
  for (unsigned i = 0; i < context->nb_streams; ++i) {
    const AVStream& stream = *context->streams[i];
    if (stream.codecpar->codec_type == type && !is_cover(stream)) return static_cast<int>(i);
  }
  return best;
}

}  // namespace

Result<std::unique_ptr<Demuxer>> Demuxer::open(const std::string& url, const InputOptions& options,
                                               std::stop_token stop, Look look) {
  std::unique_ptr<Demuxer> demuxer(new Demuxer(url, options, std::move(stop)));
  if (Status status = demuxer->open_input(look); !status.ok()) return status;
  if (Status status = demuxer->choose_streams(); !status.ok()) return status;
  demuxer->interrupt_.step();
  return demuxer;
}

// Whatever a source leads to (a redirection, the segments of a playlist) is opened as the source itself is.
int Demuxer::open_io(AVFormatContext* context, AVIOContext** io, const char* url, int flags, AVDictionary** settings) {
  const auto* self = static_cast<const Demuxer*>(context->opaque);
  if (is_irregular_file(url)) {
    av_log(context, AV_LOG_ERROR, "%s is not a regular file\n", url);
    return AVERROR(EINVAL);
  }
  AVDictionary* own = nullptr;
  if (settings) av_dict_copy(&own, *settings, 0);
  // A server may close the connection of a parked reader. Protocols that know no such options leave them.
  av_dict_set(&own, "reconnect", "1", AV_DICT_DONT_OVERWRITE);
  av_dict_set(&own, "reconnect_on_network_error", "1", AV_DICT_DONT_OVERWRITE);
  av_dict_set(&own, "reconnect_delay_max", "5", AV_DICT_DONT_OVERWRITE);
  av_dict_set(&own, "tls_verify", "1", 0);
  if (!self->options_.ca_file.empty()) av_dict_set(&own, "ca_file", self->options_.ca_file.c_str(), 0);
  const int error = self->default_open_(context, io, url, flags, &own);
  // Not given back, as other openers do: avformat_open_input() leaks what it gets so when it was called without options.
  av_dict_free(&own);
  return error;
}

Status Demuxer::open_input(Look look) {
  const auto call = interrupt_.allow(kOpenTime);
  Result<std::optional<FileState>> file = local_file(url_);
  if (!file.ok()) return file.status();
  file_ = file.take();

  AVFormatContext* context = avformat_alloc_context();
  if (!context) return {Code::kEngineFailed, Stage::kOpen, "out of memory"};
  context->interrupt_callback = interrupt_.callback();
  context->opaque = this;
  default_open_ = std::exchange(context->io_open, &Demuxer::open_io);
  av_opt_set(context, "format_whitelist", played_formats().c_str(), 0);
  int error = avformat_open_input(&context, url_.c_str(), nullptr, nullptr);  // frees the context when it fails
  if (error < 0) return refused(error, url_);
  input_.reset(context);

  // libavformat takes text and anything that is named so for terminal art.
  for (const std::string_view art : {"tty", "bin", "xbin", "adf", "idf"})
    if (context->iformat->name == art)
      return {Code::kSourceInvalid, Stage::kOpen, url_ + " is a text file or no media at all"};

  look_for_scrambling();
  error = find_streams(look);
  if (error < 0 && scrambling_.any()) return encrypted();
  if (error < 0) return Status::from_source(Stage::kOpen, error, "cannot read the streams of " + url_);
  return {};
}

// libavformat hands out scrambled packets as if they were clear. A recording may begin scrambled and go on clear, so what
// begins so is looked at in its middle and at its end, too.
void Demuxer::look_for_scrambling() {
  if (!file_ || std::string_view(input_->iformat->name) != "mpegts") return;
  AVIOContext* io = input_->pb;
  const int64_t back = avio_tell(io);
  std::vector<uint8_t> bytes(kScramblingBytes);
  for (const int64_t position : {int64_t{0}, file_->size / 2, file_->size - kScramblingBytes}) {
    if (avio_seek(io, std::max<int64_t>(0, position), SEEK_SET) < 0) break;
    const int size = avio_read(io, bytes.data(), static_cast<int>(bytes.size()));
    if (size > 0) scrambling_.add({bytes.data(), static_cast<size_t>(size)});
    if (!scrambling_.any()) break;
  }
  (void)avio_seek(io, back, SEEK_SET);
}

int Demuxer::find_streams(Look look) {
  AVFormatContext& context = *input_;
  const bool remembers = file_ && options_.memory && unchanged();
  if (remembers) known_ = options_.memory->find(*file_);
  const bool known = known_ && look == Look::kToPlay && !has_choice(context) && known_->fits(context);
  if (known) {
    known_->apply(context);
    context.probesize = kGlanceBytes;
    context.skip_estimate_duration_from_pts = 1;
  }
  const bool no_pictures = known || (look == Look::kToPlay && header_says_all(context));
  if (no_pictures) keep_from_decoding_pictures(context);
  const int error = avformat_find_stream_info(&context, nullptr);
  if (error < 0) return error;
  if (no_pictures) (void)take_last_log_line();  // complains that it is not let
  if (known) known_->apply(context);  // what it has guessed anew
  if (!remembers || (known_ && look == Look::kToPlay) || !unchanged()) return 0;
  // What was cut short says less than there is.
  if (interrupt_.expired() || (context.pb && context.pb->error < 0)) return 0;
  remember(known_ ? known_->places() : std::vector<Place>());
  return 0;
}

// Whether the file that was opened is the one that bears its name.
bool Demuxer::unchanged() const {
  Result<std::optional<FileState>> now = local_file(url_);
  return now.ok() && now.value() == file_;
}

void Demuxer::remember_places(std::vector<Place> places) {
  if (known_ && unchanged()) remember(std::move(places));
}

void Demuxer::remember(std::vector<Place> places) {
  auto found = std::make_shared<KnownSource>(*input_);
  found->set_places(std::move(places));
  known_ = std::move(found);
  options_.memory->remember(*file_, known_);
}

Status Demuxer::choose_streams() {
  AVFormatContext* context = input_.get();
  const int video = best_stream(context, AVMEDIA_TYPE_VIDEO, -1);
  if (video >= 0) (is_cover(*context->streams[video]) ? cover_ : video_) = context->streams[video];
  const int audio = best_stream(context, AVMEDIA_TYPE_AUDIO, video);
  if (audio >= 0) audio_ = context->streams[audio];
  if (!video_ && !audio_)
    return {Code::kSourceInvalid, Stage::kOpen, url_ + " holds neither video nor audio that can be decoded"};
  if (is_encrypted(video_) || is_encrypted(audio_)) return encrypted();

  for (unsigned i = 0; i < context->nb_streams; ++i) {
    AVStream* stream = context->streams[i];
    if (stream != video_ && stream != audio_) stream->discard = AVDISCARD_ALL;
  }
  const AVStream* lead = video_ ? video_ : audio_;
  if (lead->start_time != AV_NOPTS_VALUE)
    origin_ = av_rescale_q(lead->start_time, lead->time_base, AV_TIME_BASE_Q);
  else if (context->start_time != AV_NOPTS_VALUE)
    origin_ = context->start_time;
  mender_ = TimestampMender((context->iformat->flags & AVFMT_TS_DISCONT) != 0);
  return {};
}

// MP4 says so in the sample entry, Matroska names the key, transport streams say it of every packet, whose PID is the
// stream's id.
bool Demuxer::is_encrypted(const AVStream* stream) const {
  if (!stream) return false;
  constexpr uint32_t kTags[] = {MKTAG('e', 'n', 'c', 'v'), MKTAG('e', 'n', 'c', 'a'), MKTAG('d', 'r', 'm', 'i'),
                                MKTAG('d', 'r', 'm', 's')};
  const bool tagged = std::ranges::find(kTags, stream->codecpar->codec_tag) != std::end(kTags);
  return tagged || av_dict_get(stream->metadata, "enc_key_id", nullptr, 0) || scrambling_.scrambled(stream->id);
}

Status Demuxer::encrypted() const { return {Code::kSourceDenied, Stage::kOpen, url_ + " is encrypted"}; }

bool Demuxer::still() const {
  const std::string_view name = input_->iformat->name;
  // An MP4 header may count one frame and more follow in fragments.
  const AVDictionaryEntry* brand = av_dict_get(input_->metadata, "major_brand", nullptr, 0);
  const bool image_format = name == "gif" || (brand && std::string_view(brand->value) == "avif");
  const bool one_picture = image_format && video_ && !audio_ && video_->nb_frames == 1;
  return one_picture || name == "image2" || name == "ico" || name.ends_with("_pipe");
}

Result<bool> Demuxer::seek(int64_t microseconds, int64_t picture) {
  const auto call = interrupt_.allow(kReadTime);
  for (auto& queue : waiting_) queue.clear();
  waiting_bytes_ = 0;
  silent_from_ = silent_until_ = AV_NOPTS_VALUE;
  at_end_ = false;
  mender_.reset();
  if (seek_by_memory(microseconds, picture)) return true;
  // Formats without an index look for timestamps of that stream in the packets, and find none of one that is ignored.
  const AVStream* lead = video_ && (!audio_ || video_->discard < AVDISCARD_ALL) ? video_ : audio_;
  const int64_t latest = av_rescale_q(origin_ + microseconds, AV_TIME_BASE_Q, lead->time_base);
  // Some formats seek by decode times, and the first picture is decoded before the origin at which it is shown.
  const int64_t target =
      microseconds > 0 ? latest : latest - av_rescale_q(kRewindMicroseconds, AV_TIME_BASE_Q, lead->time_base);
  int error = avformat_seek_file(input_.get(), lead->index, INT64_MIN, target, latest, 0);
  // Nothing at or before the target: the nearest key frame after it.
  if (error < 0) error = avformat_seek_file(input_.get(), lead->index, INT64_MIN, latest, INT64_MAX, 0);
  if (error >= 0) return true;
  // The search for a timestamp may have read to the end.
  if (avformat_seek_file(input_.get(), -1, 0, 0, 0, AVSEEK_FLAG_BYTE) >= 0) return false;
  return Status::from_av(Code::kSourceInvalid, Stage::kDemux, error, "cannot seek in " + url_);
}

// libavformat seeks by guesses where there is no index: it reads here and there, and lands on any packet.
bool Demuxer::seek_by_memory(int64_t microseconds, int64_t picture) {
  if (!known_) return false;
  const std::vector<Place>& places = known_->places();
  const auto after = [&](int64_t time) {
    return std::upper_bound(places.begin(), places.end(), time,
                            [](int64_t t, const Place& place) { return t < place.microseconds; });
  };
  const auto sound = std::make_reverse_iterator(after(microseconds - kInterleavedMicroseconds));
  const auto key = std::find_if(std::make_reverse_iterator(after(picture)), places.rend(), std::mem_fn(&Place::key));
  if (sound == places.rend() || key == places.rend()) return false;
  const int64_t position = std::min(sound->position, key->position);
  return avformat_seek_file(input_.get(), -1, position, position, position, AVSEEK_FLAG_BYTE) >= 0;
}

void Demuxer::mend(AVPacket& packet, const AVStream& stream) {
  tell(mender_.mend(packet, &stream == audio_, stream.time_base));
}

void Demuxer::tell(TimestampMender::Finding finding) {
  using Finding = TimestampMender::Finding;
  if (finding == Finding::kSound || remarked_) return;
  remarked_ = true;
  const std::string what =
      finding == Finding::kJump     ? "the timestamps of " + url_ + " jump; the programme goes on with what follows"
      : finding == Finding::kRepeat ? "the timestamps of the sound of " + url_ + " stand still and are not used"
                                    : "a timestamp of " + url_ + " is far from those around it and is not used";
  remark_ = Status(Code::kSourceDamaged, Stage::kDemux, what);
}

void Demuxer::ignore(const AVStream* stream) {
  input_->streams[stream->index]->discard = AVDISCARD_ALL;
  std::deque<PacketPtr>& queue = waiting_[stream == audio_];
  for (const PacketPtr& packet : queue) waiting_bytes_ -= packet->size + kPacketOverhead;
  queue.clear();
}

Result<PacketPtr> Demuxer::read(const AVStream* stream) {
  std::deque<PacketPtr>& mine = waiting_[stream == audio_];
  for (;;) {
    if (!mine.empty()) {
      PacketPtr packet = std::move(mine.front());
      mine.pop_front();
      waiting_bytes_ -= packet->size + kPacketOverhead;
      return packet;
    }
    if (at_end_) return PacketPtr();
    if (waiting_bytes_ > kMaxWaitingBytes || (stream == audio_ && sound_is_missing())) return PacketPtr();

    PacketPtr packet = make_packet();
    const int error = [&] {
      const auto call = interrupt_.allow(kReadTime);
      return av_read_frame(input_.get(), packet.get());
    }();
    if (error == AVERROR_EOF) {
      at_end_ = true;
      continue;
    }
    // Behind a damaged place there is often more.
    if ((error == AVERROR_INVALIDDATA || error == AVERROR(EAGAIN)) && ++damage_ <= kMaxDamage) continue;
    if (error < 0) return Status::from_source(Stage::kDemux, error, "cannot read on");
    damage_ = 0;
    interrupt_.step();
    const AVStream* owner = input_->streams[packet->stream_index];
    if ((owner != video_ && owner != audio_) || owner->discard == AVDISCARD_ALL) continue;
    if (av_packet_get_side_data(packet.get(), AV_PKT_DATA_ENCRYPTION_INFO, nullptr)) return encrypted();
    mend(*packet, *owner);
    keep(std::move(packet));
  }
}

void Demuxer::keep(PacketPtr packet) {
  const bool sound = audio_ && packet->stream_index == audio_->index;
  if (sound) {
    silent_from_ = silent_until_ = AV_NOPTS_VALUE;
  } else if (packet->dts != AV_NOPTS_VALUE) {
    if (silent_from_ == AV_NOPTS_VALUE) silent_from_ = packet->dts;
    silent_until_ = std::max(silent_until_, packet->dts);
  }
  waiting_bytes_ += packet->size + kPacketOverhead;
  waiting_[sound].push_back(std::move(packet));
}

// Whether the pictures that wait would have their sound by now if they had any. An index that has some for them says that
// it lies elsewhere in the file.
bool Demuxer::sound_is_missing() const {
  const std::deque<PacketPtr>& pictures = waiting_[0];
  if (pictures.empty() || silent_from_ == AV_NOPTS_VALUE) return false;
  const int64_t from = std::max(pictures.front()->dts, silent_from_);
  const int64_t lasted = av_sat_sub64(silent_until_, from);
  if (av_rescale_q(lasted, video_->time_base, AV_TIME_BASE_Q) < kSilentMicroseconds) return false;
  const auto in_sound = [&](int64_t time) { return av_rescale_q(time, video_->time_base, audio_->time_base); };
  const AVIndexEntry* next = avformat_index_get_entry_from_timestamp(input_->streams[audio_->index], in_sound(from),
                                                                     AVSEEK_FLAG_ANY);
  return !next || next->timestamp > in_sound(silent_until_);
}

}  // namespace headend
