#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tiercel::bench {

inline constexpr std::size_t population = 65'536;

/// `count` numbers below `below`, Zipf-distributed with exponent 0.99, popular ones scattered; the same for each seed.
std::vector<std::uint64_t> zipf_draws(std::size_t below, std::size_t count, std::uint64_t seed);

/// 2^20 numbers below `population`, Zipf-distributed with exponent 0.99, popular ones scattered; the same each time.
const std::vector<std::uint64_t>& zipf_keys();

/// 32 bytes that name the number.
std::string string_key(std::uint64_t number);

/// `size` bytes of JSON-like text about the number: the field names recur from value to value, the contents do not.
std::string json_value(std::uint64_t number, std::size_t size);

} // namespace tiercel::bench
