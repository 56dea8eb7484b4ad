#include "base/log.h"

extern "C" {
#include <libavutil/log.h>
}

#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace headend {
namespace {

// A plain array: trivially destructible, so unloading the addon leaves nothing to run at thread exit.
thread_local char last_line[512];

// Takes the addresses out of `[parent @ 0x7f…] [name @ 0x7f…] `: they mean nothing, and make the same message another one.
void drop_addresses(char* line) {
  for (char* address = line; (address = std::strstr(address, " @ 0x")) != nullptr;) {
    char* const begin = address + std::strlen(" @ 0x");
    char* const end = begin + std::strspn(begin, "0123456789abcdef");
    address = *end == ']' ? static_cast<char*>(std::memmove(address, end, std::strlen(end) + 1)) : end;
  }
}

void capture(void* context, int level, const char* format, va_list arguments) {
  if (level > AV_LOG_WARNING) return;
  char line[sizeof last_line];
  int prefix = 1;
  av_log_format_line2(context, level, format, arguments, line, sizeof line, &prefix);
  drop_addresses(line);
  size_t length = std::strlen(line);
  while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r')) line[--length] = '\0';
  if (length > 0) std::memcpy(last_line, line, length + 1);
}

}  // namespace

void install_log_capture() { av_log_set_callback(capture); }

std::string take_last_log_line() {
  std::string line = last_line;
  last_line[0] = '\0';
  return line;
}

}  // namespace headend
