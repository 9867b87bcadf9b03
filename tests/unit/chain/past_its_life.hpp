#pragma once

#include "scripted.hpp"

#include <gtest/gtest.h>

/// What the tests of stale values have in common.
namespace tiercel::testing::chain {

/// A minute of life, and ten more stale.
inline Harness::C::Options stale_options(Harness& h) {
    auto options = h.memory_only();
    options.expiry.ttl = 1min;
    options.stale.keep = 10min;
    return options;
}
inline Harness::C::Options waiting_options(Harness& h) {
    auto options = stale_options(h);
    options.stale.while_revalidate = false;
    return options;
}
inline CallOptions fresh() {
    CallOptions options;
    options.require = Require::fresh;
    return options;
}
inline CallOptions at_most(std::chrono::nanoseconds staleness) {
    CallOptions options;
    options.max_staleness = staleness;
    return options;
}
inline const Error outage(Errc::connection_failed, "the database is down");

/// A cache whose "k" was "old", is "new" at the source, and is 30 s past its life.
struct PastItsLife {
    explicit PastItsLife(Harness& h, Harness::C::Options options) : cache(Harness::make(std::move(options))) {
        h.source.rows["k"] = "old";
        EXPECT_EQ(text(cache.get_or_load("k")), "old");
        h.idle();
        h.source.rows["k"] = "new";
        h.runtime->advance(90s);
    }
    Harness::C cache;
};

inline Harness::C::Options stale_tier_options(Harness& h) {
    auto options = h.options();
    options.expiry.ttl = 1min;
    options.stale.keep = 10min;
    return options;
}

} // namespace tiercel::testing::chain
