// What holds while eight threads churn: departures told exactly once, fences, structure.

#include "test_entry.hpp"

#include "support/effort.hpp"

#include <gtest/gtest.h>

#include <array>
#include <future>
#include <random>
#include <thread>

namespace tiercel::memory::test {
namespace {

using tiercel::test::effort;

using namespace std::chrono_literals;

constexpr unsigned thread_count = 8;

/// Runs `body(thread number)` on eight threads to their end.
template <class Body>
void on_threads(Body body) {
    std::vector<std::jthread> threads;
    for (unsigned number = 0; number < thread_count; ++number)
        threads.emplace_back([&body, number] { body(number); });
}

struct ByPolicy {
    Eviction eviction;
    friend void PrintTo(const ByPolicy& param, std::ostream* out) { *out << param.eviction.name(); }
};

class Churn : public testing::TestWithParam<ByPolicy> {};

TEST_P(Churn, each_entry_is_told_of_exactly_once_with_its_cause) {
    constexpr std::uint64_t per_thread = 20'000;
    ManualClock clock;
    std::vector<std::atomic<int>> told(thread_count * per_thread); // by version, which is unique
    std::array<std::atomic<std::uint64_t>, removal_cause_count> causes{};
    StoreOptions options;
    options.max_entries = 300;
    options.max_weight = 1500;
    options.shards = 4;
    options.eviction = GetParam().eviction;
    options.expire_after_access = 50ms;
    options.holds_key = holds_id;
    options.on_removal = [&](const detail::Entry& entry, RemovalCause cause) {
        told[entry.version].fetch_add(1);
        causes[static_cast<std::size_t>(cause)].fetch_add(1);
    };
    Store store(options, clock);
    const std::atomic<std::uint64_t> fence{0};
    std::atomic<std::uint64_t> stored{0};
    std::vector<char> was_stored(thread_count * per_thread); // each element written by one thread

    on_threads([&](unsigned number) {
        std::mt19937_64 random(number);
        for (std::uint64_t step = 0; step < per_thread; ++step) {
            const std::uint64_t key = random() % 1000;
            const KeyRef ref{hash_of(key), &key};
            const std::uint64_t version = number * per_thread + step;
            const Nanos expires = random() % 2 ? never : clock.nanos() + Nanos(random() % 100'000'000);
            if (store.insert(make_entry({key, random() % 10, expires, version}), fence, 0) == Insert::stored) {
                was_stored[version] = 1;
                stored.fetch_add(1);
            }
            if (const EntryPtr found = store.find(ref)) {
                ASSERT_EQ(id_of(*found), key);
            }
            if (step % 8 == 0) store.erase(ref);
            if (step % 16 == 0) clock.advance(100us);
            if (step % 64 == 0) store.expire();
            if (step % 4096 == 0) store.clear();
            if (step % 1024 == 0) {
                ASSERT_EQ(store.check_invariants(), "");
            }
        }
    });

    EXPECT_EQ(store.check_invariants(), "");
    const StoreStats before = store.stats();
    EXPECT_EQ(before.inserts, stored.load());
    store.close();
    for (std::size_t version = 0; version < told.size(); ++version)
        ASSERT_EQ(told[version].load(), was_stored[version]) << "version " << version;
    const StoreStats after = store.stats();
    for (std::size_t cause = 0; cause < removal_cause_count; ++cause)
        EXPECT_EQ(after.removals[cause], causes[cause].load()) << to_string(static_cast<RemovalCause>(cause));
    EXPECT_EQ(after.removals[static_cast<std::size_t>(RemovalCause::closed)], before.entries);
    for (const RemovalCause cause :
         {RemovalCause::explicit_, RemovalCause::replaced, RemovalCause::expired, RemovalCause::size})
        EXPECT_GT(causes[static_cast<std::size_t>(cause)].load(), 0U) << to_string(cause);
}

INSTANTIATE_TEST_SUITE_P(Memory, Churn,
                         testing::Values(ByPolicy{eviction::adaptive()}, ByPolicy{eviction::lru()},
                                         ByPolicy{eviction::lfu()}, ByPolicy{eviction::fifo()},
                                         ByPolicy{eviction::mru()}, ByPolicy{eviction::clock()},
                                         ByPolicy{eviction::sieve()}, ByPolicy{eviction::s3_fifo()},
                                         ByPolicy{eviction::arc()}, ByPolicy{eviction::w_tinylfu()}),
                         testing::PrintToStringParamName());

/// Stops a writer who asks for the time, which the store does under the shard's lock, until it is let go.
class StoppingClock final : public spi::Clock {
public:
    SteadyTime now() const noexcept override {
        asked_.store(true);
        asked_.notify_all();
        go_on_.wait(false);
        return {};
    }
    SystemTime wall_now() const noexcept override { return {}; }

    void wait_for_a_writer() const { asked_.wait(false); }
    void let_go() {
        go_on_.store(true);
        go_on_.notify_all();
    }

private:
    mutable std::atomic<bool> asked_{false};
    std::atomic<bool> go_on_{false};
};

class LockFreeHits : public testing::TestWithParam<ByPolicy> {};

TEST_P(LockFreeHits, do_not_wait_for_a_writer_who_holds_the_lock) {
    StoppingClock clock;
    StoreOptions options;
    options.max_entries = 100'000;
    options.shards = 1;
    options.eviction = GetParam().eviction;
    options.holds_key = holds_id;
    Store store(options, clock);
    const std::atomic<std::uint64_t> fence{0};
    const std::uint64_t key = 1;
    ASSERT_EQ(store.insert(make_entry({.key = key}), fence, 0), Insert::stored);

    const std::jthread writer([&] { store.insert(make_entry({.key = 2, .expires = 1'000}), fence, 0); });
    clock.wait_for_a_writer();
    auto reader = std::async(std::launch::async, [&] {
        std::array<EntryPtr, 1> found;
        const std::array refs{KeyRef{hash_of(key), &key}};
        store.find_many(refs, found.data());
        return found[0] != nullptr && store.find(refs[0]) != nullptr && store.peek(refs[0]) != nullptr;
    });
    EXPECT_EQ(reader.wait_for(20s), std::future_status::ready);
    clock.let_go();
    EXPECT_TRUE(reader.get());
}

INSTANTIATE_TEST_SUITE_P(Memory, LockFreeHits,
                         testing::Values(ByPolicy{eviction::adaptive()}, ByPolicy{eviction::fifo()},
                                         ByPolicy{eviction::clock()}, ByPolicy{eviction::sieve()},
                                         ByPolicy{eviction::s3_fifo()}),
                         testing::PrintToStringParamName());

class ByteBound : public testing::TestWithParam<ByPolicy> {};

TEST_P(ByteBound, holds_throughout_and_is_used_to_the_full_by_entries_of_all_sizes) {
    constexpr std::uint64_t least = 64;
    constexpr std::uint64_t bound = std::uint64_t{100} << 20;
    constexpr unsigned doublings = 14; // to 1 MB
    ManualClock clock;
    std::atomic<std::uint64_t> told{0};
    std::atomic<std::uint64_t> stored{0};
    StoreOptions options;
    options.max_weight = bound;
    options.eviction = GetParam().eviction;
    options.holds_key = holds_id;
    options.on_removal = [&](const detail::Entry&, RemovalCause) { told.fetch_add(1); };
    Store store(options, clock);
    const std::atomic<std::uint64_t> fence{0};

    on_threads([&](unsigned number) {
        std::mt19937_64 random(number);
        for (std::uint64_t step = 0; step < effort(20'000, 200'000); ++step) {
            const std::uint64_t key = random() % 5'000;
            if (random() % 4 == 0) {
                store.find({hash_of(key), &key});
                continue;
            }
            const std::uint64_t octave = least << random() % doublings;
            const std::uint64_t weight = octave + random() % octave;
            if (store.insert(make_entry({.key = key, .weight = weight}), fence, 0) == Insert::stored)
                stored.fetch_add(1);
            if (step % 64 == 0) {
                ASSERT_LE(store.stats().weight, bound);
            }
            if (step % 2048 == 0) {
                ASSERT_EQ(store.check_invariants(), "");
            }
        }
    });

    // A lighter value of a key gives room back, which only newcomers fill again.
    for (std::uint64_t key = 10'000; key < 30'000; ++key)
        if (store.insert(make_entry({.key = key, .weight = 16'384}), fence, 0) == Insert::stored) stored.fetch_add(1);

    EXPECT_EQ(store.check_invariants(), "");
    const StoreStats stats = store.stats();
    EXPECT_LE(stats.weight, bound);
    // An eviction may free more than was needed, in each shard; less than its largest entry.
    EXPECT_GE(stats.weight, bound - std::max(bound / 100, store.shard_count() * (least << doublings)));
    EXPECT_EQ(told.load(), stored.load() - stats.entries);
    store.close();
    EXPECT_EQ(told.load(), stored.load());
}

INSTANTIATE_TEST_SUITE_P(Memory, ByteBound,
                         testing::Values(ByPolicy{eviction::lru()}, ByPolicy{eviction::sieve()},
                                         ByPolicy{eviction::s3_fifo()}, ByPolicy{eviction::w_tinylfu()}),
                         testing::PrintToStringParamName());

TEST(Fence, nothing_older_than_a_raised_fence_is_found_after_the_erase) {
    constexpr std::uint64_t keys = 4;
    constexpr int rounds = 5'000;
    ManualClock clock;
    StoreOptions options;
    options.holds_key = holds_id;
    Store store(options, clock);
    std::array<std::atomic<std::uint64_t>, keys> fences{};

    on_threads([&](unsigned number) {
        std::mt19937_64 random(number);
        for (int round = 0; round < rounds; ++round) {
            const std::uint64_t key = random() % keys;
            const KeyRef ref{hash_of(key), &key};
            if (number % 2 == 0) { // a load: begins, and later fills
                const std::uint64_t began = fences[key].load();
                EntryPtr entry = make_entry({.key = key, .version = began});
                if (random() % 4 == 0) std::this_thread::yield();
                store.insert(std::move(entry), fences[key], began);
            } else { // an invalidation: raises, erases, and then must not see an older load's value
                const std::uint64_t raised = fences[key].fetch_add(1) + 1;
                store.erase(ref);
                if (const EntryPtr found = store.find(ref)) {
                    ASSERT_GE(found->version, raised);
                }
            }
        }
    });
    EXPECT_EQ(store.check_invariants(), "");
}

TEST(Close, an_insert_that_races_it_is_refused_or_leaves_by_it) {
    for (int round = 0; round < 50; ++round) {
        ManualClock clock;
        std::atomic<std::uint64_t> stored{0};
        std::atomic<std::uint64_t> left{0};
        StoreOptions options;
        options.shards = 4;
        options.holds_key = holds_id;
        options.on_removal = [&](const detail::Entry&, RemovalCause) { left.fetch_add(1); };
        Store store(options, clock);
        const std::atomic<std::uint64_t> fence{0};
        on_threads([&](unsigned number) {
            for (std::uint64_t step = 0; step < 200; ++step) {
                if (number == 0 && step == 100) store.close();
                if (store.insert(make_entry({.key = std::uint64_t{number} * 1000 + step}), fence, 0) == Insert::stored)
                    stored.fetch_add(1);
            }
        });
        EXPECT_EQ(store.stats().entries, 0U);
        EXPECT_EQ(left.load(), stored.load());
    }
}

} // namespace
} // namespace tiercel::memory::test
