#pragma once

#include <poll.h>

#include <chrono>

namespace tiercel::test {

/// How long a test waits for what must happen soon. Generous: it is only ever used up by a failing test.
inline constexpr std::chrono::seconds default_bound{20};

/// Looks at `predicate` until it holds (true) or `bound` is over (false). For events that no condition variable tells.
template <class Predicate>
[[nodiscard]] bool wait_until(Predicate&& predicate, std::chrono::milliseconds bound = default_bound) {
    const auto end = std::chrono::steady_clock::now() + bound;
    while (!predicate()) {
        if (std::chrono::steady_clock::now() >= end) return false;
        ::poll(nullptr, 0, 1); // leaves the two cores to those who make the event happen
    }
    return true;
}

} // namespace tiercel::test
