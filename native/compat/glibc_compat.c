// Keeps the glibc floor of the x86-64 addon low: these five moved to new symbol versions in glibc
// 2.29, and are bound here to the versions that every glibc has (linked with --wrap=NAME). The old
// ones differ only in setting errno.
#include <features.h>

#if defined(__GLIBC__) && defined(__x86_64__)

#define OLD(name) __asm__(".symver old_" #name "," #name "@GLIBC_2.2.5")

double old_exp(double x);
double old_exp2(double x);
double old_log(double x);
double old_log2(double x);
double old_pow(double x, double y);

OLD(exp);
OLD(exp2);
OLD(log);
OLD(log2);
OLD(pow);

double __wrap_exp(double x) { return old_exp(x); }
double __wrap_exp2(double x) { return old_exp2(x); }
double __wrap_log(double x) { return old_log(x); }
double __wrap_log2(double x) { return old_log2(x); }
double __wrap_pow(double x, double y) { return old_pow(x, y); }

#endif
