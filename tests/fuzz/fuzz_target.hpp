#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

/// One input; a fault is a crash. libFuzzer's entry point, called by standalone_driver.cpp as well.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace tiercel::fuzz {

/// What must hold for every input, in every build.
inline void require(bool holds) {
    if (holds) return;
    std::fputs("a property does not hold for this input\n", stderr);
    std::abort();
}

} // namespace tiercel::fuzz
