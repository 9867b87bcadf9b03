#include <tiercel/eviction.hpp>

#include "memory/policy.hpp"

#include <algorithm>
#include <array>

namespace tiercel {
namespace {

struct Named {
    std::string_view name;
    Eviction (*make)();
};

constexpr std::array policies{
    Named{"adaptive", eviction::adaptive},
    Named{"lru", eviction::lru},
    Named{"lfu", eviction::lfu},
    Named{"fifo", eviction::fifo},
    Named{"mru", eviction::mru},
    Named{"clock", eviction::clock},
    Named{"sieve", eviction::sieve},
    Named{"s3_fifo", eviction::s3_fifo},
    Named{"arc", eviction::arc},
    Named{"w_tinylfu", eviction::w_tinylfu},
    Named{"w_tinylfu_fixed", eviction::w_tinylfu_fixed},
};

constexpr auto policy_names = [] {
    std::array<std::string_view, policies.size()> names;
    std::ranges::transform(policies, names.begin(), &Named::name);
    return names;
}();

} // namespace

std::string_view Eviction::name() const noexcept {
    return kind_->name;
}

std::span<const std::string_view> eviction::names() noexcept {
    return policy_names;
}

std::optional<Eviction> eviction::named(std::string_view name) noexcept {
    const auto found = std::ranges::find(policies, name, &Named::name);
    if (found == policies.end()) return std::nullopt;
    return found->make();
}

} // namespace tiercel
