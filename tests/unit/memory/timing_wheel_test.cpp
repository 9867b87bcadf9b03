// The wheel alone, against a sorted list of deadlines.

#include "memory/timing_wheel.hpp"
#include "test_entry.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <random>
#include <set>

namespace tiercel::memory::test {
namespace {

constexpr Nanos tick = TimingWheel::tick;
constexpr Nanos second = 1'000'000'000;
constexpr Nanos century = second * 86'400 * 36'525;
constexpr std::uint32_t plenty = std::numeric_limits<std::uint32_t>::max();

/// A wheel, and the entries in it by deadline.
class WheelWithList {
public:
    explicit WheelWithList(Nanos origin) : wheel_(origin, {}), now_(origin) {}
    ~WheelWithList() {
        for (const auto& [deadline, entry] : entries_)
            wheel_.cancel(*entry);
    }

    void schedule(Nanos deadline) {
        EntryPtr entry = make_entry({.key = 0, .expires = deadline});
        wheel_.reserve_one();
        wheel_.schedule(*entry);
        entries_.emplace(deadline, std::move(entry));
    }

    void cancel_one(std::uint64_t choice) {
        if (entries_.empty()) return;
        const auto at = std::next(entries_.begin(), static_cast<std::ptrdiff_t>(choice % entries_.size()));
        wheel_.cancel(*at->second);
        entries_.erase(at);
    }

    /// Another entry with another deadline in the place of one.
    void replace_one(std::uint64_t choice, Nanos deadline) {
        if (entries_.empty()) return schedule(deadline);
        const auto at = std::next(entries_.begin(), static_cast<std::ptrdiff_t>(choice % entries_.size()));
        EntryPtr entry = make_entry({.key = 0, .expires = deadline});
        wheel_.replace(*at->second, *entry);
        entries_.erase(at);
        entries_.emplace(deadline, std::move(entry));
    }

    /// Takes all that is due, in steps of at most `budget`; the first violation, or empty.
    std::string turn_to(Nanos now, std::uint32_t budget) {
        now_ = now;
        for (std::uint32_t left = 0; left == 0;) {
            left = budget;
            while (Entry* const entry = wheel_.next_due(now, left)) {
                if (entry->expires > now) return "left before its deadline";
                if (!erase(*entry)) return "left twice, or never was in";
            }
        }
        if (!entries_.empty() && entries_.begin()->first <= now - tick) return "outlived its deadline by a tick";
        return {};
    }

    std::string check() const {
        std::size_t seen = 0;
        std::string broken = wheel_.walk([&](const Entry&) { ++seen; });
        return !broken.empty() ? broken : seen == entries_.size() ? "" : "the wheel holds another number of entries";
    }

    Nanos now() const { return now_; }
    std::size_t size() const { return entries_.size(); }

private:
    bool erase(const Entry& entry) {
        const auto [first, last] = entries_.equal_range(entry.expires);
        for (auto at = first; at != last; ++at) {
            if (at->second.get() != &entry) continue;
            entries_.erase(at);
            return true;
        }
        return false;
    }

    TimingWheel wheel_;
    Nanos now_;
    std::multimap<Nanos, EntryPtr> entries_;
};

void compare_at_random(Nanos origin, std::uint32_t budget) {
    std::mt19937_64 random(7);
    // Spans of every magnitude from below a tick to a century.
    const auto span = [&] { return static_cast<Nanos>(random() % (std::uint64_t{1} << (10 + random() % 52))); };
    WheelWithList both(origin);
    for (int step = 0; step < 300'000; ++step) {
        switch (random() % 8) {
        case 0:
            both.schedule(both.now() - static_cast<Nanos>(random() % 3) * tick); // overdue, or at this moment
            break;
        case 1:
            both.cancel_one(random() % 32);
            break;
        case 2:
        case 3: {
            const Nanos ahead = random() % 4096 == 0
                                    ? span()
                                    : static_cast<Nanos>(random() % (std::uint64_t{1} << (10 + random() % 24)));
            if (both.now() > never - century - ahead) return; // the end of time
            ASSERT_EQ(both.turn_to(both.now() + ahead, budget), "") << "step " << step;
            break;
        }
        case 4:
            both.replace_one(random() % 32, both.now() + std::min(span(), never - 1 - std::max<Nanos>(both.now(), 0)));
            break;
        default:
            if (const Nanos deadline = both.now() + std::min(span(), never - 1 - std::max<Nanos>(both.now(), 0));
                both.size() < 1000)
                both.schedule(deadline);
        }
        if (step % 1000 == 0) {
            ASSERT_EQ(both.check(), "") << "step " << step;
        }
    }
    ASSERT_EQ(both.turn_to(never, budget), "");
    EXPECT_EQ(both.size(), 0U);
}

TEST(TimingWheel, does_as_a_sorted_list_does) {
    compare_at_random(0, plenty);
}

TEST(TimingWheel, does_as_a_sorted_list_does_in_steps_of_one_entry) {
    compare_at_random(123'456'789, 1);
}

TEST(TimingWheel, does_as_a_sorted_list_does_from_a_time_before_zero) {
    compare_at_random(-century, plenty);
}

TEST(TimingWheel, gives_an_entry_at_its_deadline_and_not_before) {
    for (const Nanos deadline : {tick, 64 * tick, 4096 * tick, 4096 * tick * 64 * 64, century / tick * tick}) {
        WheelWithList both(0);
        both.schedule(deadline);
        EXPECT_EQ(both.turn_to(deadline - 1, plenty), "");
        EXPECT_EQ(both.size(), 1U) << deadline;
        EXPECT_EQ(both.turn_to(deadline, plenty), "");
        EXPECT_EQ(both.size(), 0U) << deadline;
    }
}

TEST(TimingWheel, jumps_over_a_century_at_once) {
    WheelWithList both(0);
    std::mt19937_64 random(1);
    for (int count = 0; count < 1000; ++count)
        both.schedule(static_cast<Nanos>(random() % century));
    EXPECT_EQ(both.turn_to(century, plenty), "");
    EXPECT_EQ(both.size(), 0U);
}

TEST(TimingWheel, keeps_deadlines_at_the_end_of_time_apart_from_never) {
    WheelWithList both(std::numeric_limits<Nanos>::min());
    both.schedule(never - tick);
    EXPECT_EQ(both.turn_to(never - tick - 1, plenty), "");
    EXPECT_EQ(both.size(), 1U);
    EXPECT_EQ(both.turn_to(never, plenty), "");
    EXPECT_EQ(both.size(), 0U);
}

TEST(TimingWheel, does_not_go_back_with_the_time_it_is_given) {
    WheelWithList both(0);
    both.schedule(10 * second);
    EXPECT_EQ(both.turn_to(9 * second, plenty), "");
    EXPECT_EQ(both.turn_to(second, plenty), "");
    both.schedule(2 * second);
    EXPECT_EQ(both.check(), "");
    EXPECT_EQ(both.turn_to(10 * second, plenty), "");
    EXPECT_EQ(both.size(), 0U);
}

TEST(TimingWheel, makes_progress_with_a_time_older_than_the_one_before) {
    constexpr Nanos deadline = 10 * tick - 1; // its slot is of the lowest level
    TimingWheel wheel(0, {});
    std::vector<EntryPtr> entries;
    for (int count = 0; count < 20; ++count) {
        entries.push_back(make_entry({.key = 0, .expires = deadline}));
        wheel.reserve_one();
        wheel.schedule(*entries.back());
    }
    std::uint32_t budget = 1;
    EXPECT_NE(wheel.next_due(deadline + 1, budget), nullptr); // it is draining their slot
    std::uint32_t left = 1000;
    while (wheel.next_due(deadline - 1, left) != nullptr) {
    }
    EXPECT_EQ(1000 - left, 19U);
    for (const EntryPtr& entry : entries)
        wheel.cancel(*entry);
}

TEST(TimingWheel, looks_at_no_more_entries_than_its_budget) {
    TimingWheel wheel(0, {});
    std::vector<EntryPtr> entries;
    for (int count = 0; count < 10; ++count) {
        entries.push_back(make_entry({.key = 0, .expires = second}));
        wheel.reserve_one();
        wheel.schedule(*entries.back());
    }
    std::uint32_t budget = 4;
    int due = 0;
    while (wheel.next_due(2 * second, budget) != nullptr)
        ++due;
    EXPECT_EQ(due, 4);
    EXPECT_EQ(budget, 0U);
    for (const EntryPtr& entry : entries)
        wheel.cancel(*entry);
}

TEST(TimingWheel, looks_at_an_entry_once_a_level_on_its_way) {
    TimingWheel wheel(0, {});
    const EntryPtr entry = make_entry({.key = 0, .expires = 3600 * second});
    wheel.reserve_one();
    wheel.schedule(*entry);
    std::uint32_t looks = 0;
    for (Nanos now = 0; entry->timer != 0; now += tick) {
        std::uint32_t budget = plenty;
        wheel.next_due(now, budget);
        looks += plenty - budget;
    }
    EXPECT_LE(looks, 8U);
}

TEST(TimingWheel, puts_off_an_entry_that_was_used) {
    TimingWheel wheel(0, {.after_access = 10 * second});
    const EntryPtr entry = make_entry({.key = 0});
    wheel.reserve_one();
    wheel.schedule(*entry);
    entry->last_used = 9 * second;
    std::uint32_t budget = plenty;
    EXPECT_EQ(wheel.next_due(19 * second - 1, budget), nullptr);
    EXPECT_EQ(wheel.next_due(19 * second + tick, budget), entry.get());
}

} // namespace
} // namespace tiercel::memory::test
