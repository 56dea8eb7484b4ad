// Stands in for libdrm.so.2 at link time; see libva_stubs.c.
#include <errno.h>
#include <xf86drm.h>

#include "lazy_library.h"

LAZY_LIBRARY("libdrm.so.2")

FORWARD(find, drmVersionPtr, drmGetVersion, (int fd), (fd), NULL)
FORWARD(find, char *, drmGetRenderDeviceNameFromFd, (int fd), (fd), NULL)
FORWARD(find, int, drmGetNodeTypeFromFd, (int fd), (fd), -1)
FORWARD(find, int, drmGetDevice, (int fd, drmDevicePtr *device), (fd, device), -ENOSYS)

// Nothing to free without the library: it is what allocates these.
FORWARD(find, void, drmFreeVersion, (drmVersionPtr version), (version), (void)0)
FORWARD(find, void, drmFreeDevice, (drmDevicePtr * device), (device), (void)0)
