#include "transport/backoff.hpp"

#include <algorithm>

namespace tiercel::transport {

void Backoff::failed(SteadyTime now, std::uint64_t random) noexcept {
    const std::chrono::nanoseconds whole = delay_;
    const auto half = static_cast<std::uint64_t>(whole.count() / 2);
    not_before_ = now + whole - std::chrono::nanoseconds(random % (half + 1));
    delay_ = std::min(max_, delay_ > max_ / 2 ? max_ : delay_ * 2);
}

void Backoff::succeeded() noexcept {
    delay_ = min_;
    not_before_ = SteadyTime::min();
}

} // namespace tiercel::transport
