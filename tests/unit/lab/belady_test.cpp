#include "lab/belady.hpp"

#include "lab/position_set.hpp"
#include "made_traces.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace tiercel::lab::test {
namespace {

using testing::ElementsAre;

/// The most hits that any choice of victims gives, every miss being stored: all choices are tried.
class AllChoices {
public:
    AllChoices(const std::vector<std::uint32_t>& keys, std::size_t capacity) : keys_(keys), capacity_(capacity) {}

    std::uint64_t best(std::size_t at = 0, const std::set<std::uint32_t>& held = {}) {
        if (at == keys_.size()) return 0;
        if (held.contains(keys_[at])) return 1 + best(at + 1, held);
        const auto known = known_.find({at, held});
        if (known != known_.end()) return known->second;
        std::uint64_t most = 0;
        auto with = held;
        with.insert(keys_[at]);
        if (held.size() < capacity_) {
            most = best(at + 1, with);
        } else {
            for (const auto victim : held) {
                auto rest = with;
                rest.erase(victim);
                most = std::max(most, best(at + 1, rest));
            }
        }
        return known_[{at, held}] = most;
    }

private:
    const std::vector<std::uint32_t>& keys_;
    std::size_t capacity_;
    std::map<std::pair<std::size_t, std::set<std::uint32_t>>, std::uint64_t> known_;
};

/// The rule word for word, by looking through everything. Of entries without a next use, the last used leaves first.
std::uint64_t hits_by_the_rule(const RequestSequence& sequence, std::uint64_t capacity) {
    struct Held {
        std::uint32_t key;
        std::uint64_t size;
        std::size_t last_used;
    };
    std::vector<Held> held;
    std::uint64_t used = 0;
    std::uint64_t hits = 0;
    for (std::size_t at = 0; at < sequence.keys.size(); ++at) {
        const std::uint32_t key = sequence.keys[at];
        if (const auto found = std::ranges::find(held, key, &Held::key); found != held.end()) {
            found->last_used = at;
            ++hits;
            continue;
        }
        const auto farness = [&](const Held& entry) {
            const auto after = sequence.keys.begin() + static_cast<std::ptrdiff_t>(at);
            return std::pair(std::find(after, sequence.keys.end(), entry.key) - after, entry.last_used);
        };
        if (sequence.sizes[at] > capacity) continue;
        while (used + sequence.sizes[at] > capacity) {
            const auto victim = std::ranges::max_element(held, {}, farness);
            used -= victim->size;
            held.erase(victim);
        }
        held.push_back({key, sequence.sizes[at], at});
        used += sequence.sizes[at];
    }
    return hits;
}

std::uint64_t belady_hits(const RequestSequence& sequence, std::uint64_t capacity) {
    return run_belady(sequence, next_uses(sequence), capacity);
}

TEST(Belady, knows_the_next_use_of_each_request) {
    EXPECT_THAT(next_uses(trace_of_words("a b a c b a").sequence()), ElementsAre(2, 4, 5, 6, 6, 6));
}

TEST(Belady, matches_the_textbook) {
    // Silberschatz, Galvin, Gagne, "Operating System Concepts", page replacement: 9 faults of 20 with 3 frames.
    const Trace trace = trace_of_words("7 0 1 2 0 3 0 4 2 3 0 3 2 1 2 0 1 7 0 1");
    EXPECT_EQ(belady_hits(trace.sequence(), 3), 11u);
}

TEST(Belady, hits_as_often_as_the_best_of_all_choices) {
    for (std::uint64_t seed = 0; seed < 150; ++seed) {
        const Trace trace = random_trace(seed, 14, 3 + seed % 4);
        for (const std::size_t capacity : {1U, 2U, 3U})
            ASSERT_EQ(belady_hits(trace.sequence(), capacity), AllChoices(trace.keys, capacity).best())
                << "seed " << seed << ", capacity " << capacity;
    }
}

TEST(Belady, follows_its_rule_when_sizes_differ) {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        Trace trace = random_trace(seed, 300, 25);
        Random random(seed);
        std::vector<std::uint64_t> size_of_key(trace.unique_keys());
        for (auto& size : size_of_key)
            size = random.below(30); // 0 and too large for the smallest cache among them
        for (const auto key : trace.keys)
            trace.sizes.push_back(size_of_key[key]);
        for (const std::uint64_t capacity : {20U, 100U, 1000U})
            ASSERT_EQ(belady_hits(trace.sequence(), capacity), hits_by_the_rule(trace.sequence(), capacity))
                << "seed " << seed << ", capacity " << capacity;
    }
}

TEST(Belady, never_loses_by_more_room) {
    const Trace trace = generated_trace({.pattern = Pattern::mixed, .requests = 20'000, .keys = 2'000});
    std::uint64_t before = 0;
    for (std::uint64_t capacity = 1; capacity <= trace.unique_keys(); capacity *= 2) {
        const std::uint64_t hits = belady_hits(trace.sequence(), capacity);
        EXPECT_GE(hits, before);
        before = hits;
    }
    EXPECT_EQ(belady_hits(trace.sequence(), trace.unique_keys()), trace.requests() - trace.unique_keys());
}

TEST(PositionSet, finds_its_largest) {
    for (const std::size_t bound : {1U, 64U, 65U, 4'096U, 5'000U, 300'000U}) {
        PositionSet set(bound);
        std::set<std::size_t> wanted;
        Random random(bound);
        for (int step = 0; step < 2'000; ++step) {
            const std::size_t number = random.below(bound);
            if (random.below(2) == 0) {
                set.insert(number);
                wanted.insert(number);
            } else {
                set.erase(number);
                wanted.erase(number);
            }
            ASSERT_EQ(set.contains(number), wanted.contains(number));
            if (!wanted.empty()) {
                ASSERT_EQ(set.largest(), *wanted.rbegin());
            }
        }
    }
}

} // namespace
} // namespace tiercel::lab::test
