#pragma once

#include <tiercel/spi/bytes.hpp>

#include <chrono>
#include <cstdint>
#include <ctime>
#include <optional>

namespace tiercel::memcached {

/// What is asked of the server that has the key.
struct Operation {
    enum class Kind : unsigned char {
        get,   ///< mg, with value, version and time to live
        touch, ///< mg with a new time to live, and no value
        erase, ///< md
        set,   ///< ms
        add,   ///< ms, if there is none
        cas,   ///< ms, if there is `version`
    };

    Kind kind = Kind::get;
    BytesView key;
    BytesView value = {};                              ///< of the ms
    std::optional<std::chrono::milliseconds> ttl = {}; ///< of the ms and of touch
    std::uint64_t version = 0;                         ///< of cas
};

inline constexpr std::size_t max_key_bytes = 250;
/// Of a key that holds other bytes than printable ASCII, and travels in base64.
inline constexpr std::size_t max_binary_key_bytes = 186;

/// Printable ASCII without space, and something.
bool is_plain_key(BytesView key) noexcept;
/// memcached can have it.
bool is_possible_key(BytesView key) noexcept;

/// Appends the operation (its key is possible) as memcached reads it. `expiration`: as of the function of that name.
void append_request(Bytes& out, const Operation& operation, std::time_t expiration, std::uint32_t tag);

/// About how many bytes that appends, and not fewer.
std::size_t request_bytes(const Operation& operation) noexcept;

} // namespace tiercel::memcached
