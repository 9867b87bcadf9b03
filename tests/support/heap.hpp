#pragma once

#include <cstddef>

/// How much heap this process uses, to the byte: malloc and all that stands on it, operator new included, whoever
/// calls it. Linking tiercel_test_heap puts the counting into the whole program.
/// Thread safety: all may be called concurrently.
namespace tiercel::test::heap {

/// Handed out and not given back.
std::size_t bytes() noexcept;

/// The most that bytes() has been since watch(); under a sanitizer, which keeps no such count, what it is.
std::size_t most_bytes() noexcept;
void watch() noexcept;

} // namespace tiercel::test::heap
