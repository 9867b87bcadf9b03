// The table of one shard, by hand: buckets that overflow, slots used again, growth under readers.

#include "memory/table.hpp"
#include "test_entry.hpp"

#include "support/effort.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <latch>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace tiercel::memory::test {
namespace {

using tiercel::test::effort;

class TableTest : public testing::Test {
protected:
    static constexpr std::uint64_t one_hash = 42;

    void insert(std::uint64_t key, std::uint64_t hash, std::uint64_t version = 0) {
        table.reserve_one();
        table.insert(make(key, hash, version));
    }
    static EntryPtr make(std::uint64_t key, std::uint64_t hash, std::uint64_t version = 0) {
        EntryPtr entry = make_entry({.key = key, .version = version}, hash);
        entry->publish();
        return entry;
    }
    EntryPtr find(std::uint64_t key, std::uint64_t hash) const {
        const Epochs::Pin pin;
        return table.find({hash, &key});
    }
    bool take(std::uint64_t key, std::uint64_t hash) {
        Entry* const entry = table.held({hash, &key});
        return entry != nullptr && table.take(*entry).get() == entry;
    }

    Table table{holds_id, 0};
};

TEST_F(TableTest, an_empty_one_holds_nothing) {
    EXPECT_EQ(find(1, one_hash), nullptr);
    EXPECT_EQ(table.size(), 0U);
    EXPECT_EQ(table.held({one_hash, &one_hash}), nullptr);
}

TEST_F(TableTest, keys_of_one_hash_overflow_and_are_all_found_whichever_leave) {
    constexpr std::uint64_t keys = 100;
    for (std::uint64_t key = 0; key < keys; ++key)
        insert(key, one_hash, key);
    for (std::uint64_t key = 0; key < keys; key += 2)
        EXPECT_TRUE(take(key, one_hash));
    for (std::uint64_t key = 0; key < keys; ++key)
        ASSERT_EQ(find(key, one_hash) != nullptr, key % 2 == 1) << key;
    for (std::uint64_t key = 0; key < keys; key += 2)
        insert(key, one_hash, key + 1000);
    for (std::uint64_t key = 0; key < keys; ++key)
        ASSERT_EQ(find(key, one_hash)->version, key % 2 == 1 ? key : key + 1000);
    EXPECT_EQ(table.size(), keys);
}

TEST_F(TableTest, what_overflowed_is_found_after_the_full_bucket_emptied) {
    insert(0, one_hash);
    for (std::uint64_t key = 1; key < 20; ++key)
        insert(key, one_hash);
    for (std::uint64_t key = 0; key < 19; ++key)
        EXPECT_TRUE(take(key, one_hash));
    EXPECT_NE(find(19, one_hash), nullptr);
    EXPECT_TRUE(take(19, one_hash));
    EXPECT_EQ(find(19, one_hash), nullptr);
}

TEST_F(TableTest, more_may_stand_beyond_a_bucket_than_it_can_count) {
    constexpr std::uint64_t keys = 1'000; // some 990 beyond the first bucket, which counts to 255
    for (std::uint64_t key = 0; key < keys; ++key)
        insert(key, one_hash);
    for (std::uint64_t key = 0; key < keys; ++key)
        ASSERT_NE(find(key, one_hash), nullptr) << key;
    for (std::uint64_t key = 0; key + 1 < keys; ++key)
        ASSERT_TRUE(take(key, one_hash)) << key;
    EXPECT_NE(find(keys - 1, one_hash), nullptr) << "the counter forgot it";
    EXPECT_TRUE(take(keys - 1, one_hash));
    EXPECT_EQ(table.size(), 0U);
}

TEST_F(TableTest, the_last_bucket_overflows_into_the_first) {
    constexpr std::uint64_t last = ~std::uint64_t{0};
    for (std::uint64_t key = 0; key < 50; ++key)
        insert(key, last);
    for (std::uint64_t key = 50; key < 60; ++key)
        insert(key, 1);
    for (std::uint64_t key = 0; key < 60; ++key)
        ASSERT_NE(find(key, key < 50 ? last : 1), nullptr) << key;
}

TEST_F(TableTest, tags_that_are_alike_do_not_mislead) {
    // 0 is written as 1; matches() may also name the slot above a match whose tag differs from it in the lowest bit.
    for (std::uint64_t tag = 0; tag < 256; ++tag)
        insert(tag, tag);
    for (std::uint64_t tag = 0; tag < 256; ++tag) {
        ASSERT_NE(find(tag, tag), nullptr) << tag;
        ASSERT_EQ(find(tag, tag ^ 1), nullptr) << tag;
        ASSERT_EQ(find(tag, tag | 0x100), nullptr) << tag;
    }
}

TEST_F(TableTest, a_slot_is_used_again) {
    insert(1, one_hash);
    const auto before = table.bytes();
    for (std::uint64_t key = 2; key < 10'000; ++key) {
        insert(key, one_hash);
        EXPECT_TRUE(take(key, one_hash));
        EXPECT_EQ(find(key, one_hash), nullptr);
    }
    EXPECT_EQ(table.bytes(), before) << "it grew without need";
    EXPECT_NE(find(1, one_hash), nullptr);
}

TEST_F(TableTest, a_new_value_is_exchanged_in_place) {
    insert(1, one_hash, 1);
    const std::uint64_t key = 1;
    Entry* const old = table.held({one_hash, &key});
    const EntryPtr gone = table.exchange(*old, make(1, one_hash, 2));
    EXPECT_EQ(gone->version, 1U);
    EXPECT_EQ(find(1, one_hash)->version, 2U);
    EXPECT_EQ(table.size(), 1U);
    EXPECT_TRUE(take(1, one_hash));
    EXPECT_EQ(find(1, one_hash), nullptr);
}

TEST_F(TableTest, where_a_key_stands_cannot_be_foretold) {
    const auto order = [] {
        Table some(holds_id, 0);
        for (std::uint64_t key = 0; key < 200; ++key) {
            some.reserve_one();
            some.insert(make(key, key)); // alike in all but the lowest bits
        }
        std::vector<std::uint64_t> keys;
        some.for_each([&](const Entry& entry) { keys.push_back(id_of(entry)); });
        return keys;
    };
    const auto once = order();
    const auto again = order();
    EXPECT_NE(once, again);
    EXPECT_TRUE(std::ranges::is_permutation(once, again));
}

TEST_F(TableTest, a_look_up_from_a_place_of_before_the_growth_sees_what_was_there_then) {
    const std::uint64_t keys[] = {1, 900};
    insert(1, hash_of(keys[0]));
    const Epochs::Pin pin;
    const auto place = table.place_of(hash_of(keys[0]));
    const auto place_of_none = table.place_of(hash_of(keys[1]));
    for (std::uint64_t key = 2; key < 1'000; ++key)
        insert(key, hash_of(key));
    place.prefetch();
    EXPECT_NE(table.find({hash_of(keys[0]), &keys[0]}, place.candidate()), nullptr);
    const Entry* const stranger = place_of_none.candidate(); // of the same place, by chance
    EXPECT_TRUE(stranger == nullptr || id_of(*stranger) != keys[1]) << "it came after the growth";
    EXPECT_NE(table.find({hash_of(keys[1]), &keys[1]}, place_of_none.candidate()), nullptr) << "looks again";

    ASSERT_TRUE(take(1, hash_of(keys[0]))); // it dies; the old array still points to it
    EXPECT_EQ(table.find({hash_of(keys[0]), &keys[0]}, place.candidate()), nullptr);
    insert(1, hash_of(keys[0]), 7);
    const EntryPtr found =
        table.find({hash_of(keys[0]), &keys[0]}, place.candidate()); // meets the dead one and looks again
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->version, 7U);
}

TEST_F(TableTest, a_drained_or_swapped_one_is_empty_and_works) {
    for (std::uint64_t key = 0; key < 100; ++key)
        insert(key, hash_of(key));
    Table other(holds_id, 0);
    table.swap(other);
    EXPECT_EQ(table.size(), 0U);
    EXPECT_EQ(other.size(), 100U);
    const std::uint64_t five = 5;
    EXPECT_EQ(find(five, hash_of(five)), nullptr);
    int drained = 0;
    other.drain([&](const EntryPtr& entry) { drained += entry != nullptr ? 1 : 0; });
    EXPECT_EQ(drained, 100);
    EXPECT_EQ(other.size(), 0U);
    insert(five, hash_of(five));
    EXPECT_NE(find(five, hash_of(five)), nullptr);
}

TEST_F(TableTest, does_what_a_map_does) {
    std::mt19937_64 random(1);
    std::map<std::uint64_t, std::uint64_t> model;
    const auto hash = [](std::uint64_t key) { return hash_of(key % 2 == 0 ? key : key % 32); }; // some in common
    const auto steps = effort(200'000, 2'000'000);
    for (std::uint64_t step = 1; step <= steps; ++step) {
        const std::uint64_t key = random() % 400;
        const EntryPtr found = find(key, hash(key));
        const auto known = model.find(key);
        ASSERT_EQ(found != nullptr, known != model.end()) << "step " << step;
        if (found == nullptr) {
            insert(key, hash(key), step);
            model[key] = step;
            continue;
        }
        ASSERT_EQ(found->version, known->second) << "step " << step;
        if (random() % 2 == 0) {
            ASSERT_EQ(table.take(*found), found);
            model.erase(known);
        } else {
            ASSERT_EQ(table.exchange(*found, make(key, hash(key), step)), found);
            known->second = step;
        }
        ASSERT_EQ(table.size(), model.size());
    }
}

TEST_F(TableTest, readers_find_throughout_what_stays_while_the_rest_comes_goes_and_grows) {
    constexpr std::uint64_t staying = 64;
    constexpr std::uint64_t most = 5'000;
    const auto hash = [](std::uint64_t key) { return key % 4 == 0 ? one_hash + key % 16 : hash_of(key); };
    const auto rounds = effort(10, 50);
    for (std::uint64_t round = 0; round < rounds; ++round) {
        Table shared(holds_id, 0);
        const auto add = [&](std::uint64_t key, std::uint64_t version) {
            shared.reserve_one();
            shared.insert(make(key, hash(key), version));
        };
        for (std::uint64_t key = 0; key < staying; ++key)
            add(key, 0);
        std::atomic<bool> done{false};
        std::latch ready(4);
        std::atomic<std::uint64_t> missed{0};
        std::atomic<std::uint64_t> wrong{0};
        std::vector<std::jthread> readers;
        for (unsigned number = 0; number < 3; ++number)
            readers.emplace_back([&, number] {
                std::mt19937_64 random(number);
                std::array<std::uint64_t, staying> last{};
                ready.arrive_and_wait();
                while (!done.load()) {
                    const std::uint64_t key = random() % staying;
                    const Epochs::Pin pin;
                    const EntryPtr found = shared.find({hash(key), &key});
                    if (found == nullptr) {
                        ++missed;
                        continue;
                    }
                    if (id_of(*found) != key || found->version < last[key]) ++wrong;
                    last[key] = found->version;
                }
            });
        std::mt19937_64 random(round);
        ready.arrive_and_wait();
        for (std::uint64_t key = staying; key < most; ++key) {
            add(key, 0);
            const std::uint64_t renewed = random() % staying;
            shared.exchange(*shared.held({hash(renewed), &renewed}), make(renewed, hash(renewed), key));
            const std::uint64_t gone = staying + random() % (key - staying + 1);
            if (Entry* const entry = shared.held({hash(gone), &gone}); entry != nullptr && random() % 4 != 0)
                shared.take(*entry);
        }
        done = true;
        readers.clear();
        ASSERT_EQ(missed.load(), 0U) << "keys that were there throughout";
        ASSERT_EQ(wrong.load(), 0U);
    }
}

// Keys that differ in the last byte only ----------------------------------------------------------------------------

class TextEntry final : public detail::Entry {
public:
    explicit TextEntry(std::string text) : Entry(hash_of(text)), text_(std::move(text)) { has_value_ = true; }
    const void* key() const noexcept override { return &text_; }
    std::size_t block_bytes() const noexcept override { return sizeof(*this); }

private:
    void destroy_contents() noexcept override { text_ = {}; }
    std::string text_;
};

bool holds_text(const detail::Entry& entry, const void* key) noexcept {
    return *static_cast<const std::string*>(entry.key()) == *static_cast<const std::string*>(key);
}

TEST(TableOfTexts, tells_apart_keys_equal_but_for_the_last_byte) {
    Table texts(holds_text, 0);
    const auto text = [](int last) { return std::string(200, 'k') + static_cast<char>(last); };
    const auto find = [&](const std::string& key) {
        const Epochs::Pin pin;
        return texts.find({hash_of(key), &key});
    };
    for (int last = 0; last < 256; last += 2) {
        EntryPtr entry(new TextEntry(text(last)));
        entry->publish();
        texts.reserve_one();
        texts.insert(std::move(entry));
    }
    for (int last = 0; last < 256; ++last) {
        const EntryPtr found = find(text(last));
        ASSERT_EQ(found != nullptr, last % 2 == 0) << last;
        if (found != nullptr) {
            EXPECT_EQ(*static_cast<const std::string*>(found->key()), text(last));
        }
    }
}

} // namespace
} // namespace tiercel::memory::test
