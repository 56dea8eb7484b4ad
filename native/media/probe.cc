#include "media/probe.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "media/decoder.h"
#include "media/picture_fitter.h"

extern "C" {
#include <libavutil/common.h>
#include <libavutil/dovi_meta.h>
#include <libavutil/pixdesc.h>
}

namespace headend {
namespace {

// As many pictures are looked at for their distances and fields.
constexpr int kPictures = 100;
constexpr int kDecodedPictures = 4;
// In memory, with more entries than this the index is not one of key frames alone.
constexpr int kMaxKeyFrames = 200'000;
// Besides key frames, what is read through is remembered so densely.
constexpr int64_t kPlaceMicroseconds = 500'000;

std::optional<Seconds> reduced(int64_t num, int64_t den) {
  const int64_t divisor = av_gcd(num, den);  // so that both fit JavaScript's integers
  return Seconds{num / divisor, den / divisor};
}

std::string tag(const AVDictionary* metadata, const char* key) {
  const AVDictionaryEntry* entry = av_dict_get(metadata, key, nullptr, 0);
  return entry ? entry->value : "";
}

// What libav does not know is told as nothing.
std::string name_of(const char* name) {
  const std::string_view text = name ? name : "";
  return text == "unknown" || text == "unspecified" || text == "reserved" ? "" : std::string(text);
}

AVRational known_rate(AVRational rate) { return rate.num > 0 && rate.den > 0 ? rate : AVRational{0, 1}; }

// The stream by which a programme is timed.
AVStream* lead_of(const Demuxer& demuxer) {
  return const_cast<AVStream*>(demuxer.video() ? demuxer.video() : demuxer.audio());
}

// The lead stream's own duration is exact where the container has one; the container's is in microseconds.
std::optional<Seconds> duration_of(const Demuxer& demuxer) {
  const AVStream* lead = lead_of(demuxer);
  if (lead->duration != AV_NOPTS_VALUE && lead->duration > 0 && lead->duration < INT64_MAX / lead->time_base.num)
    return reduced(lead->duration * lead->time_base.num, lead->time_base.den);
  const int64_t microseconds = demuxer.format().duration;
  if (microseconds == AV_NOPTS_VALUE || microseconds <= 0) return std::nullopt;
  return reduced(microseconds, AV_TIME_BASE);
}

// Where an MP4 file was cut off, its index lists samples behind its end: so much is there before the first of them.
std::optional<Seconds> duration_before_cut(const Demuxer& demuxer) {
  if (!demuxer.file_size() || std::string_view(demuxer.format().iformat->name).find("mp4") == std::string_view::npos)
    return std::nullopt;
  AVStream* const lead = lead_of(demuxer);
  std::optional<int64_t> first, missing;
  for (int i = 0; i < avformat_index_get_entries_count(lead); ++i) {
    const AVIndexEntry& entry = *avformat_index_get_entry(lead, i);
    first = std::min(first.value_or(entry.timestamp), entry.timestamp);
    if (entry.pos + entry.size > *demuxer.file_size())
      missing = std::min(missing.value_or(entry.timestamp), entry.timestamp);
  }
  if (!missing) return std::nullopt;
  return reduced(av_sat_sub64(*missing, *first) * lead->time_base.num, lead->time_base.den);
}

std::string language_of(const AVStream& stream) {
  const std::string language = tag(stream.metadata, "language");
  return language == "und" ? "" : language;  // undetermined
}

const AVPacketSideData* side_data(const AVStream& stream, AVPacketSideDataType type) {
  const AVCodecParameters& codec = *stream.codecpar;
  return av_packet_side_data_get(codec.coded_side_data, codec.nb_coded_side_data, type);
}

std::string field_order_of(AVFieldOrder order) {
  switch (order) {
    case AV_FIELD_PROGRESSIVE: return "progressive";
    case AV_FIELD_TT:
    case AV_FIELD_TB: return "top-first";
    case AV_FIELD_BB:
    case AV_FIELD_BT: return "bottom-first";
    case AV_FIELD_UNKNOWN: break;
  }
  return "";
}

std::string field_order_of_pictures(Demuxer& demuxer) {
  auto decoder = Decoder::open(demuxer, demuxer.video(), 1);
  if (!decoder.ok()) return "";
  std::string order;
  for (int i = 0; i < kDecodedPictures; ++i) {
    Result<FramePtr> frame = decoder.value()->read();
    if (!frame.ok() || !frame.value()) break;
    if (frame.value()->flags & AV_FRAME_FLAG_INTERLACED)
      return frame.value()->flags & AV_FRAME_FLAG_TOP_FIELD_FIRST ? "top-first" : "bottom-first";
    order = "progressive";
  }
  return order;
}

// Headers may be silent, and where those of H.264 contradict each other the decoder's word counts: pictures are shown by
// it. What they call interlaced stays so when it begins with progressive pictures.
void look_at_fields(Demuxer& demuxer, std::string& order) {
  const std::string seen = field_order_of_pictures(demuxer);
  if (order.empty() || (!seen.empty() && seen != "progressive")) order = seen;
}

// Many distances between the first pictures that differ by a fifth and more, or an average that is not theirs. By the times
// of decoding, which come in order.
bool is_variable(Demuxer& demuxer, AVRational average) {
  const AVStream* stream = demuxer.video();
  std::vector<int64_t> times;
  while (times.size() < kPictures) {
    Result<PacketPtr> packet = demuxer.read(stream);
    if (!packet.ok() || !packet.value()) break;
    if (packet.value()->dts != AV_NOPTS_VALUE) times.push_back(packet.value()->dts);
  }
  if (times.size() < 3) return false;
  std::vector<int64_t> steps;
  for (size_t i = 1; i < times.size(); ++i) steps.push_back(times[i] - times[i - 1]);
  std::sort(steps.begin(), steps.end());
  const int64_t usual = steps[steps.size() / 2];
  const int64_t allowed = std::max<int64_t>(2, usual / 5);
  const auto uneven = std::count_if(steps.begin(), steps.end(),
                                    [&](int64_t step) { return step < usual - allowed || step > usual + allowed; });
  // A single gap is a picture that was lost.
  if (uneven > 1 && uneven * 20 > static_cast<int64_t>(steps.size())) return true;
  if (average.num <= 0) return false;
  const double by_average = av_q2d(av_inv_q(average)) / av_q2d(stream->time_base);
  return std::abs(by_average - static_cast<double>(usual)) > std::max(2.0, static_cast<double>(usual) / 20);
}

std::string dynamic_range_of(AVColorTransferCharacteristic transfer) {
  if (transfer == AVCOL_TRC_SMPTE2084) return "hdr10";
  return transfer == AVCOL_TRC_ARIB_STD_B67 ? "hlg" : "sdr";
}

ProbeResult::Video video_of(Demuxer& demuxer) {
  const AVStream& stream = *demuxer.video();
  const AVCodecParameters& codec = *stream.codecpar;
  ProbeResult::Video video;
  video.codec = avcodec_get_name(codec.codec_id);
  video.profile = name_of(avcodec_profile_name(codec.codec_id, codec.profile));
  video.coded = {codec.width, codec.height};
  const AVRational aspect = av_guess_sample_aspect_ratio(nullptr, const_cast<AVStream*>(&stream), nullptr);
  if (aspect.num > 0 && aspect.den > 0) video.sample_aspect = aspect;
  if (const AVPacketSideData* matrix = side_data(stream, AV_PKT_DATA_DISPLAYMATRIX))
    video.rotation = quarter_turns(reinterpret_cast<const int32_t*>(matrix->data)) * 90;
  video.shown = {static_cast<int>(round_div(static_cast<__int128>(codec.width) * video.sample_aspect.num,
                                            video.sample_aspect.den)),
                 codec.height};
  if (video.rotation % 180 != 0) std::swap(video.shown.width, video.shown.height);
  video.frame_rate = known_rate(stream.avg_frame_rate.num > 0 ? stream.avg_frame_rate : stream.r_frame_rate);
  video.declared_rate = known_rate(stream.r_frame_rate);

  const auto format = static_cast<AVPixelFormat>(codec.format);
  if (const AVPixFmtDescriptor* description = av_pix_fmt_desc_get(format)) {
    video.pixel_format = description->name;
    video.bit_depth = description->comp[0].depth;
  }
  video.primaries = name_of(av_color_primaries_name(codec.color_primaries));
  video.transfer = name_of(av_color_transfer_name(codec.color_trc));
  video.matrix = name_of(av_color_space_name(codec.color_space));
  video.range = name_of(av_color_range_name(codec.color_range));
  video.dynamic_range = dynamic_range_of(codec.color_trc);
  if (const AVPacketSideData* dolby = side_data(stream, AV_PKT_DATA_DOVI_CONF))
    video.dolby_vision = reinterpret_cast<const AVDOVIDecoderConfigurationRecord*>(dolby->data)->dv_profile;
  video.field_order = field_order_of(codec.field_order);
  return video;
}

ProbeResult::Audio audio_of(const AVStream& stream) {
  const AVCodecParameters& codec = *stream.codecpar;
  char layout[128] = {};
  av_channel_layout_describe(&codec.ch_layout, layout, sizeof layout);
  return {stream.index,
          avcodec_get_name(codec.codec_id),
          name_of(avcodec_profile_name(codec.codec_id, codec.profile)),
          codec.sample_rate,
          codec.ch_layout.nb_channels,
          layout,
          language_of(stream),
          tag(stream.metadata, "title")};
}

// Reads through what has no index, and remembers what lies where. The key frames among it; nothing without pictures or
// where it cannot be read to its end.
Result<std::optional<std::vector<int64_t>>> find_key_frames(const std::string& url, const InputOptions& options,
                                                            const std::stop_token& stop) {
  Result<std::unique_ptr<Demuxer>> opened = Demuxer::open(url, options, stop);
  if (!opened.ok()) return opened.status();
  Demuxer& demuxer = *opened.value();
  const AVStream* video = demuxer.video();
  if (!video) return std::optional<std::vector<int64_t>>();
  if (demuxer.audio()) demuxer.ignore(demuxer.audio());
  const int64_t start = av_rescale_q(demuxer.origin(), AV_TIME_BASE_Q, video->time_base);
  std::vector<Place> places;
  std::vector<int64_t> key_frames;
  while (places.size() < kMaxKeyFrames) {
    Result<PacketPtr> read = demuxer.read(video);
    if (!read.ok() && stop.stop_requested()) return read.status();
    if (!read.ok()) return std::optional<std::vector<int64_t>>();  // it can be read only so far
    if (!read.value()) break;
    const AVPacket& packet = *read.value();
    const bool key = packet.flags & AV_PKT_FLAG_KEY && packet.pts != AV_NOPTS_VALUE;
    const int64_t time = key ? packet.pts : packet.dts;
    if (time == AV_NOPTS_VALUE) continue;
    const int64_t microseconds = av_rescale_q(av_sat_sub64(time, start), video->time_base, AV_TIME_BASE_Q);
    if (key) key_frames.push_back(std::max<int64_t>(0, microseconds));
    if (packet.pos < 0) continue;
    if (key || places.empty() || microseconds >= places.back().microseconds + kPlaceMicroseconds)
      places.push_back({microseconds, packet.pos, key});
  }
  // Where the clock jumps, what is found by its place would be taken for another time.
  const bool steady = !demuxer.take_remark() && std::ranges::is_sorted(places, {}, &Place::microseconds);
  if (steady && demuxer.at_end()) demuxer.remember_places(std::move(places));
  return std::optional(std::move(key_frames));
}

// Decode times, moved by what the first picture is shown later than it is decoded.
std::optional<std::vector<int64_t>> listed_key_frames(Demuxer& demuxer) {
  (void)demuxer.seek(0, 0);  // Matroska reads its cues at the first seek
  AVStream* const lead = lead_of(demuxer);
  const std::string_view format = demuxer.format().iformat->name;
  // Others only remember what they have read so far.
  const bool indexed = format.find("mp4") != std::string_view::npos || format.find("matroska") != std::string_view::npos ||
                       format == "avi" || format == "flv" || format == "asf" || format == "mxf";
  const int count = avformat_index_get_entries_count(lead);
  if (!indexed || count == 0) return std::nullopt;
  const int64_t first = avformat_index_get_entry(lead, 0)->timestamp;
  const int64_t start = lead->start_time == AV_NOPTS_VALUE ? first : lead->start_time;
  std::vector<int64_t> times;
  for (int i = 0; i < count && times.size() < kMaxKeyFrames; ++i) {
    const AVIndexEntry& entry = *avformat_index_get_entry(lead, i);
    if (!(entry.flags & AVINDEX_KEYFRAME) || entry.flags & AVINDEX_DISCARD_FRAME) continue;
    const int64_t time =
        av_rescale_q(entry.timestamp - std::min(first, start) + start, lead->time_base, AV_TIME_BASE_Q) -
        demuxer.origin();
    times.push_back(std::max<int64_t>(0, time));
  }
  return times;
}

}  // namespace

Result<ProbeResult> probe(const ProbeRequest& request, const InputOptions& options, std::stop_token stop) {
  Result<std::unique_ptr<Demuxer>> opened = Demuxer::open(request.url, options, stop, Look::kForFacts);
  if (!opened.ok()) return opened.status();
  Demuxer& demuxer = *opened.value();
  const AVFormatContext& format = demuxer.format();

  ProbeResult result;
  result.format = format.iformat->name;
  result.title = tag(format.metadata, "title");
  result.duration = duration_of(demuxer);
  if (const auto present = duration_before_cut(demuxer)) {
    if (present->num <= 0) return Status(Code::kSourceInvalid, Stage::kProbe, request.url + " is cut off before its first picture");
    result.declared_duration = std::exchange(result.duration, present);
  }
  result.bitrate = std::max<int64_t>(0, format.bit_rate);
  result.cover = demuxer.cover() != nullptr;
  for (unsigned i = 0; i < format.nb_streams; ++i) {
    const AVStream& stream = *format.streams[i];
    result.cover = result.cover || stream.disposition & AV_DISPOSITION_ATTACHED_PIC;
    if (stream.codecpar->codec_type == AVMEDIA_TYPE_AUDIO) result.audio_tracks.push_back(audio_of(stream));
    if (stream.codecpar->codec_type == AVMEDIA_TYPE_SUBTITLE)
      result.subtitles.push_back(
          {stream.index, avcodec_get_name(stream.codecpar->codec_id), language_of(stream)});
  }
  if (demuxer.audio()) result.audio = audio_of(*demuxer.audio());
  if (request.key_frames) {
    // A stream of the network may never end.
    const bool through = demuxer.is_local() && (result.format == "mpegts" || result.format == "mpeg");
    auto found = through ? find_key_frames(request.url, options, stop) : Result(listed_key_frames(demuxer));
    if (!found.ok()) return found.status();
    result.key_frames = found.take();
  }
  if (!demuxer.video()) return result;

  result.video = video_of(demuxer);
  if (demuxer.audio()) demuxer.ignore(demuxer.audio());
  if (demuxer.still()) return result;
  if (result.video->field_order != "progressive") look_at_fields(demuxer, result.video->field_order);
  result.video->variable_rate = is_variable(demuxer, result.video->frame_rate);
  if (stop.stop_requested()) return Status::stopped(Stage::kProbe);
  return result;
}

}  // namespace headend
