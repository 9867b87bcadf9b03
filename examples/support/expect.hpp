#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

namespace example {

/// Prints a promise that holds; ends the program with exit code 1 at the first one that does not. The tests run every
/// example, and this is how they know.
inline void expect(bool holds, const std::string& promise) {
    std::printf("%s %s\n", holds ? "   ok:" : "FAILED:", promise.c_str());
    std::fflush(stdout);
    if (!holds) std::_Exit(1);
}

/// Whether a lookup gave that value: false for a miss, which must not be dereferenced.
bool gives(const auto& handle, const auto& value) {
    return handle && *handle == value;
}

} // namespace example
