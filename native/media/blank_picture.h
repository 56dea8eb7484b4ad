// Plain grey pictures in the channel's own format: the canvas of generators and of the slate.
#pragma once

#include "base/av_ptr.h"
#include "base/status.h"

namespace headend {

/** A BT.709 limited-range 4:2:0 picture of one luma value (16 black, 235 white), square pixels. */
Result<FramePtr> make_blank_picture(int width, int height, int luma);

}  // namespace headend
