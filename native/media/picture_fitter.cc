#include "media/picture_fitter.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/grid.h"

extern "C" {
#include <libavutil/display.h>
#include <libavutil/pixdesc.h>
}

namespace headend {
namespace {

constexpr int kSliver = 2;  // pixels

int even(int64_t value) { return static_cast<int>(std::max<int64_t>(2, value / 2 * 2)); }

bool is_hdr(AVColorTransferCharacteristic transfer) {
  return transfer == AVCOL_TRC_SMPTE2084 || transfer == AVCOL_TRC_ARIB_STD_B67;
}

// What the scaler can convert from.
bool is_known(AVColorSpace matrix) {
  switch (matrix) {
    case AVCOL_SPC_BT709:
    case AVCOL_SPC_FCC:
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
    case AVCOL_SPC_SMPTE240M:
    case AVCOL_SPC_BT2020_NCL: return true;
    default: return false;
  }
}

std::string number(int64_t value) { return std::to_string(value); }

}  // namespace

int quarter_turns(const int32_t* display_matrix) {
  const double degrees = av_display_rotation_get(display_matrix);  // counter-clockwise, NaN when singular
  if (std::isnan(degrees)) return 0;
  return (static_cast<int>(std::lround(-degrees / 90.0)) % 4 + 4) % 4;
}

bool PictureFitter::Input::operator==(const Input& other) const {
  return width == other.width && height == other.height && format == other.format &&
         av_cmp_q(aspect, other.aspect) == 0 && matrix == other.matrix && range == other.range &&
         transfer == other.transfer && primaries == other.primaries && rotation == other.rotation &&
         flipped == other.flipped;
}

// zimg refuses halves of chroma samples.
bool PictureFitter::Input::is_ours() const {
  return format == AV_PIX_FMT_YUV420P && matrix == AVCOL_SPC_BT709 && range != AVCOL_RANGE_JPEG && width % 2 == 0 &&
         height % 2 == 0;
}

PictureFitter::Input PictureFitter::describe(const AVFrame& picture, AVPixelFormat pixels) {
  Input input;
  input.width = picture.width;
  input.height = picture.height;
  input.format = pixels;
  input.aspect = picture.sample_aspect_ratio.num > 0 && picture.sample_aspect_ratio.den > 0
                     ? picture.sample_aspect_ratio
                     : AVRational{1, 1};
  input.range = picture.color_range;
  input.transfer = picture.color_trc;
  input.primaries = picture.color_primaries;
  input.matrix = picture.colorspace;
  const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(pixels);
  const bool rgb = format && (format->flags & AV_PIX_FMT_FLAG_RGB);
  const bool hdr = is_hdr(input.transfer);
  if (hdr && input.primaries != AVCOL_PRI_BT709 && input.primaries != AVCOL_PRI_SMPTE432)
    input.primaries = AVCOL_PRI_BT2020;
  if (rgb) {
    input.matrix = AVCOL_SPC_RGB;
  } else if (hdr) {
    if (input.matrix != AVCOL_SPC_BT709) input.matrix = AVCOL_SPC_BT2020_NCL;
  } else if (!is_known(input.matrix)) {
    // Untagged or exotic: by size, as receivers do (ITU-R BT.601 for SD, BT.709 for HD).
    input.matrix = picture.height >= 720 || picture.width >= 1280 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
  }

  if (const AVFrameSideData* side = av_frame_get_side_data(&picture, AV_FRAME_DATA_DISPLAYMATRIX)) {
    const auto* matrix = reinterpret_cast<const int32_t*>(side->data);
    input.rotation = quarter_turns(matrix) * 90;
    // A negative determinant mirrors the picture.
    const double determinant = static_cast<double>(matrix[0]) * matrix[4] - static_cast<double>(matrix[1]) * matrix[3];
    input.flipped = determinant < 0;
  }
  return input;
}

// Displayed size in square pixels, then the largest even size of that shape that fits the rung.
std::pair<int, int> PictureFitter::fitted_size(const Input& input, int width, int height) {
  __int128 shown_width = static_cast<__int128>(input.width) * input.aspect.num;
  __int128 shown_height = static_cast<__int128>(input.height) * input.aspect.den;
  if (input.rotation % 180 != 0) std::swap(shown_width, shown_height);
  int fit_width = width;
  int fit_height = height;
  if (shown_width * height >= shown_height * width)
    fit_height = std::min(height, even(round_div(shown_height * width, shown_width)));
  else
    fit_width = std::min(width, even(round_div(shown_width * height, shown_height)));
  // 854x480 is not quite 16:9: a sliver of two pixels is filled, not padded.
  if (width - fit_width <= kSliver) fit_width = width;
  if (height - fit_height <= kSliver) fit_height = height;
  return {fit_width, fit_height};
}

bool PictureFitter::only_scales(const AVFrame& picture, AVPixelFormat pixels, int width, int height) {
  const Input input = describe(picture, pixels);
  const bool plain = pixels == AV_PIX_FMT_NV12 || pixels == AV_PIX_FMT_YUV420P;
  const bool whole = picture.crop_left == 0 && picture.crop_top == 0 && !(picture.flags & AV_FRAME_FLAG_INTERLACED);
  const bool upright = input.rotation == 0 && !input.flipped;
  const bool in_place = input.matrix == AVCOL_SPC_BT709 && input.range != AVCOL_RANGE_JPEG && !is_hdr(input.transfer);
  return plain && whole && upright && in_place && fitted_size(input, width, height) == std::pair(width, height);
}

std::string PictureFitter::graph_description(const Input& input) const {
  std::string chain;
  // The rotation is that of the matrix's first row, so the mirror before it turns the picture upside down.
  if (input.flipped) chain += "vflip,";
  if (input.rotation == 90) chain += "transpose=clock,";
  if (input.rotation == 180) chain += "hflip,vflip,";
  if (input.rotation == 270) chain += "transpose=cclock,";

  const auto [fit_width, fit_height] = fitted_size(input, width_, height_);
  int upright_width = input.width;
  int upright_height = input.height;
  if (input.rotation % 180 != 0) std::swap(upright_width, upright_height);
  const std::string size = "w=" + number(fit_width) + ":h=" + number(fit_height);
  if (is_hdr(input.transfer)) {
    // Linear light, BT.2020 to BT.709 primaries, a filmic curve, back to BT.709 (ITU-R BT.2390 reference white).
    const std::string matrix = input.matrix == AVCOL_SPC_RGB ? ":out_color_matrix=bt2020:out_range=tv" : "";
    chain += "scale=" + size + ":flags=bicubic" + matrix + ",format=yuv444p10le,zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,tonemap=tonemap=mobius:desat=0," +
             "zscale=t=bt709:m=bt709:r=tv,format=yuv420p,";
  } else if (!input.is_ours()) {
    chain += "scale=" + size + ":flags=bicubic+accurate_rnd+full_chroma_int:out_color_matrix=bt709:out_range=tv,format=yuv420p,";
  } else if (fit_width != upright_width || fit_height != upright_height) {
    // libswscale's kernel, as exact as its accurate rounding, in half of its time.
    chain += "zscale=" + size + ":filter=bicubic:param_a=0:param_b=0.6,";
  }
  if (fit_width != width_ || fit_height != height_)
    chain += "pad=" + number(width_) + ":" + number(height_) + ":" + number((width_ - fit_width) / 4 * 2) + ":" +
             number((height_ - fit_height) / 4 * 2) + ":black,";
  return chain + "setsar=1";
}

Result<SharedFrame> PictureFitter::fit(const SharedFrame& picture) {
  if (picture == last_input_) return last_output_;
  const Input input = describe(*picture, static_cast<AVPixelFormat>(picture->format));
  FramePtr tagged(av_frame_clone(picture.get()));
  if (!tagged) return Status(Code::kEngineFailed, Stage::kNormalise, "out of memory");
  tagged->colorspace = input.matrix;
  tagged->color_primaries = input.primaries;
  tagged->sample_aspect_ratio = input.aspect;
  if (!graph_ || !(input == input_)) {
    auto graph = FilterGraph::for_pictures(*tagged, {1, 1}, graph_description(input));
    if (!graph.ok()) return graph.status();
    graph_ = graph.take();
    input_ = input;
  }
  if (Status status = graph_->push(*tagged); !status.ok()) return status;
  Result<FramePtr> out = graph_->pull();
  if (!out.ok()) return out.status();
  if (!out.value()) return Status(Code::kEngineFailed, Stage::kNormalise, "the filter graph kept a picture");
  last_input_ = picture;
  last_output_ = share(out.take());
  return last_output_;
}

}  // namespace headend
