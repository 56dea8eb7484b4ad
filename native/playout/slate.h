// The still card that airs when there is nothing else: the channel's title on a dark ground.
#pragma once

#include "base/av_ptr.h"
#include "base/status.h"
#include "playout/options.h"

namespace headend {

/** The card at the size of the channel's largest rung; without a usable font, the plain ground. */
Result<SharedFrame> make_slate(const ProducerOptions& options);

}  // namespace headend
