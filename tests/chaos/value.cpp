#include "value.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <chrono>
#include <cstring>
#include <type_traits>

namespace tiercel::chaos {

namespace {

static_assert(std::is_trivially_copyable_v<Facts>);

/// Most are small, some fill a few network packets, few are large; half of each compresses well.
std::size_t filler_size(const Facts& facts) {
    const auto dice = facts.nonce % 1000;
    if (dice < 960) return 20 + dice % 200;
    return dice < 995 ? 4'000 : 40'000;
}

std::uint64_t checksum_of(std::string_view bytes) {
    return XXH3_64bits(bytes.data(), bytes.size());
}

} // namespace

Nanos steady_now() noexcept {
    return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string value_of(const Facts& facts) {
    const auto filler = filler_size(facts);
    std::string value(sizeof facts + filler + sizeof(std::uint64_t), '.');
    std::memcpy(value.data(), &facts, sizeof facts);
    std::uint64_t noise = facts.nonce;
    for (std::size_t i = sizeof facts; i < sizeof facts + filler / 2; ++i) {
        noise = noise * 6'364'136'223'846'793'005U + 1;
        value[i] = static_cast<char>(noise >> 56);
    }
    const auto body = value.size() - sizeof(std::uint64_t);
    const auto checksum = checksum_of(std::string_view(value).substr(0, body));
    std::memcpy(value.data() + body, &checksum, sizeof checksum);
    return value;
}

std::optional<Facts> facts_of(std::string_view value) {
    Facts facts;
    std::uint64_t checksum = 0;
    if (value.size() < sizeof facts + sizeof checksum) return std::nullopt;
    const auto body = value.size() - sizeof checksum;
    std::memcpy(&facts, value.data(), sizeof facts);
    std::memcpy(&checksum, value.data() + body, sizeof checksum);
    if (body != sizeof facts + filler_size(facts) || checksum != checksum_of(value.substr(0, body)))
        return std::nullopt;
    return facts;
}

} // namespace tiercel::chaos
