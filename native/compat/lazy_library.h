// Opens a system library at its first use and keeps it open. Included once per library by the
// stub files beside it; any thread may call, nothing is ever closed.
#ifndef HEADEND_COMPAT_LAZY_LIBRARY_H
#define HEADEND_COMPAT_LAZY_LIBRARY_H

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

// Defines find(NAME): the address of NAME in the library, or NULL where either is missing.
#define LAZY_LIBRARY(soname)                                          \
  static void *library;                                               \
  static pthread_once_t once = PTHREAD_ONCE_INIT;                     \
  static void open_library(void) {                                    \
    library = dlopen(soname, RTLD_NOW | RTLD_LOCAL);                  \
  }                                                                   \
  static void *find(const char *name) {                               \
    pthread_once(&once, open_library);                                \
    return library ? dlsym(library, name) : NULL;                     \
  }

// Defines the function `name`: calls the library's own, or returns `otherwise` without it. The
// compiler checks the signature against the library's header.
#define FORWARD(from, type, name, parameters, arguments, otherwise)   \
  type name parameters {                                              \
    __typeof__(&name) real = (__typeof__(&name))from(#name);          \
    return real ? real arguments : otherwise;                         \
  }

#endif
