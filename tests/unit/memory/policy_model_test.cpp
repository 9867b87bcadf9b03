// The policies that are more than an order of facts, each against its plain model: who leaves, over a million random
// operations with erasures, new values, and capacities that change.

#include "policy_models.hpp"
#include "test_entry.hpp"

#include "memory/policy.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace tiercel::memory::test {
namespace {

class Rehearsal {
public:
    Rehearsal(std::string_view name, std::size_t capacity)
        : policy_(eviction::named(name).value().kind().make()), model_(model_of(name)) {
        set_capacity(capacity);
    }

    ~Rehearsal() {
        while (!residents_.empty())
            erase(residents_.begin()->first);
    }

    void find(std::uint64_t key) {
        const auto at = residents_.find(key);
        if (at == residents_.end()) return;
        const Uses uses = policy_->uses();
        const bool counted = uses.count_to != 0 && at->second->count_use(uses.count_to);
        const bool is_sampled = counted && (at->second->hash & uses.sample) == 0;
        if (uses.told == Uses::Told::all || (uses.told == Uses::Told::some && is_sampled)) policy_->on_hit(*at->second);
        model_->hit(key);
    }

    /// Without a bound, `leaving` others make room.
    std::string insert(std::uint64_t key, std::size_t leaving) {
        EntryPtr fresh = make_entry({.key = key});
        if (const auto at = residents_.find(key); at != residents_.end()) {
            policy_->on_replace(*at->second, *fresh);
            at->second = fresh;
            return leaving > 1 ? evict(fresh.get()) : "";
        }
        policy_->prepare(fresh->hash);
        model_->prepare(key);
        if (capacity_ != 0) leaving = residents_.size() < capacity_ ? 0 : residents_.size() + 1 - capacity_;
        for (; leaving != 0; --leaving)
            if (std::string difference = evict(nullptr); !difference.empty()) return difference;
        policy_->on_insert(*fresh);
        model_->insert(key);
        residents_[key] = fresh;
        return {};
    }

    void erase(std::uint64_t key) {
        const auto at = residents_.find(key);
        if (at == residents_.end()) return;
        policy_->on_remove(*at->second, Exit::dropped);
        model_->drop(key);
        residents_.erase(at);
    }

    std::string set_capacity(std::size_t capacity) {
        capacity_ = capacity;
        policy_->set_capacity(capacity);
        model_->set_capacity(capacity);
        while (capacity != 0 && residents_.size() > capacity)
            if (std::string difference = evict(nullptr); !difference.empty()) return difference;
        return {};
    }

    std::string walk() const {
        std::map<const Entry*, int> seen;
        if (std::string broken = policy_->walk([&](const Entry& entry) { ++seen[&entry]; }); !broken.empty())
            return broken;
        for (const auto& [key, entry] : residents_)
            if (seen[entry.get()] != 1) return "an entry is not in its policy once";
        return seen.size() == residents_.size() ? "" : "the policy holds a stranger";
    }

    std::size_t residents() const { return residents_.size(); }

private:
    std::string evict(const Entry* spared) {
        Entry* const victim = policy_->victim(spared);
        const auto expected = model_->victim(spared == nullptr ? std::nullopt : std::optional(id_of(*spared)));
        if (victim == nullptr && !expected) return {};
        if (victim == nullptr || !expected) return "one of both finds nobody";
        const std::uint64_t key = id_of(*victim);
        if (key != *expected) return std::to_string(key) + " is to leave, and not " + std::to_string(*expected);
        policy_->on_remove(*victim, Exit::evicted);
        model_->evict(key);
        residents_.erase(key);
        return {};
    }

    std::unique_ptr<Policy> policy_;
    std::unique_ptr<PolicyModel> model_;
    std::size_t capacity_ = 0;
    std::map<std::uint64_t, EntryPtr> residents_;
};

class ModelledPolicies : public testing::TestWithParam<std::string_view> {};

/// Low keys more often, in phases of other keys, and now and then a scan.
class Keys {
public:
    explicit Keys(std::uint64_t most) : most_(most) {}

    std::uint64_t next() {
        const std::uint64_t bits = random_();
        if (++count_ % 20'000 == 0) phase_ = bits % 1000 * most_;
        if (count_ / 500 % 7 == 0) return 1'000'000'000 + count_ % (most_ / 2);
        return phase_ + std::min(bits % most_, (bits >> 32) % most_);
    }

private:
    const std::uint64_t most_;
    std::uint64_t count_ = 0;
    std::uint64_t phase_ = 0;
    std::mt19937_64 random_{7};
};

TEST_P(ModelledPolicies, evict_as_the_model_does_under_a_bound_that_changes) {
    Rehearsal rehearsal(GetParam(), 24);
    Keys keys(100);
    std::mt19937_64 random{20'240'301};
    for (int done = 0; done < 1'000'000; ++done) {
        const std::uint64_t kind = random() % 1000;
        const std::uint64_t key = keys.next();
        std::string difference;
        if (kind < 550) {
            rehearsal.find(key);
        } else if (kind < 960) {
            difference = rehearsal.insert(key, random() % 8 == 0 ? 2 : 0);
        } else {
            rehearsal.erase(key);
        }
        ASSERT_EQ(difference, "") << "operation " << done;
        if (done % 10'000 == 0) {
            ASSERT_EQ(rehearsal.set_capacity(1 + random() % 60), "") << "operation " << done;
        }
        if (done % 500 == 0) {
            ASSERT_EQ(rehearsal.walk(), "") << "operation " << done;
        }
    }
}

TEST_P(ModelledPolicies, evict_as_the_model_does_without_a_bound_by_entries) {
    Rehearsal rehearsal(GetParam(), 0);
    Keys keys(100);
    std::mt19937_64 random{20'240'302};
    for (int done = 0; done < 300'000; ++done) {
        const std::uint64_t kind = random() % 1000;
        const std::uint64_t key = keys.next();
        std::string difference;
        if (kind < 550) {
            rehearsal.find(key);
        } else if (kind < 960) {
            const std::size_t target = done / 20'000 % 2 == 0 ? 50 : 10; // it grows and shrinks
            difference = rehearsal.insert(key, rehearsal.residents() < target ? 0 : 1 + random() % 3);
        } else {
            rehearsal.erase(key);
        }
        ASSERT_EQ(difference, "") << "operation " << done;
        if (done % 500 == 0) {
            ASSERT_EQ(rehearsal.walk(), "") << "operation " << done;
        }
    }
}

TEST_P(ModelledPolicies, find_nobody_beside_the_one_to_spare) {
    const auto policy = eviction::named(GetParam()).value().kind().make();
    policy->set_capacity(3);
    EXPECT_EQ(policy->victim(nullptr), nullptr);
    const EntryPtr only = make_entry({.key = 1});
    policy->prepare(1);
    policy->on_insert(*only);
    EXPECT_EQ(policy->victim(only.get()), nullptr);
    EXPECT_EQ(policy->victim(nullptr), only.get());
    policy->on_remove(*only, Exit::dropped);
}

TEST_P(ModelledPolicies, do_not_wait_for_readers_who_use_everything_all_the_time) {
    // Uses that come back as soon as they are taken: the policy must settle on somebody. One thread stands for the
    // readers by setting all uses before each call.
    const auto policy = eviction::named(GetParam()).value().kind().make();
    policy->set_capacity(8);
    std::map<const Entry*, EntryPtr> residents;
    for (std::uint64_t key = 0; key < 8; ++key) {
        const EntryPtr entry = make_entry({.key = key});
        policy->prepare(key);
        policy->on_insert(*entry);
        residents[entry.get()] = entry;
    }
    while (!residents.empty()) {
        for (const auto& [at, entry] : residents)
            entry->set_uses(policy->uses().count_to);
        Entry* const victim = policy->victim(nullptr);
        ASSERT_TRUE(residents.contains(victim));
        policy->on_remove(*victim, Exit::evicted);
        residents.erase(victim);
    }
}

INSTANTIATE_TEST_SUITE_P(Memory, ModelledPolicies,
                         testing::Values("adaptive", "clock", "sieve", "s3_fifo", "arc", "w_tinylfu",
                                         "w_tinylfu_fixed"),
                         [](const auto& param) { return std::string(param.param); });

} // namespace
} // namespace tiercel::memory::test
