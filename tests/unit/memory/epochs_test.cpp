// When what was retired is freed: not while a pin is held that could see it, and then soon.

#include "fated_entry.hpp"
#include "memory/epochs.hpp"

#include <gtest/gtest.h>

#include <latch>
#include <memory>
#include <thread>

namespace tiercel::memory::test {
namespace {

class EpochsTest : public testing::Test {
protected:
    EpochsTest() { Epochs::collect(); }

    /// Published, as the last owner of some entries would, and let go.
    void retire(int count) {
        for (int i = 0; i < count; ++i) {
            const EntryPtr entry(new FatedEntry(1, 1, fates));
            entry->publish();
        }
    }

    Fates fates;
};

/// A thread with a pin, from its construction until it is let go.
class Pinned {
public:
    Pinned() : thread_([this] { hold(); }) { is_pinned_.wait(); }
    ~Pinned() { let_go(); }
    void let_go() {
        if (!thread_.joinable()) return;
        end_.count_down();
        thread_.join();
    }

private:
    void hold() {
        const Epochs::Pin pin;
        is_pinned_.count_down();
        end_.wait();
    }
    std::latch is_pinned_{1};
    std::latch end_{1};
    std::thread thread_;
};

TEST_F(EpochsTest, without_a_pin_the_dead_are_freed_by_the_next_collection) {
    retire(3);
    EXPECT_EQ(fates.destroyed, 3);
    EXPECT_EQ(fates.freed, 0);
    EXPECT_EQ(Epochs::waiting(), 3U);
    Epochs::collect();
    EXPECT_EQ(fates.freed, 3);
    EXPECT_EQ(Epochs::waiting(), 0U);
}

TEST_F(EpochsTest, what_was_never_published_is_freed_at_once) {
    EntryPtr(new FatedEntry(1, 1, fates)).reset();
    EXPECT_EQ(fates.destroyed, 1);
    EXPECT_EQ(fates.freed, 1);
    EXPECT_EQ(Epochs::waiting(), 0U);
}

TEST_F(EpochsTest, nothing_is_freed_while_another_thread_has_an_older_pin) {
    Pinned reader;
    retire(3);
    for (int time = 0; time < 10; ++time)
        Epochs::collect();
    EXPECT_EQ(fates.destroyed, 3) << "contents do not wait";
    EXPECT_EQ(fates.freed, 0);
    reader.let_go();
    Epochs::collect();
    EXPECT_EQ(fates.freed, 3);
}

TEST_F(EpochsTest, a_younger_pin_holds_up_nothing_older) {
    retire(3);
    Pinned older; // of an epoch that cannot be told from that of the dead
    retire(3);
    Epochs::collect(); // the next epoch
    const int freed_before = fates.freed;
    Pinned younger;
    older.let_go();
    retire(2);
    Epochs::collect();
    EXPECT_LE(freed_before, 3);
    EXPECT_EQ(fates.freed, 6);
    younger.let_go();
    Epochs::collect();
    EXPECT_EQ(fates.freed, 8);
}

TEST_F(EpochsTest, pins_of_one_thread_nest_and_the_outermost_counts) {
    {
        const Epochs::Pin outer;
        {
            const Epochs::Pin inner;
            retire(1);
            EXPECT_EQ(inner.thread_number(), outer.thread_number());
        }
        Epochs::collect();
        { const Epochs::Pin again; }
        Epochs::collect();
        EXPECT_EQ(fates.freed, 0);
    }
    Epochs::collect();
    EXPECT_EQ(fates.freed, 1);
}

TEST_F(EpochsTest, retiring_collects_now_and_then_by_itself) {
    retire(10'000);
    EXPECT_GT(fates.freed, 9'000);
    Pinned reader;
    retire(10'000);
    EXPECT_LE(fates.freed, 10'000);
    reader.let_go();
    retire(20'000); // what piled up goes too
    EXPECT_GT(fates.freed, 39'000);
    Epochs::collect();
    EXPECT_EQ(fates.freed, 40'000);
}

TEST_F(EpochsTest, a_thread_that_ends_frees_what_it_can_and_leaves_the_rest_to_its_successor) {
    std::thread([&] { retire(3); }).join();
    EXPECT_EQ(fates.freed, 3);

    auto pin = std::make_unique<Epochs::Pin>();
    std::thread([&] { retire(3); }).join();
    EXPECT_EQ(fates.freed, 3);
    EXPECT_EQ(Epochs::waiting(), 0U);
    pin.reset();
    std::size_t inherited = 0;
    std::thread([&] {
        inherited = Epochs::waiting();
        Epochs::collect();
    }).join();
    EXPECT_EQ(inherited, 3U);
    EXPECT_EQ(fates.freed, 6);
}

TEST_F(EpochsTest, living_threads_have_different_numbers_and_ended_ones_give_theirs_back) {
    const auto number = [] { return Epochs::Pin().thread_number(); };
    const auto mine = number();
    std::size_t first = mine;
    std::thread([&] { first = number(); }).join();
    EXPECT_NE(first, mine);
    for (int time = 0; time < 3; ++time) {
        std::size_t next = mine;
        std::thread([&] { next = number(); }).join();
        EXPECT_EQ(next, first);
    }
}

TEST_F(EpochsTest, an_object_is_freed_after_the_pins_that_could_see_it) {
    struct Object final : Epochs::Object {
        explicit Object(int& counter) : count(counter) {}
        ~Object() override { ++count; }
        int& count;
    };
    int freed = 0;
    const auto retire_one = [&] { Epochs::retire(std::make_unique<Object>(freed)); };
    retire_one();
    EXPECT_EQ(freed, 1);
    Pinned reader;
    retire_one();
    retire_one();
    EXPECT_EQ(freed, 1);
    reader.let_go();
    retire_one(); // the next one takes the others along
    EXPECT_EQ(freed, 4);
}

TEST_F(EpochsTest, a_dead_entry_cannot_be_acquired) {
    Pinned reader;
    EntryPtr entry(new FatedEntry(1, 1, fates));
    entry->publish();
    const detail::Entry* const seen = entry.get();
    EXPECT_TRUE(seen->try_acquire());
    entry.reset();
    EXPECT_EQ(fates.destroyed, 0);
    intrusive_ptr_release(seen);
    EXPECT_EQ(fates.destroyed, 1);
    EXPECT_FALSE(seen->try_acquire());
    EXPECT_FALSE(seen->try_acquire());
    EXPECT_EQ(fates.destroyed, 1);
    reader.let_go();
    Epochs::collect();
    EXPECT_EQ(fates.freed, 1);
}

} // namespace
} // namespace tiercel::memory::test
