// How the devices and encoders for tests are told when to break: `NAME:KEY=NUMBER,...`.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace headend {

using Plan = std::map<std::string, int64_t, std::less<>>;

/** What stands behind the name. */
Plan read_plan(const std::string& text);

}  // namespace headend
