// Stands in for libva-drm.so.2 at link time; see libva_stubs.c.
#include <va/va_drm.h>

#include "lazy_library.h"

LAZY_LIBRARY("libva-drm.so.2")

FORWARD(find, VADisplay, vaGetDisplayDRM, (int fd), (fd), NULL)
