// Turns any decoded picture into a rung's picture: upright, square pixels, fitted and padded to the rung's
// size, BT.709 limited range 8 bit 4:2:0, tone-mapped from HDR. Used by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "base/av_ptr.h"
#include "base/status.h"
#include "media/filter_graph.h"

namespace headend {

/** Quarter turns clockwise, 0 to 3, that a display matrix asks for; 0 when it is no rotation. */
int quarter_turns(const int32_t* display_matrix);

class PictureFitter {
 public:
  /** `width` and `height` are even. */
  PictureFitter(int width, int height) : width_(width), height_(height) {}

  /** The same input pointer as last time gives the same output again without work (repeated frames, slate). */
  Result<SharedFrame> fit(const SharedFrame& picture);

  /**
   * Whether `picture`, made of `pixels`, becomes a rung's by scaling alone: progressive, whole, upright, 8 bit 4:2:0 in
   * BT.709 limited range, and of the rung's shape. Pure; other filters than this class's may scale it then.
   */
  static bool only_scales(const AVFrame& picture, AVPixelFormat pixels, int width, int height);

 private:
  /** What decides the filter graph; a change of any of it builds a new one. */
  struct Input {
    int width = 0, height = 0, format = -1;
    AVRational aspect{0, 1};
    AVColorSpace matrix = AVCOL_SPC_UNSPECIFIED;
    AVColorRange range = AVCOL_RANGE_UNSPECIFIED;
    AVColorTransferCharacteristic transfer = AVCOL_TRC_UNSPECIFIED;
    AVColorPrimaries primaries = AVCOL_PRI_UNSPECIFIED;
    int rotation = 0;  // degrees clockwise to apply: 0, 90, 180, 270
    bool flipped = false;

    bool operator==(const Input& other) const;
    /** Whether nothing but the size may have to change. */
    bool is_ours() const;
  };

  /** `pixels`: what the picture is made of, wherever it is. */
  static Input describe(const AVFrame& picture, AVPixelFormat pixels);
  /** The part of the rung that the picture fills. */
  static std::pair<int, int> fitted_size(const Input& input, int width, int height);
  std::string graph_description(const Input& input) const;

  const int width_;
  const int height_;
  Input input_;
  std::unique_ptr<FilterGraph> graph_;
  SharedFrame last_input_;
  SharedFrame last_output_;
};

}  // namespace headend
