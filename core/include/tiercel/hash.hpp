#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <tuple>
#include <type_traits>

namespace tiercel {

/// The hash of a key in this process: specialise it where std::hash<K> does not exist or does not serve. Its result is
/// mixed again, so that an identity hash (as of integers in libstdc++) is as good as any.
template <class K>
struct Hash {
    std::size_t operator()(const K& key) const noexcept(noexcept(std::hash<K>{}(key))) requires requires {
        std::hash<K>{}(key);
    }
    { return std::hash<K>{}(key); }
};

namespace detail {

/// The finaliser of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
constexpr std::uint64_t mix(std::uint64_t x) noexcept {
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

} // namespace detail

template <class K>
concept Hashable = requires(const K& key) {
    Hash<K>{}(key);
};

template <class K>
std::uint64_t hash_of(const K& key) {
    static_assert(Hashable<K>, "a key type needs a hash: specialise tiercel::Hash or std::hash for it");
    return detail::mix(Hash<K>{}(key));
}

template <class... Ts>
struct Hash<std::tuple<Ts...>> {
    std::size_t operator()(const std::tuple<Ts...>& key) const {
        std::uint64_t hash = 0;
        std::apply([&](const auto&... parts) { ((hash = detail::mix(hash ^ hash_of(parts))), ...); }, key);
        return hash;
    }
};

} // namespace tiercel
