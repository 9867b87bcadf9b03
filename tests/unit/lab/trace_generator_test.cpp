#include "lab/trace_generator.hpp"

#include "made_traces.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <sstream>

namespace tiercel::lab::test {
namespace {

std::vector<std::string> lines_of(const GeneratorOptions& options) {
    std::vector<std::string> lines;
    generate(options, [&](std::string_view line) {
        EXPECT_TRUE(line.ends_with('\n'));
        lines.emplace_back(line.substr(0, line.size() - 1));
    });
    return lines;
}

std::vector<std::uint64_t> numbers_of(const GeneratorOptions& options) {
    std::vector<std::uint64_t> numbers;
    for (const auto& line : lines_of(options))
        numbers.push_back(std::stoull(line));
    return numbers;
}

TEST(TraceGenerator, gives_the_same_trace_for_the_same_seed_only) {
    for (const auto pattern : {Pattern::zipf, Pattern::scan, Pattern::loop, Pattern::hotspot, Pattern::mixed}) {
        const GeneratorOptions options{.pattern = pattern, .requests = 5'000, .keys = 300, .seed = 5};
        const std::string text = generated_text(options);
        EXPECT_EQ(text, generated_text(options));
        GeneratorOptions other = options;
        other.seed = 6;
        const bool chance = pattern != Pattern::scan && pattern != Pattern::loop;
        EXPECT_EQ(text != generated_text(other), chance);
    }
}

TEST(TraceGenerator, gives_the_same_trace_on_every_machine) {
    EXPECT_EQ(generated_text({.requests = 8, .keys = 1'000, .skew = 0, .seed = 1}),
              "434\n255\n29\n556\n556\n238\n123\n477\n");
}

TEST(TraceGenerator, zipf_follows_the_law) {
    for (const double skew : {0.0, 0.5, 0.99, 1.0, 1.5}) {
        constexpr std::uint64_t requests = 400'000;
        std::map<std::uint64_t, double> counts;
        for (const auto key : numbers_of({.requests = requests, .keys = 50, .skew = skew}))
            ++counts[key];
        double sum = 0;
        for (int rank = 1; rank <= 50; ++rank)
            sum += std::pow(rank, -skew);
        ASSERT_EQ(counts.rbegin()->first, 50u);
        for (const auto& [rank, count] : counts) {
            const double wanted = requests * std::pow(static_cast<double>(rank), -skew) / sum;
            EXPECT_NEAR(count, wanted, 5 * std::sqrt(wanted)) << "rank " << rank << ", skew " << skew;
        }
    }
}

TEST(TraceGenerator, zipf_serves_one_key_and_very_many) {
    for (const auto key : numbers_of({.requests = 100, .keys = 1}))
        EXPECT_EQ(key, 1u);
    for (const auto key : numbers_of({.requests = 10'000, .keys = std::uint64_t{1} << 53, .skew = 0.5})) {
        EXPECT_GE(key, 1u);
        EXPECT_LE(key, std::uint64_t{1} << 53);
    }
}

TEST(TraceGenerator, scan_asks_for_every_key_once_in_order) {
    EXPECT_EQ(generated_text({.pattern = Pattern::scan, .requests = 4, .keys = 2}), "1\n2\n3\n4\n");
}

TEST(TraceGenerator, loop_begins_again) {
    EXPECT_EQ(generated_text({.pattern = Pattern::loop, .requests = 7, .keys = 3}), "1\n2\n3\n1\n2\n3\n1\n");
}

TEST(TraceGenerator, hotspot_moves_on) {
    const auto keys = numbers_of({.pattern = Pattern::hotspot, .requests = 100'000, .keys = 1'000});
    for (std::size_t phase = 0; phase < 10; ++phase) {
        std::size_t hot = 0;
        for (std::size_t at = phase * 10'000; at < (phase + 1) * 10'000; ++at)
            if ((keys[at] - 1) / 100 == phase) ++hot;
        EXPECT_NEAR(static_cast<double>(hot), 9'100, 200) << "phase " << phase; // 90 %, and a tenth of the rest
    }
}

TEST(TraceGenerator, mixed_has_all_four_over_keys_of_their_own) {
    std::map<char, std::size_t> counts;
    const auto lines = lines_of({.pattern = Pattern::mixed, .requests = 200'000, .keys = 4'000});
    for (const auto& line : lines)
        ++counts[line[0]];
    ASSERT_EQ(lines.size(), 200'000u);
    ASSERT_EQ(counts.size(), 4u);
    for (const auto& [prefix, count] : counts)
        EXPECT_GT(count, 10'000u) << prefix;
}

TEST(TraceGenerator, sizes_stay_with_their_keys) {
    std::map<std::string, std::uint64_t> sizes;
    std::size_t small = 0;
    for (const auto& line :
         lines_of({.requests = 20'000, .keys = 2'000, .skew = 0, .least_size = 10, .most_size = 1'000})) {
        std::istringstream words(line);
        std::string key;
        std::uint64_t size = 0;
        ASSERT_TRUE(words >> key >> size);
        ASSERT_GE(size, 10u);
        ASSERT_LE(size, 1'000u);
        EXPECT_EQ(sizes.try_emplace(key, size).first->second, size);
    }
    for (const auto& [key, size] : sizes)
        if (size < 100) ++small;
    EXPECT_NEAR(static_cast<double>(small) / static_cast<double>(sizes.size()), 0.5, 0.06); // even over the decades
}

} // namespace
} // namespace tiercel::lab::test
