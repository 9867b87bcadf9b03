#include "truth.hpp"

#include <algorithm>

namespace tiercel::chaos {

bool KeyTruth::commit(std::uint64_t version, std::uint64_t nonce, Nanos now) noexcept {
    auto& place = recent_[version % remembered];
    place.number.store(0);
    place.nonce.store(nonce);
    place.committed_at.store(now);
    place.number.store(version);
    auto current = current_.load();
    while (current < version) {
        if (current_.compare_exchange_weak(current, version)) return true;
    }
    place.nonce.store(0);
    return false;
}

std::optional<KeyTruth::Version> KeyTruth::read(const Place& place) const noexcept {
    const Version version{place.number.load(), place.nonce.load(), place.committed_at.load()};
    if (version.number == 0 || place.number.load() != version.number) return std::nullopt;
    return version;
}

KeyTruth::Version KeyTruth::now() const noexcept {
    for (;;) {
        const auto number = current();
        const auto version = read(place_of(number));
        if (version && version->number == number) return *version;
    }
}

KeyTruth::Standing KeyTruth::standing(std::uint64_t version, std::uint64_t nonce) const noexcept {
    const auto newest = current();
    if (version == 0 || version > newest) return Standing::unknown;
    if (newest - version >= remembered / 2) return Standing::forgotten;
    const auto known = read(place_of(version));
    if (!known || known->number > version) return Standing::forgotten;
    return known->number == version && known->nonce == nonce ? Standing::committed : Standing::unknown;
}

std::optional<Nanos> KeyTruth::committed_at(std::uint64_t version) const noexcept {
    const auto known = read(place_of(version));
    if (!known || known->number != version || known->nonce == 0) return std::nullopt;
    return known->committed_at;
}

std::optional<Nanos> KeyTruth::superseded_at(std::uint64_t version) const noexcept {
    const auto newest = current();
    if (version >= newest || newest - version >= remembered / 2) return std::nullopt;
    for (auto later = version + 1; later <= newest;
         ++later) { // those between may have been claimed and never committed
        if (const auto at = committed_at(later)) return at;
    }
    return std::nullopt;
}

} // namespace tiercel::chaos
