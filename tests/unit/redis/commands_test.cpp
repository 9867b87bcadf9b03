#include "commands.hpp"

#include <gtest/gtest.h>
#include <hiredis/hiredis.h>

#include <array>
#include <random>
#include <vector>

namespace tiercel::redis {
namespace {

TEST(Commands, are_arrays_of_bulk_strings_of_any_bytes) {
    Commands commands;
    const std::array<BytesView, 2> get{"GET", BytesView("a\r\n\0b", 5)};
    const std::array<BytesView, 1> ping{"PING"};
    commands.add(get);
    commands.add(ping);
    EXPECT_EQ(commands.count(), 2U);
    EXPECT_EQ(commands.bytes(), Bytes("*2\r\n$3\r\nGET\r\n$5\r\na\r\n\0b\r\n*1\r\n$4\r\nPING\r\n", 38));
}

TEST(Commands, take_empty_words_without_data) {
    Commands commands;
    const std::array<BytesView, 2> words{"GET", BytesView()};
    commands.add(words);
    EXPECT_EQ(commands.bytes(), "*2\r\n$3\r\nGET\r\n$0\r\n\r\n");
}

TEST(Commands, are_what_hiredis_makes_of_the_words) {
    std::mt19937 random(7);
    for (int round = 0; round < 200; ++round) {
        std::vector<Bytes> words(1 + random() % 20);
        for (auto& word : words) {
            word.resize(random() % (round % 50 == 0 ? 200'000U : 120U));
            for (auto& byte : word)
                byte = static_cast<char>(random());
        }
        std::vector<const char*> data;
        std::vector<std::size_t> sizes;
        for (const auto& word : words) {
            data.push_back(word.data());
            sizes.push_back(word.size());
        }
        char* text = nullptr;
        const int size = redisFormatCommandArgv(&text, static_cast<int>(words.size()), data.data(), sizes.data());
        ASSERT_GT(size, 0);
        Commands commands;
        commands.add(std::vector<BytesView>(words.begin(), words.end()));
        const bool same = commands.bytes() == BytesView(text, static_cast<std::size_t>(size));
        redisFreeCommand(text);
        ASSERT_TRUE(same) << "seed 7, round " << round;
    }
}

TEST(Commands, are_found_again_one_by_one) {
    Commands commands;
    const std::array<BytesView, 2> get{"GET", "a"};
    const std::array<BytesView, 3> mget{"MGET", "b", "c"};
    commands.add(get, 7);
    commands.add(mget, 9, 2);
    EXPECT_EQ(commands.bytes(0), "*2\r\n$3\r\nGET\r\n$1\r\na\r\n");
    EXPECT_EQ(commands.bytes(1), "*3\r\n$4\r\nMGET\r\n$1\r\nb\r\n$1\r\nc\r\n");
    EXPECT_EQ(commands.slot(0), 7);
    EXPECT_EQ(commands.slot(1), 9);
    EXPECT_FALSE(commands.has_several_keys(0));
    EXPECT_TRUE(commands.has_several_keys(1));
}

TEST(Commands, can_be_taken_in_part) {
    Commands commands;
    for (const char* key : {"a", "b", "c"}) {
        const std::array<BytesView, 2> get{"GET", key};
        commands.add(get, static_cast<Slot>(*key));
    }
    const std::array<std::size_t, 2> places{0, 2};
    const auto some = commands.only(places);
    ASSERT_EQ(some.count(), 2U);
    EXPECT_EQ(some.bytes(0), commands.bytes(0));
    EXPECT_EQ(some.bytes(1), commands.bytes(2));
    EXPECT_EQ(some.bytes(), "*2\r\n$3\r\nGET\r\n$1\r\na\r\n*2\r\n$3\r\nGET\r\n$1\r\nc\r\n");
    EXPECT_EQ(some.slot(1), 'c');
}

} // namespace
} // namespace tiercel::redis
