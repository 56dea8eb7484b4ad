// Stands in for libva.so.2 at link time, so that the addon loads where no libva is installed: each
// function opens the installed library at its first call, and reports failure where there is none.
// (A static libva would be wrong: drivers are tied to the installed one.) Only what FFmpeg calls
// is here; the set-up fails if a newer FFmpeg calls more.
#include <va/va.h>
#include <va/va_str.h>
#include <va/va_vpp.h>

#include "lazy_library.h"

LAZY_LIBRARY("libva.so.2")

#define STATUS(name, parameters, arguments) \
  FORWARD(find, VAStatus, name, parameters, arguments, VA_STATUS_ERROR_UNIMPLEMENTED)
#define COUNT(name) FORWARD(find, int, name, (VADisplay d), (d), 0)

FORWARD(find, const char *, vaErrorStr, (VAStatus s), (s), "libva is not installed")
FORWARD(find, const char *, vaProfileStr, (VAProfile p), (p), "unknown")
FORWARD(find, const char *, vaEntrypointStr, (VAEntrypoint e), (e), "unknown")
FORWARD(find, const char *, vaQueryVendorString, (VADisplay d), (d), NULL)
FORWARD(find, VAMessageCallback, vaSetErrorCallback, (VADisplay d, VAMessageCallback f, void *u), (d, f, u), NULL)
FORWARD(find, VAMessageCallback, vaSetInfoCallback, (VADisplay d, VAMessageCallback f, void *u), (d, f, u), NULL)

COUNT(vaMaxNumProfiles)
COUNT(vaMaxNumEntrypoints)
COUNT(vaMaxNumImageFormats)

// Display and configuration.
STATUS(vaInitialize, (VADisplay d, int *major, int *minor), (d, major, minor))
STATUS(vaTerminate, (VADisplay d), (d))
STATUS(vaSetDriverName, (VADisplay d, char *name), (d, name))
STATUS(vaGetDisplayAttributes, (VADisplay d, VADisplayAttribute *list, int n), (d, list, n))
STATUS(vaQueryConfigProfiles, (VADisplay d, VAProfile *list, int *n), (d, list, n))
STATUS(vaQueryConfigEntrypoints, (VADisplay d, VAProfile p, VAEntrypoint *list, int *n), (d, p, list, n))
STATUS(vaGetConfigAttributes, (VADisplay d, VAProfile p, VAEntrypoint e, VAConfigAttrib *list, int n),
       (d, p, e, list, n))
STATUS(vaCreateConfig, (VADisplay d, VAProfile p, VAEntrypoint e, VAConfigAttrib *list, int n, VAConfigID *id),
       (d, p, e, list, n, id))
STATUS(vaDestroyConfig, (VADisplay d, VAConfigID id), (d, id))

// Contexts and surfaces.
STATUS(vaCreateContext,
       (VADisplay d, VAConfigID c, int w, int h, int flag, VASurfaceID *targets, int n, VAContextID *id),
       (d, c, w, h, flag, targets, n, id))
STATUS(vaDestroyContext, (VADisplay d, VAContextID id), (d, id))
STATUS(vaCreateSurfaces,
       (VADisplay d, unsigned int format, unsigned int w, unsigned int h, VASurfaceID *ids, unsigned int n,
        VASurfaceAttrib *list, unsigned int attributes),
       (d, format, w, h, ids, n, list, attributes))
STATUS(vaDestroySurfaces, (VADisplay d, VASurfaceID *ids, int n), (d, ids, n))
STATUS(vaQuerySurfaceAttributes, (VADisplay d, VAConfigID c, VASurfaceAttrib *list, unsigned int *n), (d, c, list, n))
STATUS(vaSyncSurface, (VADisplay d, VASurfaceID id), (d, id))
STATUS(vaExportSurfaceHandle, (VADisplay d, VASurfaceID id, uint32_t type, uint32_t flags, void *descriptor),
       (d, id, type, flags, descriptor))

// Buffers and pictures.
STATUS(vaCreateBuffer,
       (VADisplay d, VAContextID c, VABufferType type, unsigned int size, unsigned int n, void *data, VABufferID *id),
       (d, c, type, size, n, data, id))
STATUS(vaDestroyBuffer, (VADisplay d, VABufferID id), (d, id))
STATUS(vaMapBuffer, (VADisplay d, VABufferID id, void **data), (d, id, data))
STATUS(vaUnmapBuffer, (VADisplay d, VABufferID id), (d, id))
STATUS(vaSyncBuffer, (VADisplay d, VABufferID id, uint64_t timeout), (d, id, timeout))
STATUS(vaAcquireBufferHandle, (VADisplay d, VABufferID id, VABufferInfo *info), (d, id, info))
STATUS(vaReleaseBufferHandle, (VADisplay d, VABufferID id), (d, id))
STATUS(vaBeginPicture, (VADisplay d, VAContextID c, VASurfaceID target), (d, c, target))
STATUS(vaRenderPicture, (VADisplay d, VAContextID c, VABufferID *ids, int n), (d, c, ids, n))
STATUS(vaEndPicture, (VADisplay d, VAContextID c), (d, c))

// Images.
STATUS(vaQueryImageFormats, (VADisplay d, VAImageFormat *list, int *n), (d, list, n))
STATUS(vaCreateImage, (VADisplay d, VAImageFormat *format, int w, int h, VAImage *image), (d, format, w, h, image))
STATUS(vaDeriveImage, (VADisplay d, VASurfaceID id, VAImage *image), (d, id, image))
STATUS(vaDestroyImage, (VADisplay d, VAImageID id), (d, id))
STATUS(vaGetImage, (VADisplay d, VASurfaceID s, int x, int y, unsigned int w, unsigned int h, VAImageID id),
       (d, s, x, y, w, h, id))
STATUS(vaPutImage,
       (VADisplay d, VASurfaceID s, VAImageID id, int sx, int sy, unsigned int sw, unsigned int sh, int dx, int dy,
        unsigned int dw, unsigned int dh),
       (d, s, id, sx, sy, sw, sh, dx, dy, dw, dh))

// Video processing.
STATUS(vaQueryVideoProcFilterCaps,
       (VADisplay d, VAContextID c, VAProcFilterType type, void *caps, unsigned int *n), (d, c, type, caps, n))
STATUS(vaQueryVideoProcPipelineCaps,
       (VADisplay d, VAContextID c, VABufferID *filters, unsigned int n, VAProcPipelineCaps *caps),
       (d, c, filters, n, caps))
