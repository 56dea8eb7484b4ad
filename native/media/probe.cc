#include "media/probe.h"

#include "media/demuxer.h"

namespace headend {
namespace {

// The lead stream's own duration is exact where the container has one; the container's is in microseconds.
std::optional<Seconds> duration_of(const Demuxer& demuxer) {
  const AVStream* lead = demuxer.video() ? demuxer.video() : demuxer.audio();
  if (lead->duration != AV_NOPTS_VALUE && lead->duration > 0 && lead->duration < INT64_MAX / lead->time_base.num) {
    int64_t num = 0;
    int64_t den = 1;
    // Reduce so that both fit JavaScript's integers.
    const int64_t divisor = av_gcd(lead->duration * lead->time_base.num, lead->time_base.den);
    num = lead->duration * lead->time_base.num / divisor;
    den = lead->time_base.den / divisor;
    return Seconds{num, den};
  }
  const int64_t microseconds = demuxer.format().duration;
  if (microseconds == AV_NOPTS_VALUE || microseconds <= 0) return std::nullopt;
  return Seconds{microseconds, AV_TIME_BASE};
}

}  // namespace

Result<ProbeResult> probe(const std::string& url, std::stop_token stop) {
  Result<std::unique_ptr<Demuxer>> opened = Demuxer::open(url, std::move(stop));
  if (!opened.ok()) return opened.status();
  const Demuxer& demuxer = *opened.value();

  ProbeResult result;
  result.format = demuxer.format().iformat->name;
  if (const AVDictionaryEntry* title = av_dict_get(demuxer.format().metadata, "title", nullptr, 0))
    result.title = title->value;
  result.duration = duration_of(demuxer);
  if (const AVStream* stream = demuxer.video()) {
    const AVCodecParameters& codec = *stream->codecpar;
    const AVRational rate = stream->avg_frame_rate.num > 0 ? stream->avg_frame_rate : stream->r_frame_rate;
    result.video = {avcodec_get_name(codec.codec_id), codec.width, codec.height,
                    rate.num > 0 && rate.den > 0 ? rate : AVRational{0, 1}};
  }
  if (const AVStream* stream = demuxer.audio()) {
    const AVCodecParameters& codec = *stream->codecpar;
    result.audio = {avcodec_get_name(codec.codec_id), codec.sample_rate, codec.ch_layout.nb_channels};
  }
  return result;
}

}  // namespace headend
