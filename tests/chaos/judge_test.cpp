#include "judge.hpp"

#include "fault_deck.hpp"
#include "settings.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <set>
#include <string>
#include <tuple>

namespace tiercel::chaos {

static void PrintTo(Verdict verdict, std::ostream* out) {
    *out << to_string(verdict);
}

namespace {

constexpr Nanos ms = 1'000'000;
constexpr Maker me{1, 1};
constexpr Maker other{2, 1};

/// Key 7 of cache 2, whose version 1 is from time 0, and version 2 from 100 ms on.
class Judge : public testing::Test {
protected:
    Judge() {
        commit(0);
        commit(100 * ms);
    }

    void commit(Nanos at) {
        const auto version = truth->claim();
        ASSERT_TRUE(truth->commit(version, version * 10, at));
    }
    static Facts facts(std::uint64_t version, Nanos made_at, Maker maker = other) {
        return {2, 7, version, version * 10, maker, made_at};
    }
    Verdict verdict(const std::string& value, Nanos began, std::uint64_t floor = 0, bool stale = false) const {
        return judged(value, began, floor, stale).verdict;
    }
    Judgement judged(const std::string& value, Nanos began, std::uint64_t floor = 0, bool stale = false) const {
        return judge({.cache = 2,
                      .key = 7,
                      .value = value,
                      .marked_stale = stale,
                      .began = began,
                      .own_floor = floor,
                      .reader = me},
                     *truth, bounds);
    }

    Bounds bounds{.life = 1'000 * ms, .keep = 500 * ms, .margin = 50 * ms};
    std::unique_ptr<KeyTruth> truth = std::make_unique<KeyTruth>();
};

TEST_F(Judge, finds_the_newest_version_right) {
    const auto judgement = judged(value_of(facts(2, 120 * ms)), 200 * ms);
    EXPECT_EQ(judgement.verdict, Verdict::right);
    EXPECT_EQ(judgement.age, 80 * ms);
    EXPECT_EQ(judgement.behind, 0);
}

TEST_F(Judge, finds_an_older_one_right_within_its_life_and_tells_how_far_it_is_behind) {
    const auto judgement = judged(value_of(facts(1, 90 * ms)), 300 * ms);
    EXPECT_EQ(judgement.verdict, Verdict::right);
    EXPECT_EQ(judgement.behind, 200 * ms);
}

TEST_F(Judge, notices_every_flipped_bit_and_every_missing_byte) {
    const auto value = value_of(facts(2, 120 * ms));
    for (std::size_t i = 0; i < value.size(); ++i) {
        auto damaged = value;
        damaged[i] = static_cast<char>(damaged[i] ^ 4);
        ASSERT_EQ(verdict(damaged, 200 * ms), Verdict::damaged) << i;
        ASSERT_EQ(verdict(value.substr(0, i), 200 * ms), Verdict::damaged) << i;
    }
    EXPECT_EQ(verdict(value + ".", 200 * ms), Verdict::damaged);
}

TEST_F(Judge, notices_another_keys_value_and_another_caches) {
    auto of_another = facts(2, 120 * ms);
    of_another.key = 8;
    EXPECT_EQ(verdict(value_of(of_another), 200 * ms), Verdict::wrong_key);
    of_another = facts(2, 120 * ms);
    of_another.cache = 1;
    EXPECT_EQ(verdict(value_of(of_another), 200 * ms), Verdict::wrong_key);
}

TEST_F(Judge, notices_versions_that_the_source_never_had) {
    EXPECT_EQ(verdict(value_of(facts(3, 120 * ms)), 200 * ms), Verdict::unknown) << "not yet";
    auto refused = facts(2, 120 * ms);
    refused.nonce = 5;
    EXPECT_EQ(verdict(value_of(refused), 200 * ms), Verdict::unknown) << "somebody else's version 2 is the source's";
    const auto lost = truth->claim();
    commit(150 * ms);
    EXPECT_FALSE(truth->commit(lost, lost * 10, 160 * ms)) << "the source has a later one";
    EXPECT_EQ(verdict(value_of(facts(lost, 120 * ms)), 200 * ms), Verdict::unknown);
}

TEST_F(Judge, wants_stale_values_marked_and_gone_after_keep) {
    const auto value = value_of(facts(2, 200 * ms));
    EXPECT_EQ(verdict(value, 1'250 * ms), Verdict::right) << "within the margin";
    EXPECT_EQ(verdict(value, 1'251 * ms), Verdict::not_marked);
    EXPECT_EQ(verdict(value, 1'251 * ms, 0, true), Verdict::right);
    EXPECT_EQ(verdict(value, 1'750 * ms, 0, true), Verdict::right);
    EXPECT_EQ(verdict(value, 1'751 * ms, 0, true), Verdict::past_its_life);
}

TEST_F(Judge, counts_the_life_of_a_value_that_was_put_from_when_the_source_took_it) {
    const auto waited_for_its_turn = facts(2, 10 * ms); // until 100 ms
    EXPECT_EQ(verdict(value_of(waited_for_its_turn), 1'150 * ms), Verdict::right);
    EXPECT_EQ(verdict(value_of(waited_for_its_turn), 1'151 * ms), Verdict::not_marked);
}

TEST_F(Judge, allows_nothing_of_the_process_itself_that_is_older_than_its_own_change) {
    EXPECT_EQ(verdict(value_of(facts(1, 90 * ms, me)), 200 * ms, 2), Verdict::undone);
    EXPECT_EQ(verdict(value_of(facts(1, 90 * ms, {me.client, me.life + 1})), 200 * ms, 2), Verdict::right)
        << "another process: this one before it was killed";
    EXPECT_EQ(verdict(value_of(facts(2, 120 * ms, me)), 200 * ms, 2), Verdict::right);
}

TEST_F(Judge, allows_what_others_loaded_to_come_late_unless_leases_keep_it_out) {
    const auto value = value_of(facts(1, 90 * ms));
    EXPECT_EQ(verdict(value, 200 * ms, 2), Verdict::right);
    EXPECT_TRUE(judged(value, 200 * ms, 2).undone_by_others);
    bounds.across_processes = true;
    EXPECT_EQ(verdict(value, 200 * ms, 2), Verdict::undone);
}

TEST_F(Judge, says_when_a_version_is_too_old_to_tell) {
    for (int i = 0; i < 200; ++i)
        commit(150 * ms);
    const auto judgement = judged(value_of(facts(2, 120 * ms)), 200 * ms);
    EXPECT_EQ(judgement.verdict, Verdict::right);
    EXPECT_TRUE(judgement.undecided);
}

TEST(FaultDeck, gives_the_same_faults_for_the_same_seed_and_all_kinds_in_each_turn) {
    const chaos::Run run{.seed = 5};
    FaultDeck one(run);
    FaultDeck same(run);
    const auto all_of = [](const Fault& fault) {
        return std::tuple(fault.number, fault.kind, fault.after, fault.lasts, fault.size, fault.client);
    };
    for (int turn = 0; turn < 3; ++turn) {
        std::set<FaultKind> kinds;
        for (std::size_t i = 0; i < fault_kind_count; ++i) {
            const auto fault = one.next();
            EXPECT_EQ(all_of(fault), all_of(same.next()));
            kinds.insert(fault.kind);
        }
        EXPECT_EQ(kinds.size(), fault_kind_count);
    }
    EXPECT_NE(all_of(FaultDeck({.seed = 6}).next()), all_of(FaultDeck(run).next()));
}

TEST(Settings, have_leases_stale_values_and_compression_in_all_combinations_within_two_seeds) {
    std::set<std::tuple<bool, bool, bool>> seen;
    for (const std::uint64_t seed : {8U, 9U}) {
        for (const auto& cache : settings_of({.seed = seed}))
            seen.insert({cache.leases, cache.keep.count() != 0, cache.compression});
    }
    EXPECT_EQ(seen.size(), 8U);
}

} // namespace
} // namespace tiercel::chaos
