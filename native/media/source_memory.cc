#include "media/source_memory.h"

namespace headend {
namespace {

// Some 5000 files, or fewer with many places.
constexpr int64_t kMaxBytes = 32 << 20;
// A stream's parameters and what surrounds them.
constexpr int64_t kStreamBytes = 1024;

}  // namespace

KnownSource::KnownSource(const AVFormatContext& looked_at)
    : format_(looked_at.iformat->name),
      start_(looked_at.start_time),
      duration_(looked_at.duration),
      bitrate_(looked_at.bit_rate) {
  for (unsigned i = 0; i < looked_at.nb_streams; ++i) {
    const AVStream& from = *looked_at.streams[i];
    Stream stream{CodecParametersPtr(avcodec_parameters_alloc()),
                  from.id,
                  from.time_base,
                  from.avg_frame_rate,
                  from.r_frame_rate,
                  from.sample_aspect_ratio,
                  from.start_time,
                  from.duration};
    if (!stream.codec || avcodec_parameters_copy(stream.codec.get(), from.codecpar) < 0) throw std::bad_alloc();
    streams_.push_back(std::move(stream));
  }
}

bool KnownSource::fits(const AVFormatContext& opened) const {
  if (opened.iformat->name != format_ || opened.nb_streams != streams_.size()) return false;
  // What it leads to changes without it.
  if (format_ == "hls") return false;
  if (opened.nb_programs > 1) return false;
  for (unsigned i = 0; i < opened.nb_streams; ++i) {
    const AVStream& stream = *opened.streams[i];
    const Stream& known = streams_[i];
    if (stream.id != known.id || stream.codecpar->codec_type != known.codec->codec_type ||
        stream.codecpar->codec_id != known.codec->codec_id || av_cmp_q(stream.time_base, known.time_base) != 0)
      return false;
  }
  return true;
}

void KnownSource::apply(AVFormatContext& opened) const {
  opened.start_time = start_;
  opened.duration = duration_;
  opened.bit_rate = bitrate_;
  for (unsigned i = 0; i < streams_.size(); ++i) {
    AVStream& stream = *opened.streams[i];
    const Stream& known = streams_[i];
    if (avcodec_parameters_copy(stream.codecpar, known.codec.get()) < 0) throw std::bad_alloc();
    stream.avg_frame_rate = known.frame_rate;
    stream.r_frame_rate = known.declared_rate;
    stream.sample_aspect_ratio = known.sample_aspect;
    stream.start_time = known.start;
    stream.duration = known.duration;
  }
}

int64_t KnownSource::bytes() const {
  int64_t bytes = static_cast<int64_t>(places_.size() * sizeof(Place));
  for (const Stream& stream : streams_) {
    bytes += kStreamBytes + stream.codec->extradata_size;
    for (int i = 0; i < stream.codec->nb_coded_side_data; ++i)
      bytes += static_cast<int64_t>(stream.codec->coded_side_data[i].size);
  }
  return bytes;
}

std::shared_ptr<const KnownSource> SourceMemory::find(const FileState& file) {
  const std::lock_guard lock(mutex_);
  const auto place = places_.find({file.device, file.inode});
  if (place == places_.end() || !(place->second->file == file)) return nullptr;
  entries_.splice(entries_.begin(), entries_, place->second);
  return place->second->known;
}

void SourceMemory::remember(const FileState& file, std::shared_ptr<const KnownSource> known) {
  const std::lock_guard lock(mutex_);
  const Inode inode(file.device, file.inode);
  if (const auto place = places_.find(inode); place != places_.end()) forget(place);
  bytes_ += known->bytes();
  entries_.push_front({file, std::move(known)});
  places_[inode] = entries_.begin();
  while (bytes_ > kMaxBytes) forget(places_.find({entries_.back().file.device, entries_.back().file.inode}));
}

void SourceMemory::forget(std::map<Inode, std::list<Entry>::iterator>::iterator place) {
  bytes_ -= place->second->known->bytes();
  entries_.erase(place->second);
  places_.erase(place);
}

}  // namespace headend
