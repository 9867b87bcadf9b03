#include "lab/cache_size.hpp"

#include "lab/failure.hpp"
#include "made_traces.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tiercel::lab::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Trace of_keys(std::uint64_t count) {
    return generated_trace({.pattern = Pattern::scan, .requests = count});
}

Trace weighing(std::uint64_t bytes) {
    Trace trace = of_keys(1);
    trace.sizes = {bytes};
    trace.unique_bytes = bytes;
    return trace;
}

template <class Action>
std::string refusal(Action action) {
    try {
        action();
    } catch (const UsageError& error) {
        return error.what();
    }
    return "accepted";
}

TEST(CacheSize, of_a_percentage_is_the_nearest_number_of_keys) {
    const Trace trace = of_keys(13'756);
    EXPECT_EQ(CacheSize("0.1%").of(trace), 14u);
    EXPECT_EQ(CacheSize("1%").of(trace), 138u);
    EXPECT_EQ(CacheSize("10%").of(trace), 1'376u);
    EXPECT_EQ(CacheSize("100%").of(trace), 13'756u);
    EXPECT_EQ(CacheSize("1000").of(trace), 1'000u);
}

TEST(CacheSize, of_a_weighed_trace_is_in_bytes) {
    const Trace trace = weighing(1'000'000);
    EXPECT_EQ(CacheSize("10%").of(trace), 100'000u);
    EXPECT_EQ(CacheSize("64KiB").of(trace), 65'536u);
    EXPECT_EQ(CacheSize("1.5MiB").of(trace), 1'572'864u);
    EXPECT_EQ(CacheSize("77").of(trace), 77u);
}

TEST(CacheSize, refuses_what_is_none) {
    for (const auto* text : {"", "%", "x", "-5", "1.5", "1e3", "10%%", "5 %", "nan", "inf", "99999999999999999999"})
        EXPECT_THAT(refusal([&] { CacheSize size(text); }), HasSubstr("is no cache size")) << text;
    for (const auto* text : {"0", "0%", "0.0%", "0MiB"})
        EXPECT_THAT(refusal([&] { CacheSize size(text); }), HasSubstr("size 0")) << text;
    EXPECT_THAT(refusal([] { return CacheSize("0.1%").of(of_keys(100)); }), HasSubstr("less than one"));
    EXPECT_THAT(refusal([] { return CacheSize("1MiB").of(of_keys(100)); }), HasSubstr("--weigh"));
}

TEST(CacheSize, is_listed_once) {
    EXPECT_THAT(resolved({CacheSize("50"), CacheSize("10%"), CacheSize("50%"), CacheSize("1")}, of_keys(100)),
                ElementsAre(50, 10, 1));
}

TEST(LogSpaced, rises_by_a_factor) {
    EXPECT_THAT(log_spaced(1, 1'000, 4), ElementsAre(1, 10, 100, 1'000));
    EXPECT_THAT(log_spaced(0, 3, 10), ElementsAre(1, 2, 3));
    EXPECT_THAT(log_spaced(5, 5, 3), ElementsAre(5));
}

} // namespace
} // namespace tiercel::lab::test
