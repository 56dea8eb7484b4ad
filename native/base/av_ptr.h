// Owning pointers for every libav handle; a raw pointer elsewhere is borrowed.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavfilter/avfilter.h>
#include <libavformat/avformat.h>
#include <libavutil/frame.h>
#include <libswresample/swresample.h>
}

#include <memory>

namespace headend {

/** Adapts a libav `xyz_free(T**)` function to a unique_ptr deleter. */
template <auto Free>
struct AvDeleter {
  template <typename T>
  void operator()(T* pointer) const {
    Free(&pointer);
  }
};

using FramePtr = std::unique_ptr<AVFrame, AvDeleter<av_frame_free>>;
using PacketPtr = std::unique_ptr<AVPacket, AvDeleter<av_packet_free>>;
using CodecPtr = std::unique_ptr<AVCodecContext, AvDeleter<avcodec_free_context>>;
using CodecParametersPtr = std::unique_ptr<AVCodecParameters, AvDeleter<avcodec_parameters_free>>;
using InputPtr = std::unique_ptr<AVFormatContext, AvDeleter<avformat_close_input>>;
using FilterGraphPtr = std::unique_ptr<AVFilterGraph, AvDeleter<avfilter_graph_free>>;
using FilterInOutPtr = std::unique_ptr<AVFilterInOut, AvDeleter<avfilter_inout_free>>;
using BufferPtr = std::unique_ptr<AVBufferRef, AvDeleter<av_buffer_unref>>;
using BufferPoolPtr = std::unique_ptr<AVBufferPool, AvDeleter<av_buffer_pool_uninit>>;
using SwrPtr = std::unique_ptr<SwrContext, AvDeleter<swr_free>>;

struct OutputDeleter {
  void operator()(AVFormatContext* context) const { avformat_free_context(context); }
};
using OutputPtr = std::unique_ptr<AVFormatContext, OutputDeleter>;

inline FramePtr make_frame() { return FramePtr(av_frame_alloc()); }
inline PacketPtr make_packet() { return PacketPtr(av_packet_alloc()); }

/** A picture or block of samples that several stages hold at once; nobody writes to it. */
using SharedFrame = std::shared_ptr<const AVFrame>;
inline SharedFrame share(FramePtr frame) { return SharedFrame(std::move(frame)); }

}  // namespace headend
