#include "testing/plan.h"

#include <charconv>

namespace headend {

Plan read_plan(const std::string& text) {
  Plan plan;
  size_t at = text.find(':');
  while (at != std::string::npos) {
    const size_t equals = text.find('=', at + 1);
    const size_t end = text.find(',', at + 1);
    if (equals == std::string::npos) break;
    int64_t value = 0;
    std::from_chars(text.data() + equals + 1, text.data() + (end == std::string::npos ? text.size() : end), value);
    plan[text.substr(at + 1, equals - at - 1)] = value;
    at = end;
  }
  return plan;
}

}  // namespace headend
