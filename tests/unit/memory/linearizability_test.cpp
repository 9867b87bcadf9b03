// What threads hear from a store, key by key, against what one thread at a time could have heard.

#include "linearizability.hpp"
#include "test_entry.hpp"

#include "support/effort.hpp"

#include <gtest/gtest.h>

#include <array>
#include <latch>
#include <random>
#include <thread>

namespace tiercel::memory::test {
namespace {

using tiercel::test::effort;

using namespace std::chrono_literals;
using Kind = Operation::Kind;

// The checker ------------------------------------------------------------------------------------------------------

Operation put(unsigned thread, std::uint64_t from, std::uint64_t to, std::uint64_t value) {
    return {Kind::put, thread, from, to, value, false};
}
Operation get(unsigned thread, std::uint64_t from, std::uint64_t to, std::uint64_t value) {
    return {Kind::get, thread, from, to, value, false};
}
Operation erase(unsigned thread, std::uint64_t from, std::uint64_t to, bool was_there) {
    return {Kind::erase, thread, from, to, 0, was_there};
}
constexpr std::uint64_t nothing = 0;

bool passes(const std::vector<Operation>& history, Loss loss = Loss::never) {
    return !not_linearizable(history, loss);
}

TEST(Linearizability, one_thread_hears_its_last_write) {
    EXPECT_TRUE(passes({}));
    EXPECT_TRUE(passes({get(0, 1, 2, nothing), put(0, 3, 4, 7), get(0, 5, 6, 7), erase(0, 7, 8, true),
                        get(0, 9, 10, nothing), erase(0, 11, 12, false)}));
    EXPECT_FALSE(passes({get(0, 1, 2, 7)})) << "a value that nobody wrote";
    EXPECT_FALSE(passes({put(0, 1, 2, 7), put(0, 3, 4, 8), get(0, 5, 6, 7)})) << "an overwritten value";
    EXPECT_FALSE(passes({put(0, 1, 2, 7), erase(0, 3, 4, true), get(0, 5, 6, 7)})) << "an erased value";
    EXPECT_FALSE(passes({put(0, 1, 2, 7), erase(0, 3, 4, false)}));
    EXPECT_FALSE(passes({erase(0, 1, 2, true)}));
    EXPECT_FALSE(passes({put(0, 1, 2, 7), {Kind::clear, 0, 3, 4, 0, false}, get(0, 5, 6, 7)}));
}

TEST(Linearizability, what_overlaps_may_take_effect_in_either_order) {
    EXPECT_TRUE(passes({put(0, 1, 10, 7), get(1, 2, 3, nothing), get(1, 4, 5, 7)}));
    EXPECT_FALSE(passes({put(0, 1, 10, 7), get(1, 2, 3, 7), get(1, 4, 5, nothing)}));
    EXPECT_TRUE(passes({put(0, 1, 10, 7), put(1, 2, 11, 8), get(2, 3, 4, 8), get(2, 5, 6, 7)}));
    EXPECT_FALSE(passes({put(0, 1, 10, 7), put(1, 2, 11, 8), get(2, 3, 4, 8), get(2, 5, 6, 7), get(2, 7, 8, 8)}));
    EXPECT_FALSE(passes({put(0, 1, 10, 7), put(1, 2, 11, 8), get(0, 12, 13, 7), get(1, 14, 15, 8)}));
    EXPECT_TRUE(passes({put(0, 1, 2, 7), erase(0, 3, 10, true), erase(1, 4, 11, false)}));
    EXPECT_FALSE(passes({put(0, 1, 2, 7), erase(0, 3, 10, true), erase(1, 4, 11, true)})) << "erased twice";
    EXPECT_TRUE(passes({put(0, 1, 2, 7), erase(0, 3, 10, true), erase(1, 4, 11, true), put(2, 5, 12, 8)}));
}

TEST(Linearizability, a_read_of_what_is_still_being_written_makes_it_written) {
    EXPECT_FALSE(passes({put(0, 1, 2, 7), put(1, 3, 20, 8), get(2, 4, 5, 8), get(3, 6, 7, 7)}));
    EXPECT_TRUE(passes({put(0, 1, 2, 7), put(1, 3, 20, 8), get(2, 4, 7, 8), get(3, 5, 6, 7)}));
}

TEST(Linearizability, a_loss_may_be_missed_but_brings_back_nothing) {
    const std::vector<Operation> missed{put(0, 1, 2, 7), get(0, 3, 4, nothing)};
    EXPECT_FALSE(passes(missed, Loss::never));
    EXPECT_TRUE(passes(missed, Loss::for_good));
    EXPECT_TRUE(passes(missed, Loss::seeming));

    const std::vector<Operation> back_again{put(0, 1, 2, 7), get(0, 3, 4, nothing), get(0, 5, 6, 7)};
    EXPECT_FALSE(passes(back_again, Loss::for_good));
    EXPECT_TRUE(passes(back_again, Loss::seeming));

    for (const Loss loss : {Loss::for_good, Loss::seeming}) {
        EXPECT_TRUE(passes({put(0, 1, 2, 7), erase(0, 3, 4, false)}, loss));
        EXPECT_FALSE(passes({put(0, 1, 2, 7), put(0, 3, 4, 8), get(0, 5, 6, 7)}, loss));
        EXPECT_FALSE(passes({put(0, 1, 2, 7), erase(0, 3, 4, true), get(0, 5, 6, 7)}, loss));
        EXPECT_FALSE(passes({put(0, 1, 2, 7), erase(0, 3, 4, false), get(0, 5, 6, 7)}, loss));
        EXPECT_FALSE(passes({put(0, 1, 2, 7), erase(0, 3, 4, true), erase(0, 5, 6, true)}, loss));
    }
}

TEST(Linearizability, says_which_operation_fits_nowhere) {
    const std::vector<Operation> history{put(0, 1, 2, 7), get(1, 3, 4, 7), get(1, 5, 6, nothing), get(1, 7, 8, 7)};
    const auto wrong = not_linearizable(history, Loss::never);
    ASSERT_TRUE(wrong);
    EXPECT_EQ(wrong->invoked, 5U);
}

// The store --------------------------------------------------------------------------------------------------------

struct Setting {
    const char* name;
    Loss loss;
    std::string_view policy;
    bool one_hash = false; ///< for all keys, so that they overflow and compare
    friend void PrintTo(const Setting& setting, std::ostream* out) { *out << setting.name; }
};

class History : public testing::TestWithParam<Setting> {
protected:
    static constexpr std::uint64_t keys = 24; // several buckets, so that the table grows while threads read

    static std::uint64_t hash(std::uint64_t key) { return GetParam().one_hash ? 42 : hash_of(key); }
    static KeyRef ref(const std::uint64_t& key) { return {hash(key), &key}; }

    static StoreOptions options() {
        StoreOptions options;
        options.holds_key = holds_id;
        options.eviction = eviction::named(GetParam().policy).value();
        options.shards = 2;
        if (GetParam().loss != Loss::never) options.max_entries = keys / 2;
        if (GetParam().loss == Loss::seeming) options.expire_after_access = 1ms;
        return options;
    }

    /// Its operations of each key, and what it does next.
    struct Worker {
        Worker(Store& used, ManualClock& its_clock, std::atomic<std::uint64_t>& counter, unsigned number,
               std::uint64_t seed)
            : store(used), clock(its_clock), times(counter), thread(number), random(seed) {}

        void step() {
            const std::uint64_t key = random() % keys;
            switch (random() % 16) {
            case 0:
            case 1:
            case 2:
            case 3:
                return write(key);
            case 4:
            case 5:
                return take_out(key);
            case 6:
                return read_many();
            case 7:
                return expire();
            case 8:
                return random() % 16 == 0 ? clear() : read(key);
            default:
                return read(key);
            }
        }

        void write(std::uint64_t key) {
            const std::uint64_t value = ++writes << 5 | thread;
            EntryFacts facts{.key = key, .version = value};
            if (GetParam().loss != Loss::never && random() % 2 == 0)
                facts.expires = clock.nanos() + static_cast<Nanos>(random() % 4'000'000);
            if (GetParam().loss == Loss::never && random() % 2 == 0) facts.expires = never - 1;
            EntryPtr entry = make_entry(facts, hash(key));
            const auto invoked = times++;
            ASSERT_EQ(store.insert(std::move(entry), fence, 0), Insert::stored);
            note(key, {Kind::put, thread, invoked, times++, value, false});
        }

        void read(std::uint64_t key) {
            const auto invoked = times++;
            const EntryPtr found = store.find(ref(key));
            const auto responded = times++;
            note_read(key, invoked, responded, found);
        }

        void read_many() {
            std::array<std::uint64_t, keys> all{};
            std::array<KeyRef, keys> refs;
            std::array<EntryPtr, keys> found;
            for (std::uint64_t key = 0; key < keys; ++key) {
                all[key] = key;
                refs[key] = ref(all[key]);
            }
            const auto invoked = times++;
            store.find_many(refs, found.data());
            const auto responded = times++;
            for (std::uint64_t key = 0; key < keys; ++key)
                note_read(key, invoked, responded, found[key]);
        }

        void take_out(std::uint64_t key) {
            const auto invoked = times++;
            const bool was_there = store.erase(ref(key));
            note(key, {Kind::erase, thread, invoked, times++, 0, was_there});
        }

        void clear() {
            const auto invoked = times++;
            store.clear();
            const auto responded = times++;
            for (std::uint64_t key = 0; key < keys; ++key)
                note(key, {Kind::clear, thread, invoked, responded, 0, false});
        }

        void expire() {
            clock.advance(100us);
            store.expire();
        }

        void note_read(std::uint64_t key, std::uint64_t invoked, std::uint64_t responded, const EntryPtr& found) {
            if (found != nullptr) {
                ASSERT_EQ(id_of(*found), key);
            }
            note(key, {Kind::get, thread, invoked, responded, found != nullptr ? found->version : 0, false});
        }
        void note(std::uint64_t key, const Operation& operation) { history[key].push_back(operation); }

        Store& store;
        ManualClock& clock;
        std::atomic<std::uint64_t>& times;
        const unsigned thread;
        std::mt19937_64 random;
        std::uint64_t writes = 0;
        const std::atomic<std::uint64_t> fence{0};
        std::array<std::vector<Operation>, keys> history;
    };

    static void check_one(unsigned threads, std::uint64_t seed, unsigned steps) {
        ManualClock clock;
        std::atomic<std::uint64_t> times{1};
        std::vector<std::unique_ptr<Worker>> workers;
        Store store(options(), clock);
        for (unsigned number = 0; number < threads; ++number)
            workers.push_back(std::make_unique<Worker>(store, clock, times, number, seed * 32 + number));
        {
            std::latch all(threads);
            std::vector<std::jthread> running;
            for (const auto& worker : workers)
                running.emplace_back([&] {
                    all.arrive_and_wait();
                    for (unsigned step = 0; step < steps; ++step)
                        worker->step();
                });
        }
        ASSERT_EQ(store.check_invariants(), "");
        for (std::uint64_t key = 0; key < keys; ++key) {
            std::vector<Operation> history;
            for (const auto& worker : workers)
                history.insert(history.end(), worker->history[key].begin(), worker->history[key].end());
            const auto wrong = not_linearizable(history, GetParam().loss);
            ASSERT_FALSE(wrong) << "key " << key << ", " << threads << " threads, seed " << seed << ": " << *wrong;
        }
    }
};

TEST_P(History, is_one_that_a_register_for_each_key_could_have) {
    const auto seeds = effort(20, 200);
    for (std::uint64_t seed = 1; seed <= seeds; ++seed)
        for (const unsigned threads : {2U, 3U, 4U, 8U})
            ASSERT_NO_FATAL_FAILURE(check_one(threads, seed, 8'000 / threads));
}

INSTANTIATE_TEST_SUITE_P(Memory, History,
                         testing::Values(Setting{"strict_lru", Loss::never, "lru"},
                                         Setting{"strict_sieve", Loss::never, "sieve"},
                                         Setting{"strict_sieve_of_one_hash", Loss::never, "sieve", true},
                                         Setting{"bounded_sieve", Loss::for_good, "sieve"},
                                         Setting{"bounded_w_tinylfu", Loss::for_good, "w_tinylfu"},
                                         Setting{"bounded_clock_of_one_hash", Loss::for_good, "clock", true},
                                         Setting{"sliding_clock", Loss::seeming, "clock"}),
                         testing::PrintToStringParamName());

} // namespace
} // namespace tiercel::memory::test
