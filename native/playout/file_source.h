// A media file as slices: seeks, decodes, and picks for every output frame the picture on air at its time.
// Used by the one thread that reads the programme, which may be left behind: everything is its own or shared.
#pragma once

#include <atomic>
#include <deque>
#include <memory>

#include "media/audio_raster.h"
#include "media/decoder.h"
#include "media/demuxer.h"
#include "media/picture_track.h"
#include "media/sound_track.h"
#include "playout/frame_source.h"
#include "playout/options.h"

namespace headend {

/** What became of the pictures of a run's files; counted by the threads that read them. */
struct PictureCounts {
  std::atomic<int64_t> decoded{0};
  std::atomic<int64_t> dropped{0};  // never shown
};

class FileSource : public FrameSource {
 public:
  /**
   * Output frame `start_frame` is the file's `in_point`. Slices before `first_picture` may have any picture or none;
   * with kNoPictures the video is not decoded. With `device` it is decoded there, and fails with Code::kDeviceFailed
   * where the device does. `watch` sees it wait for the file.
   */
  FileSource(FileEntry entry, int64_t start_frame, const ProducerOptions& options, int64_t first_picture,
             std::shared_ptr<const Device> device, std::shared_ptr<PictureCounts> counts,
             std::shared_ptr<InputWatch> watch);

  Status open(int64_t first_frame, std::stop_token stop) override;
  Result<Slice> next() override;

 private:
  Status open_video();
  Status open_audio();
  void open_cover();
  Status start_at(int64_t first_frame);
  Result<bool> restart_from(int64_t microseconds, int64_t picture);
  Status read_upcoming(int64_t frame);
  void air_upcoming();
  Status advance_picture(int64_t frame);
  void miss_pictures(int64_t frame);
  Status advance_sound(int64_t end_sample);
  Status append_sound(const AVFrame& frame);
  bool sound_leads_on(const AVFrame& appended);
  Status end_sound(Status reason);
  void end_pictures(Status reason);
  Result<SharedFrame> read_sound(int64_t start, int64_t end);
  void remark(Status status);
  bool exhausted(int64_t frame) const;

  const FileEntry entry_;
  const int64_t start_frame_;
  const Grid grid_;
  const InputOptions input_;
  const std::vector<RungOptions> rungs_;
  const int64_t first_picture_;
  const bool pictures_;
  const std::shared_ptr<const Device> device_;  // null: software decodes
  const std::shared_ptr<PictureCounts> counts_;
  const float gain_;
  std::stop_token stop_;

  std::unique_ptr<Demuxer> demuxer_;
  std::unique_ptr<PictureTrack> video_;
  std::unique_ptr<Decoder> audio_;
  AudioRaster raster_;
  SoundTrack sound_;
  int64_t sound_furthest_ = INT64_MIN;  // how far it has ever been
  int64_t sound_wasted_ = 0;            // decoded, less what that got it further
  SharedFrame cover_;           // stands for pictures where there are none
  std::deque<Status> remarks_;  // to be told with the next slices

  int64_t frame_ = 0;           // the next slice
  SharedFrame current_;         // on air at frame_ - 1
  bool shown_ = false;          // a slice had it
  int64_t current_frame_ = 0;   // where it starts
  int64_t current_end_ = 0;     // where it ends by its own duration
  SharedFrame upcoming_;        // decoded, starts at upcoming_frame_
  int64_t upcoming_frame_ = 0;
  int64_t upcoming_end_ = 0;
  bool fresh_ = true;           // nothing has been read yet
  bool slated_ = false;         // for want of pictures that can be decoded
  bool pictures_missed_ = false, sound_missed_ = false;  // told
  bool video_ended_ = true;
  bool audio_ended_ = true;
};

}  // namespace headend
