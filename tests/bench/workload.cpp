#include "workload.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <random>

namespace tiercel::bench {

std::vector<std::uint64_t> zipf_draws(std::size_t below, std::size_t count, std::uint64_t seed) {
    std::vector<double> cumulative(below);
    double sum = 0;
    for (std::size_t rank = 0; rank < below; ++rank) {
        sum += 1.0 / std::pow(static_cast<double>(rank + 1), 0.99);
        cumulative[rank] = sum;
    }
    std::vector<std::uint64_t> place(below);
    std::iota(place.begin(), place.end(), std::uint64_t{0});
    std::mt19937_64 random(seed);
    std::shuffle(place.begin(), place.end(), random);
    std::uniform_real_distribution<double> uniform(0, sum);
    std::vector<std::uint64_t> drawn(count);
    for (auto& key : drawn) {
        const auto rank = std::lower_bound(cumulative.begin(), cumulative.end(), uniform(random));
        key = place[static_cast<std::size_t>(std::distance(cumulative.begin(), rank))];
    }
    return drawn;
}

const std::vector<std::uint64_t>& zipf_keys() {
    static const auto keys = zipf_draws(population, std::size_t{1} << 20, 1);
    return keys;
}

std::string string_key(std::uint64_t number) {
    std::array<char, 33> text{};
    std::snprintf(text.data(), text.size(), "user:%027llu", static_cast<unsigned long long>(number));
    return std::string(text.data(), 32);
}

std::string json_value(std::uint64_t number, std::size_t size) {
    static constexpr std::array<const char*, 6> fields = {"name",        "maintainer", "section",
                                                          "description", "homepage",   "depends"};
    std::mt19937_64 random(number);
    std::string text = "{\"id\":" + std::to_string(number);
    for (std::size_t i = 0; text.size() + 1 < size; ++i) {
        text += ",\"";
        text += fields[i % fields.size()];
        text += "\":\"";
        for (int word = 0; word < 6; ++word) {
            const auto letters = 3 + random() % 7;
            for (std::uint64_t n = 0; n < letters; ++n)
                text += static_cast<char>('a' + random() % 26);
            text += ' ';
        }
        text.back() = '"';
    }
    text.resize(size - 1);
    return text + '}';
}

} // namespace tiercel::bench
