// An acknowledged write survives kill -9 at any instant.
#include "keeper.hpp"

#include "support/child_process.hpp"
#include "support/effort.hpp"
#include "support/temp_dir.hpp"
#include "support/wait_until.hpp"

#include <tiercel/codec.hpp>
#include <tiercel/journal.hpp>

#include <gtest/gtest.h>

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <string>

namespace tiercel::test {
namespace {

using Values = std::map<std::string, std::uint64_t>;

/// The lines of a file since it was last read; the last value of each key.
class Lines {
public:
    explicit Lines(std::filesystem::path path) : path_(std::move(path)) {}

    const Values& read() {
        std::ifstream file(path_, std::ios::binary);
        file.seekg(static_cast<std::streamoff>(at_));
        std::ostringstream rest;
        rest << file.rdbuf();
        const std::string text = rest.str();
        std::size_t begin = 0;
        for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
            std::istringstream line(text.substr(begin, end - begin));
            begin = end + 1;
            std::string key;
            std::uint64_t value = 0;
            if (!(line >> key >> value)) {
                ADD_FAILURE() << path_ << ": " << line.str();
                continue;
            }
            ++count_;
            auto& last = last_[key];
            if (value < last) ++backwards_;
            last = value;
        }
        at_ += begin;
        return last_;
    }
    std::uint64_t count() const { return count_; }
    std::uint64_t backwards() const { return backwards_; }

private:
    const std::filesystem::path path_;
    std::size_t at_ = 0;
    std::uint64_t count_ = 0;
    std::uint64_t backwards_ = 0; ///< lines with an older value than their key had
    Values last_;
};

struct Killed : testing::Test {
    TempDir dir;
    const std::filesystem::path journal = dir.path() / "journal";
    const std::filesystem::path source = dir.path() / "source";
    const std::filesystem::path output = dir.path() / "acknowledged";
    Lines written{source};
    Lines acknowledged{output};
    std::uint64_t kept = 0; ///< records found in the journal after a kill

    std::vector<std::string> command(std::uint64_t first, bool drains) const {
        std::vector<std::string> words{TIERCEL_KEEPER, journal.string(), source.string(), std::to_string(first)};
        if (drains) words.emplace_back("drain");
        return words;
    }
    bool drain() {
        ChildProcess child(command(0, true), output);
        return wait_until([&] { return !child.alive(); });
    }
    Values journalled() {
        Values values;
        const auto opened = open_journal(journal);
        EXPECT_TRUE(opened) << (opened ? "" : opened.error().message());
        if (!opened) return values;
        using Number = Codec<std::uint64_t>;
        const auto begun =
            (*opened)->begin({keeper_cache, Number::id, Number::schema()}, [&](const spi::JournalRecord& record) {
                values[std::string(record.key)] = Number::decode(record.value).value();
                ++kept;
            });
        EXPECT_TRUE(begun) << (begun ? "" : begun.error().message());
        EXPECT_EQ(begun ? begun->damaged : 0, 0u);
        return values;
    }
    /// Acknowledged writes that are neither in the source nor in the journal.
    std::uint64_t lost(const Values& in_journal) {
        std::uint64_t count = 0;
        const auto& in_source = written.read();
        for (const auto& [key, value] : acknowledged.read()) {
            const auto at_source = in_source.find(key);
            const auto at_journal = in_journal.find(key);
            const bool is_there = (at_source != in_source.end() && at_source->second >= value) ||
                                  (at_journal != in_journal.end() && at_journal->second >= value);
            if (!is_there) ++count;
        }
        return count;
    }
};

TEST_F(Killed, acknowledged_writes_survive_kill_9_at_any_instant) {
    const auto cycles = effort(30, 1'000);
    std::mt19937_64 random(20'261'123);
    const auto began = std::chrono::steady_clock::now();
    std::uint64_t lost_in_all = 0;
    for (std::uint64_t cycle = 0; cycle < cycles; ++cycle) {
        const auto acknowledged_before = acknowledged.count();
        {
            ChildProcess child(command((cycle + 1) * 10'000'001, false), output);
            // Sometimes before the first acknowledgement, mostly in the middle of the traffic.
            if (random() % 8 != 0) {
                ASSERT_TRUE(wait_until([&] {
                    acknowledged.read();
                    return acknowledged.count() > acknowledged_before || !child.alive();
                }));
                ASSERT_TRUE(child.alive()) << std::ifstream(output).rdbuf();
            }
            ::poll(nullptr, 0, static_cast<int>(random() % 20));
            child.kill9();
        }
        Values in_journal;
        if (cycle % 4 == 3) {
            ASSERT_TRUE(drain());
        } else if (std::filesystem::exists(journal)) {
            in_journal = journalled();
        }
        const auto lost_now = lost(in_journal);
        EXPECT_EQ(lost_now, 0u) << "in cycle " << cycle;
        lost_in_all += lost_now;
    }
    ASSERT_TRUE(drain());
    EXPECT_EQ(lost({}), 0u);
    EXPECT_TRUE(journalled().empty()) << "all is written";
    EXPECT_EQ(written.backwards(), 0u) << "no key went back to an older value";
    EXPECT_GT(kept, 0u) << "the kills came when nothing was pending: they have shown nothing";
    const auto took = std::chrono::steady_clock::now() - began;
    std::printf("%llu kill -9 cycles in %lld ms: %llu acknowledged, %llu written, %llu found pending; lost: %llu\n",
                static_cast<unsigned long long>(cycles),
                static_cast<long long>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()),
                static_cast<unsigned long long>(acknowledged.count()), static_cast<unsigned long long>(written.count()),
                static_cast<unsigned long long>(kept), static_cast<unsigned long long>(lost_in_all));
}

} // namespace
} // namespace tiercel::test
