#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <string>

namespace tiercel::bench::peers {

/// The value of every key: 128 bytes.
inline const std::string payload(128, 'v');

/// A cache under comparison. It is made with the most entries it may hold; all members may be called concurrently.
///
/// get() takes a handle to the value, reads the value's size through it, lets it go, and answers that size; 0 is a
/// miss. insert() is for a key that was just missed; put() makes the new value the one that later gets see.
template <class C, class K>
concept Contender = std::constructible_from<C, std::size_t> && requires(C& cache, const K& key) {
    { cache.get(key) } -> std::same_as<std::size_t>;
    cache.insert(key);
};

template <class C, class K>
concept Puts = requires(C& cache, const K& key) {
    cache.put(key);
};

template <class C, class K>
concept Erases = requires(C& cache, const K& key) {
    cache.erase(key);
};

/// Measured by batches only: get_many() answers how many it found.
template <class C, class K>
concept Batches = requires(C& cache, std::span<const K> keys) {
    { cache.get_many(keys) } -> std::same_as<std::size_t>;
};

/// Forgets old entries to hold new ones; what does not is a limit to compare with, not a cache.
template <class C>
concept Evicts = !requires {
    typename C::NeverEvicts;
};

} // namespace tiercel::bench::peers
