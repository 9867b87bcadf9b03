#pragma once

#include <tiercel/spi/backend.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace tiercel::redis::test {

/// Keys are of three kinds, each with names of its own: `kept` ones are always there, `passing` ones come and go,
/// `missing` ones never are. Each value names its key, at its beginning and at its end.
inline constexpr std::uint64_t names_of_a_kind = 200;

inline std::string numbered(const char* kind, std::uint64_t number) {
    return kind + std::to_string(number % names_of_a_kind);
}
inline std::string any_kept_name(std::mt19937_64& random) {
    return numbered("kept:", random());
}
inline std::string any_passing_name(std::mt19937_64& random) {
    return numbered("passing:", random());
}
inline std::string any_missing_name(std::mt19937_64& random) {
    return numbered("missing:", random());
}
inline std::string any_written_name(std::mt19937_64& random) {
    return random() % 2 == 0 ? any_kept_name(random) : any_passing_name(random);
}
inline std::string any_name(std::mt19937_64& random) {
    return random() % 4 == 0 ? any_missing_name(random) : any_written_name(random);
}

inline std::vector<std::string> kept_names() {
    std::vector<std::string> names;
    for (std::uint64_t number = 0; number < names_of_a_kind; ++number)
        names.push_back(numbered("kept:", number));
    return names;
}

/// Mostly small; one in 64 is larger than a read buffer.
inline std::string value_of(const std::string& name, std::mt19937_64& random) {
    const std::size_t filling = random() % 64 == 0 ? 100'000 : random() % 300;
    return name + '=' + std::string(filling, '.') + '=' + name;
}

/// Empty when this may be what the key holds.
inline std::optional<std::string> what_is_wrong(const std::string& name, const std::optional<spi::Found>& found) {
    if (!found) {
        if (name.starts_with("kept:")) return name + " is said to be missing";
        return std::nullopt;
    }
    const auto& value = found->value;
    const auto begin = name + '=';
    const auto end = '=' + name;
    const bool named = value.size() >= begin.size() + end.size() && value.starts_with(begin) && value.ends_with(end);
    const bool filled = named && value.find_first_not_of('.', begin.size()) == value.size() - end.size();
    if (filled && !name.starts_with("missing:")) return std::nullopt;
    return name + " is said to be " + value.substr(0, 40);
}

} // namespace tiercel::redis::test
