#include "media/filter_graph.h"

#include "base/grid.h"

extern "C" {
#include <libavutil/channel_layout.h>
#include <libavutil/mem.h>
#include <libavutil/opt.h>
}

#include <string_view>

namespace headend {
namespace {

struct FreeParameters {
  void operator()(AVBufferSrcParameters* parameters) const { av_free(parameters); }
};
using ParametersPtr = std::unique_ptr<AVBufferSrcParameters, FreeParameters>;

FilterInOutPtr make_pad(const char* name, AVFilterContext* filter) {
  FilterInOutPtr pad(avfilter_inout_alloc());
  pad->name = av_strdup(name);
  pad->filter_ctx = filter;
  pad->pad_idx = 0;
  pad->next = nullptr;
  return pad;
}

}  // namespace

// libavfilter unescapes twice: the option's value and the whole description.
std::string escape_filter_value(const std::string& text) {
  std::string value;
  for (const char c : text) {
    if (c == '\\' || c == '\'' || c == ':') value += '\\';
    value += c;
  }
  std::string description;
  for (const char c : value) {
    if (c == '\\' || c == '\'' || c == '[' || c == ']' || c == ',' || c == ';') description += '\\';
    description += c;
  }
  return description;
}

Result<std::unique_ptr<FilterGraph>> FilterGraph::for_pictures(const AVFrame& first, AVRational time_base,
                                                               const std::string& description) {
  ParametersPtr parameters(av_buffersrc_parameters_alloc());
  parameters->format = first.format;
  parameters->width = first.width;
  parameters->height = first.height;
  parameters->sample_aspect_ratio = first.sample_aspect_ratio;
  parameters->time_base = time_base;
  parameters->hw_frames_ctx = first.hw_frames_ctx;
  parameters->color_space = first.colorspace;
  parameters->color_range = first.color_range;
  return build(avfilter_get_by_name("buffer"), *parameters, avfilter_get_by_name("buffersink"), description);
}

Result<std::unique_ptr<FilterGraph>> FilterGraph::for_sound(const std::string& description) {
  ParametersPtr parameters(av_buffersrc_parameters_alloc());
  parameters->format = AV_SAMPLE_FMT_FLTP;
  parameters->sample_rate = kSampleRate;
  parameters->ch_layout = AV_CHANNEL_LAYOUT_STEREO;
  parameters->time_base = {1, kSampleRate};
  return build(avfilter_get_by_name("abuffer"), *parameters, avfilter_get_by_name("abuffersink"),
               description + ",aformat=sample_fmts=fltp:sample_rates=48000:channel_layouts=stereo");
}

Result<std::unique_ptr<FilterGraph>> FilterGraph::build(const AVFilter* source,
                                                        const AVBufferSrcParameters& parameters,
                                                        const AVFilter* sink, const std::string& description) {
  std::unique_ptr<FilterGraph> self(new FilterGraph);
  self->graph_.reset(avfilter_graph_alloc());
  AVFilterGraph* graph = self->graph_.get();
  // The stages around the graph already run in parallel; slice threads would only multiply threads.
  graph->nb_threads = 1;

  self->source_ = avfilter_graph_alloc_filter(graph, source, "in");
  int error = av_buffersrc_parameters_set(self->source_, const_cast<AVBufferSrcParameters*>(&parameters));
  if (error >= 0) error = avfilter_init_str(self->source_, nullptr);
  if (error >= 0) error = avfilter_graph_create_filter(&self->sink_, sink, "out", nullptr, nullptr, graph);
  if (error >= 0) {
    // The names look inverted: they are the open ends as the description sees them.
    FilterInOutPtr outputs = make_pad("in", self->source_);
    FilterInOutPtr inputs = make_pad("out", self->sink_);
    AVFilterInOut* in = inputs.release();
    AVFilterInOut* out = outputs.release();
    error = avfilter_graph_parse_ptr(graph, description.c_str(), &in, &out, nullptr);
    inputs.reset(in);
    outputs.reset(out);
  }
  if (error >= 0) error = avfilter_graph_config(graph, nullptr);
  if (error < 0)
    return Status::from_av(Code::kEngineFailed, Stage::kNormalise, error,
                           "cannot build the filter graph '" + description + "'");
  return self;
}

Status FilterGraph::push(const AVFrame& frame) {
  const int error =
      av_buffersrc_add_frame_flags(source_, const_cast<AVFrame*>(&frame), AV_BUFFERSRC_FLAG_KEEP_REF);
  if (error < 0) return Status::from_av(Code::kEngineFailed, Stage::kNormalise, error, "cannot filter a frame");
  return {};
}

double FilterGraph::number(const std::string& filter, const char* option) const {
  for (unsigned i = 0; i < graph_->nb_filters; ++i) {
    const AVFilterContext* instance = graph_->filters[i];
    if (!std::string_view(instance->name).ends_with("@" + filter)) continue;
    double value = 0;
    return av_opt_get_double(instance->priv, option, 0, &value) >= 0 ? value : 0;
  }
  return 0;
}

Status FilterGraph::finish() {
  const int error = av_buffersrc_add_frame_flags(source_, nullptr, 0);
  if (error < 0) return Status::from_av(Code::kEngineFailed, Stage::kNormalise, error, "cannot end a filter graph");
  return {};
}

Result<FramePtr> FilterGraph::pull() {
  FramePtr frame = make_frame();
  const int error = av_buffersink_get_frame(sink_, frame.get());
  if (error == AVERROR(EAGAIN) || error == AVERROR_EOF) return FramePtr();
  if (error < 0) return Status::from_av(Code::kEngineFailed, Stage::kNormalise, error, "cannot filter a frame");
  return frame;
}

}  // namespace headend
