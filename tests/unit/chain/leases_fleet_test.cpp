// Leases among many processes, with wrong clocks, and under bytes that nobody of ours has written.
#include "leases.hpp"

#include "wire/lease.hpp"

#include <gtest/gtest.h>

#include <iostream>
#include <limits>

namespace tiercel::testing::chain {
namespace {

using Fleet = std::vector<std::unique_ptr<Process>>;

Fleet fleet_of(std::size_t size, const Harness::C::Options& options) {
    Fleet fleet;
    for (std::size_t i = 0; i < size; ++i)
        fleet.push_back(std::make_unique<Process>(options));
    return fleet;
}
int loads_of(const Fleet& fleet) {
    int loads = 0;
    for (const auto& process : fleet)
        loads += process->source.loads;
    return loads;
}

TEST(LeasesFleet, of_64_processes_one_loads_each_time_that_the_value_expires) {
    Harness h;
    const auto fleet = fleet_of(64, leasing(h));
    constexpr int expiries = 20;
    int answered = 0;
    for (int round = 0; round < expiries; ++round) {
        for (const auto& process : fleet) {
            process->source.rows["k"] = "v" + std::to_string(round);
            process->source.gate.shut();
        }
        for (const auto& process : fleet)
            process->look_up(h, "k");
        h.runtime->advance(50ms); // what a load takes
        for (const auto& process : fleet)
            process->source.gate.open();
        h.runtime->advance(100ms);
        for (const auto& process : fleet)
            answered += text(*process->read.value) == "v" + std::to_string(round) ? 1 : 0;
        h.runtime->advance(61s);
    }
    const auto per_expiry = static_cast<double>(loads_of(fleet)) / expiries;
    std::cout << "64 processes, " << expiries << " expiries: " << per_expiry << " loads per expiry\n";
    EXPECT_EQ(answered, 64 * expiries);
    EXPECT_LE(per_expiry, 1.05);
}

TEST(LeasesFleet, of_8_that_refresh_ahead_one_loads_and_none_misses_meanwhile) {
    Harness h;
    auto options = leasing(h);
    options.expiry.ttl = 100s;
    options.refresh.ahead = 0.8;
    const auto fleet = fleet_of(8, options);
    for (const auto& process : fleet) {
        process->source.rows["k"] = "old";
        ASSERT_EQ(text(process->cache.get_or_load("k")), "old");
        h.idle();
    }
    ASSERT_EQ(loads_of(fleet), 1);
    h.runtime->advance(85s);
    for (const auto& process : fleet) {
        process->source.rows["k"] = "new";
        process->source.gate.shut();
    }
    for (const auto& process : fleet)
        ASSERT_EQ(text(process->cache.get_or_load("k")), "old");
    h.idle();
    EXPECT_EQ(loads_of(fleet), 2);
    Process newcomer(options);
    EXPECT_EQ(text(newcomer.cache.get_or_load("k")), "old") << "the lease carries what is fresh still";
    h.runtime->advance(100ms);
    for (const auto& process : fleet)
        process->source.gate.open();
    h.runtime->advance(100ms);
    for (const auto& process : fleet)
        EXPECT_EQ(text(process->cache.get("k")), "new");
    EXPECT_EQ(loads_of(fleet), 2);
    EXPECT_EQ(newcomer.source.loads, 0);
}

const wire::Expected under_k{wire::fingerprint("k"), Codec<std::string>::id, Codec<std::string>::schema()};

/// A lease as another process leaves it under "k".
void plant(Harness& h, const wire::Lease& lease) {
    h.backend->data["test:k"].value = wire::seal_lease(lease, under_k);
}

TEST(LeasesClocks, a_holder_whose_clock_is_an_hour_off_is_not_waited_for) {
    for (const auto off : {-1h, 1h}) {
        Harness h;
        Process a(leasing(h)), b(leasing(h));
        a.source.rows["k"] = "v";
        const auto theirs = h.runtime->wall_now() + off;
        plant(h, {7, theirs, theirs + 200ms, {}});
        EXPECT_EQ(text(a.cache.get_or_load("k")), "v");
        h.idle();
        EXPECT_EQ(a.leases().waits, 0u);
        EXPECT_EQ(a.leases().taken_over, 1u);
        EXPECT_EQ(b.in_tier("k"), "v");
    }
}

TEST(LeasesClocks, a_holder_whose_clock_is_somewhat_ahead_is_waited_for_twice_as_long_at_most) {
    Harness h;
    Process a(leasing(h));
    a.source.rows["k"] = "v";
    const auto theirs = h.runtime->wall_now() + 199ms;
    plant(h, {7, theirs, theirs + 200ms, {}});
    a.look_up(h, "k");
    h.runtime->advance(398ms);
    EXPECT_EQ(a.read.calls, 0);
    h.runtime->advance(101ms);
    ASSERT_EQ(a.read.calls, 1);
    EXPECT_EQ(text(*a.read.value), "v");
    EXPECT_EQ(a.leases().taken_over, 1u);
}

TEST(Promise12, hostile_leases_are_misses_and_are_replaced) {
    using std::chrono::microseconds;
    const auto& of = under_k;
    const SystemTime now = VirtualRuntime().wall_now();
    const auto header = [&](std::size_t size) {
        wire::Header lease;
        lease.lease = true;
        lease.codec = of.codec;
        lease.schema = of.schema;
        lease.key = of.key;
        lease.raw_bytes = static_cast<std::uint32_t>(size);
        lease.created = now;
        lease.expires = now + 100ms;
        return lease;
    };
    const Bytes token("\x07\0\0\0\0\0\0\0", 8);
    std::vector<Bytes> hostile;
    hostile.push_back(wire::seal(header(0), ""));
    hostile.push_back(wire::seal(header(7), Bytes(7, 'x')));
    hostile.push_back(wire::seal(header(8), Bytes(8, '\0')));
    auto contradictory = header(8);
    contradictory.negative = true;
    hostile.push_back(wire::seal(contradictory, token));
    auto endless = header(8);
    endless.expires.reset();
    hostile.push_back(wire::seal(endless, token));
    hostile.push_back(wire::seal_lease({7, now, now + 100ms, wire::seal_lease({8, now, now + 100ms, {}}, of)}, of));
    hostile.push_back(wire::seal_lease({7, now, now + 24h, {}}, of));
    hostile.push_back(wire::seal_lease({7, now - 24h, now + 24h, "garbage"}, of));
    for (const auto time : {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
        hostile.push_back(wire::seal_lease({7, SystemTime(microseconds(time)), now + 100ms, {}}, of));
        hostile.push_back(wire::seal_lease({7, now, SystemTime(microseconds(time)), {}}, of));
    }
    auto damaged = wire::seal_lease({7, now, now + 100ms, {}}, of);
    damaged.back() = static_cast<char>(damaged.back() ^ 1);
    hostile.push_back(damaged);

    for (std::size_t i = 0; i < hostile.size(); ++i) {
        SCOPED_TRACE(i);
        Harness h;
        Process a(leasing(h)), b(leasing(h));
        ASSERT_EQ(h.runtime->wall_now(), now);
        a.source.rows["k"] = "v";
        h.backend->data["test:k"].value = hostile[i];
        EXPECT_EQ(text(a.cache.get_or_load("k")), "v");
        EXPECT_EQ(h.runtime->wall_now(), now) << "it was waited for";
        h.idle();
        EXPECT_EQ(b.in_tier("k"), "v");
    }
}

TEST(Promise12, what_a_lease_that_stands_carries_is_not_believed_either) {
    Harness h;
    Process a(leasing(h)), b(leasing(h));
    a.source.rows["k"] = "v";
    const auto now = h.runtime->wall_now();
    plant(h, {7, now, now + 100ms, "garbage"});
    EXPECT_EQ(text(b.cache.get("k")), "(nothing)");
    EXPECT_EQ(defects(b.cache.stats(), "not_ours"), 1u);
    EXPECT_EQ(text(a.cache.get_or_load("k")), "v") << "when it has ended";
}

TEST(Leases, a_cache_without_leases_reads_what_those_with_them_leave) {
    Harness h;
    auto options = leasing_stale(h);
    Process a(options);
    options.tiers[0].leases = {};
    Process plain(options);
    a.source.rows["k"] = "old";
    plain.source.rows["k"] = "of its own";
    ASSERT_EQ(text(a.cache.get_or_load("k")), "old");
    h.idle();
    h.runtime->advance(61s);
    a.source.gate.shut();
    ASSERT_EQ(text(a.cache.get_or_load("k")), "old");
    h.idle();
    EXPECT_EQ(text(plain.cache.get("k")), "old") << "stale, beside the lease";
    CallOptions fresh;
    fresh.require = Require::fresh;
    EXPECT_EQ(text(plain.cache.get_or_load("k", fresh)), "of its own");
}

TEST(LeaseOptions, contradictions_are_refused_by_the_name_of_the_field) {
    const auto refused = [](auto change) {
        Harness h;
        auto options = leasing(h);
        change(h, options);
        const auto cache = Harness::C::create(options);
        return cache ? std::string("accepted") : cache.error().message();
    };
    using Options = Harness::C::Options;
    const std::string ttl = "CacheOptions::tiers[0].leases.ttl";
    const std::string wait = "CacheOptions::tiers[0].leases.wait";
    EXPECT_EQ(refused([](Harness&, Options&) {}), "accepted");
    EXPECT_EQ(refused([](Harness&, Options& o) { o.tiers[0].leases.ttl = -1ms; }).find(ttl), 0u);
    EXPECT_EQ(refused([](Harness&, Options& o) { o.tiers[0].leases.ttl = 999us; }).find(ttl), 0u);
    EXPECT_EQ(refused([](Harness&, Options& o) { o.tiers[0].leases.ttl = 61min; }).find(ttl), 0u);
    EXPECT_EQ(refused([](Harness&, Options& o) { o.tiers[0].leases.wait = -1ms; }).find(wait), 0u);
    EXPECT_EQ(refused([](Harness&, Options& o) { o.tiers[0].leases.wait = 61min; }).find(wait), 0u);
    EXPECT_EQ(refused([](Harness& h, Options&) { h.backend->can.conditional_writes = false; }).find(ttl), 0u);
    EXPECT_EQ(refused([](Harness&, Options& o) {
                  o.tiers.push_back(o.tiers[0]);
                  o.tiers[1].name = "second";
              }).find(ttl),
              0u)
        << "only the last tier";
}

TEST(LeaseStats, are_in_the_table_once_there_are_any) {
    Harness h;
    Process a(leasing(h));
    EXPECT_EQ(to_table(a.cache.stats()).find("leases:"), std::string::npos);
    a.source.rows["k"] = "v";
    ASSERT_TRUE(a.cache.get_or_load("k"));
    EXPECT_NE(to_table(a.cache.stats()).find("leases: tier gave 1"), std::string::npos);
}

} // namespace
} // namespace tiercel::testing::chain
