// Promises 6, 8, 12: tiers and sources that fail, hang and lie.
#include "scripted.hpp"
#include "wire/envelope.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace tiercel::testing::chain {
namespace {

TEST(Promise6, a_tier_that_fails_is_a_miss_counted_by_kind) {
    Harness h;
    const auto cache = Harness::make(h.options());
    h.source.rows["k"] = "v";
    h.backend->get.failure = Errc::not_ready;
    EXPECT_EQ(text(cache.get_or_load("k")), "v");
    EXPECT_EQ(errors(cache.stats(), Errc::not_ready), 1u);
    EXPECT_EQ(h.backend->put.calls, 0) << "it is not worth filling";
}

TEST(Promise6, a_tier_that_hangs_is_a_miss_after_its_own_timeout) {
    Harness h;
    auto options = h.options();
    options.tiers[0].timeout = 20ms;
    const auto cache = Harness::make(std::move(options));
    h.source.rows["k"] = "v";
    h.backend->get.before.shut();
    const auto began = h.runtime->now();
    EXPECT_EQ(text(cache.get_or_load("k")), "v");
    EXPECT_EQ(h.runtime->now() - began, 20ms);
    EXPECT_EQ(errors(cache.stats(), Errc::timeout), 1u);
}

TEST(Promise6, a_tier_that_throws_is_a_miss) {
    Harness h;
    const auto cache = Harness::make(h.options());
    h.source.rows["k"] = "v";
    h.backend->throws_all();
    EXPECT_EQ(text(cache.get_or_load("k")), "v");
    EXPECT_EQ(errors(cache.stats(), Errc::server_error), 1u);
}

TEST(Promise6, the_wrong_number_of_results_is_a_miss_for_every_key) {
    Harness h;
    const auto cache = Harness::make(h.options());
    ASSERT_TRUE(cache.put("a", "a"));
    const auto peer = Harness::make(h.options());
    h.backend->get.wrong_number = true;
    for (const auto& value : peer.get_many(std::vector<std::string>{"a", "b"}))
        EXPECT_FALSE(value);
    EXPECT_EQ(errors(peer.stats(), Errc::protocol_error), 2u);
}

TEST(Promise6, a_strict_caller_hears_of_it_and_a_lenient_one_who_shares_the_lookup_does_not) {
    Harness h;
    const auto cache = Harness::make(h.options());
    h.source.rows["k"] = "v";
    h.backend->get.failure = Errc::not_ready;
    h.backend->get.before.shut();
    h.source.gate.shut();
    Caught<Harness::Read> first, lenient, late;
    cache.async_get_or_load("k", strict(), h.into(first));
    cache.async_get_or_load("k", {}, h.into(lenient));
    h.idle();
    h.backend->get.before.open();
    h.idle();
    EXPECT_EQ(text(*first.value), "not_ready");
    EXPECT_EQ(lenient.calls, 0) << "its load is under way";
    cache.async_get_or_load("k", strict(), h.into(late));
    h.idle();
    EXPECT_EQ(text(*late.value), "not_ready");
    h.source.gate.open();
    h.idle();
    EXPECT_EQ(text(*lenient.value), "v");
    EXPECT_EQ(h.source.loads, 1);
}

TEST(Promise6, a_strict_lookup_that_only_strict_callers_want_ends_with_the_failure) {
    Harness h;
    const auto cache = Harness::make(h.options());
    h.backend->get.failure = Errc::not_ready;
    EXPECT_EQ(text(cache.get_or_load("k", strict())), "not_ready");
    EXPECT_EQ(h.source.loads, 0);
    EXPECT_EQ(cache.stats().pressure.flights, 0u);
    EXPECT_EQ(cache.stats().pressure.waiters, 0u);
}

TEST(Promise8, a_load_that_never_returns_does_not_keep_its_callers) {
    Harness h;
    const auto cache = Harness::make(h.options());
    h.source.gate.shut();
    const auto began = h.runtime->now();
    EXPECT_EQ(text(cache.get_or_load("k", within(100ms))), "timeout");
    EXPECT_EQ(h.runtime->now() - began, 100ms);
    EXPECT_EQ(text(cache.get_or_load_many(std::vector<std::string>{"k", "l"}).at(1)), "timeout");
    EXPECT_EQ(h.runtime->now() - began, 100ms + 5s);
}

TEST(Promise8, a_load_that_never_returns_frees_its_key_after_the_source_timeout) {
    Harness h;
    const auto cache = Harness::make(h.options());
    h.source.rows["k"] = "v1";
    h.source.gate.shut();
    EXPECT_EQ(text(cache.get_or_load("k")), "timeout");
    h.runtime->advance(25s);
    EXPECT_EQ(cache.stats().source.load_timeouts, 1u);
    EXPECT_EQ(cache.stats().pressure.flights, 0u);
    EXPECT_EQ(cache.stats().pressure.source_calls, 0u);

    Caught<Harness::Read> next;
    h.source.rows["k"] = "v2";
    cache.async_get_or_load("k", {}, h.into(next));
    h.idle();
    EXPECT_EQ(h.source.loads, 2);
    h.source.gate.open(); // both answer: the late one is dropped
    h.idle();
    EXPECT_EQ(text(*next.value), "v2");
    EXPECT_EQ(text(cache.get("k")), "v2");
}

TEST(Promise8, every_operation_returns_by_its_deadline_over_a_hung_backend) {
    Harness h;
    auto options = h.options();
    options.tiers[0].timeout = 1h;
    const auto cache = Harness::make(std::move(options));
    for (auto* script : {&h.backend->get, &h.backend->put, &h.backend->erase})
        script->before.shut();
    const auto call = within(100ms);
    const std::vector<std::string> keys{"a", "b"};
    const auto timed = [&](auto operation) {
        const auto began = h.runtime->now();
        operation();
        EXPECT_EQ(h.runtime->now() - began, 100ms);
    };
    timed([&] { EXPECT_EQ(text(cache.try_get("k", call)), "timeout"); });
    timed([&] { EXPECT_EQ(text(cache.get_or_load("k", call)), "timeout"); });
    timed([&] { EXPECT_FALSE(cache.get_many(keys, call).at(0)); });
    timed([&] { EXPECT_EQ(text(cache.get_or_load_many(keys, call).at(0)), "timeout"); });
    timed([&] { EXPECT_EQ(cache.put("k", "v", call).error(), Errc::timeout); });
    timed([&] { EXPECT_EQ(cache.put_many({{"a", "v"}}, call).at(0).error(), Errc::timeout); });
    timed([&] { EXPECT_EQ(cache.invalidate("k", call).error(), Errc::timeout); });
    timed([&] { EXPECT_EQ(cache.invalidate_many(keys, call).at(0).error(), Errc::timeout); });
    timed([&] { EXPECT_EQ(cache.clear(call).error(), Errc::timeout); });
    timed([&] {
        PrimeOptions priming;
        priming.timeout = 100ms;
        const auto report = cache.prime(keys, priming);
        ASSERT_TRUE(report);
        EXPECT_EQ(report->end, PrimeReport::End::timed_out);
    });
}

TEST(Promise8, a_writer_that_never_returns_does_not_keep_its_caller) {
    Harness h;
    auto options = h.options();
    options.writer = h.source.writer();
    const auto cache = Harness::make(std::move(options));
    h.source.gate.shut();
    const auto began = h.runtime->now();
    EXPECT_EQ(cache.put("k", "v", within(100ms)).error(), Errc::timeout);
    EXPECT_EQ(h.runtime->now() - began, 100ms);
}

TEST(Promise8, the_longest_timeouts_do_not_overflow) {
    Harness h;
    auto options = h.options();
    options.tiers[0].timeout = std::chrono::nanoseconds::max();
    options.timeouts.source = std::chrono::nanoseconds::max();
    options.timeouts.call = std::chrono::nanoseconds::max();
    const auto cache = Harness::make(std::move(options));
    h.source.rows["k"] = "v";
    auto call = within(std::chrono::nanoseconds::max());
    call.ttl = std::chrono::hours(24) * 36'525; // the longest life that is taken
    EXPECT_EQ(text(cache.get_or_load("k", call)), "v");
    h.idle();
    const auto peer = Harness::make(h.options());
    EXPECT_EQ(text(peer.get("k")), "v");
}

TEST(Promise12, hostile_bytes_are_a_counted_miss) {
    Harness h;
    const auto cache = Harness::make(h.options());
    ASSERT_TRUE(cache.put("k", std::string(100, 'v')));
    ASSERT_EQ(h.backend->data.size(), 1u);
    const auto good = h.backend->data.begin()->second.value;
    std::vector<Bytes> hostile{
        "", "x", Bytes(1'000, '\xff'), good.substr(0, 63), good.substr(0, good.size() - 1), good + "x"};
    for (std::size_t i = 0; i < good.size(); ++i) {
        hostile.push_back(good);
        hostile.back()[i] = static_cast<char>(hostile.back()[i] ^ 0x20);
    }
    const auto peer = Harness::make(h.options());
    for (const auto& bytes : hostile) {
        h.backend->data.begin()->second.value = bytes;
        ASSERT_EQ(text(peer.get("k")), "(nothing)");
    }
    std::uint64_t counted = 0;
    const auto stats = peer.stats();
    for (const auto& [name, count] : stats.tiers.at(0).defects)
        counted += count;
    EXPECT_EQ(counted, hostile.size());
}

TEST(Promise12, times_at_the_ends_of_the_clock_are_a_counted_miss) {
    Harness h;
    const auto cache = Harness::make(h.options());
    ASSERT_TRUE(cache.put("k", "v"));
    auto& stored = h.backend->data.begin()->second.value;
    const auto peer = Harness::make(h.options());
    for (const auto micros : {std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min() + 1}) {
        wire::Header header;
        header.codec = Codec<std::string>::id;
        header.schema = Codec<std::string>::schema();
        Bytes key;
        ASSERT_TRUE(KeyCodec<std::string>::encode("k", key));
        header.key = wire::fingerprint(key);
        header.version = std::numeric_limits<std::uint64_t>::max();
        header.raw_bytes = 1;
        header.created = SystemTime(std::chrono::microseconds(micros));
        header.expires = SystemTime(std::chrono::microseconds(std::numeric_limits<std::int64_t>::max()));
        stored = wire::seal(header, "v");
        EXPECT_EQ(text(peer.get("k")), "(nothing)");
    }
    EXPECT_EQ(defects(peer.stats(), "bad_payload"), 2u);
}

} // namespace
} // namespace tiercel::testing::chain
