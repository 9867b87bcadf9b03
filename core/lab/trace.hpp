#pragma once

#include <cstdint>
#include <memory>
#include <memory_resource>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tiercel::lab {

/// What a simulation runs over. Views: the trace (or sample) they are of must outlive it.
struct RequestSequence {
    std::span<const std::uint32_t> keys;       ///< of each request: an index into `key_hashes`
    std::span<const std::uint64_t> sizes;      ///< of each request, in bytes; empty: all weigh 1
    std::span<const std::uint64_t> key_hashes; ///< of each key
    bool weighed() const noexcept { return !sizes.empty(); }
};

/// A sequence of requests in memory: each key a number, in the order of first appearance.
struct Trace {
    std::string name;
    std::vector<std::uint32_t> keys;
    std::vector<std::uint64_t> sizes; ///< of each request; empty unless read for weighing
    std::vector<std::uint64_t> key_hashes;
    std::vector<std::string_view> key_texts;
    std::uint64_t unique_bytes = 0; ///< of each key the size at its first request; 0 unless read for weighing

    std::uint64_t requests() const noexcept { return keys.size(); }
    std::uint64_t unique_keys() const noexcept { return key_hashes.size(); }
    RequestSequence sequence() const noexcept { return {keys, sizes, key_hashes}; }

    std::unique_ptr<std::pmr::monotonic_buffer_resource> texts; ///< what key_texts point into
};

} // namespace tiercel::lab
