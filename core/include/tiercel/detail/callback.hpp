#pragma once

#include <functional>

namespace tiercel::detail {

/// A std::function for option aggregates. Where a user's braces hold a chain, GCC 12 at -O3 takes the clean-up of the
/// functions in them for a use of uninitialised memory, and warns, unless their destructor is a call.
template <class Signature>
class Callback : public std::function<Signature> {
public:
    using std::function<Signature>::function;
    Callback() = default;
    Callback(const Callback&) = default;
    Callback(Callback&&) noexcept = default;
    Callback& operator=(const Callback&) = default;
    Callback& operator=(Callback&&) noexcept = default;
    [[gnu::noinline]] ~Callback() {} // not defaulted: that would be inlined
};

} // namespace tiercel::detail
