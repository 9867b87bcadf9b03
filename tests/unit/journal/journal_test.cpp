// The journal of pending writes, over real SQLite files.
#include "support/temp_dir.hpp"

#include <tiercel/journal.hpp>

#include <sqlite3.h>

#include <gtest/gtest.h>

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <string>
#include <tuple>
#include <unistd.h>
#include <vector>

namespace tiercel {
namespace {

using spi::JournalIdentity;
using spi::JournalRecord;
using JournalPtr = std::shared_ptr<spi::Journal>;

const JournalIdentity users{"users", 1, 42};

struct Journal : testing::Test {
    test::TempDir dir;
    const std::filesystem::path path = dir.path() / "pending.journal";
    using Records = std::vector<std::tuple<std::string, std::string, std::uint64_t>>;
    spi::JournalContents contents;

    JournalPtr open(const JournalOptions& options = {}) const {
        auto opened = open_journal(path, options);
        EXPECT_TRUE(opened) << (opened ? "" : opened.error().message());
        return opened ? *opened : nullptr;
    }
    Records records(const JournalPtr& journal, const JournalIdentity& identity = users) {
        Records found;
        const auto begun = journal->begin(identity, [&](const JournalRecord& record) {
            found.emplace_back(std::string(record.key), std::string(record.value), record.sequence);
        });
        EXPECT_TRUE(begun) << (begun ? "" : begun.error().message());
        if (begun) contents = *begun;
        return found;
    }
    static Result<void> append(const JournalPtr& journal, std::string_view key, std::string_view value,
                               std::uint64_t sequence) {
        const JournalRecord record{key, value, sequence};
        return journal->append({&record, 1});
    }
    static Result<void> remove(const JournalPtr& journal, std::string_view key, std::uint64_t sequence) {
        const spi::JournalRemoval removal{key, sequence};
        return journal->remove({&removal, 1});
    }
    /// Past the journal, while nobody has it.
    void sql(const std::string& statement) const {
        sqlite3* db = nullptr;
        ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
        EXPECT_EQ(sqlite3_exec(db, statement.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
        sqlite3_close(db);
    }
    void write_file(const std::string& bytes) const { std::ofstream(path, std::ios::binary) << bytes; }
};

TEST_F(Journal, a_new_one_is_empty) {
    EXPECT_TRUE(records(open()).empty());
    EXPECT_EQ(contents.last_sequence, 0u);
}

TEST_F(Journal, gives_what_was_appended_oldest_first_after_it_was_opened_again) {
    {
        const auto journal = open();
        records(journal);
        ASSERT_TRUE(append(journal, "b", "1", 1));
        const std::string binary("\0\xff", 2);
        ASSERT_TRUE(append(journal, binary, binary, 2));
        ASSERT_TRUE(append(journal, "a", "", 3));
        ASSERT_TRUE(append(journal, "b", "newer", 4));
    }
    const std::string binary("\0\xff", 2);
    EXPECT_EQ(records(open()), (Records{{binary, binary, 2}, {"a", "", 3}, {"b", "newer", 4}}));
    EXPECT_EQ(contents.last_sequence, 4u);
    EXPECT_EQ(contents.damaged, 0u);
}

TEST_F(Journal, removes_a_record_unless_it_is_newer) {
    const auto journal = open();
    records(journal);
    ASSERT_TRUE(append(journal, "old", "1", 1));
    ASSERT_TRUE(append(journal, "new", "2", 3));
    EXPECT_TRUE(remove(journal, "old", 1));
    EXPECT_TRUE(remove(journal, "new", 2));
    EXPECT_TRUE(remove(journal, "never there", 9));
    journal->end();
    EXPECT_EQ(records(journal), (Records{{"new", "2", 3}}));
}

TEST_F(Journal, belongs_to_one_cache_at_a_time) {
    const auto journal = open();
    records(journal);
    const auto second = journal->begin(users, [](const JournalRecord&) {});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error(), Errc::invalid_option);
    EXPECT_NE(second.error().message().find("in use by cache 'users'"), std::string::npos);
    journal->end();
    EXPECT_TRUE(records(journal).empty());
}

TEST_F(Journal, belongs_to_one_opener_at_a_time) {
    const auto first = open();
    const auto second = open_journal(path);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error(), Errc::connection_failed);
    EXPECT_NE(second.error().message().find("in use by another process"), std::string::npos)
        << second.error().message();
}

TEST_F(Journal, another_process_cannot_open_it_meanwhile) {
    const auto first = open();
    const auto child = ::fork();
    if (child == 0) ::_exit(open_journal(path) ? 0 : 7);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 7);
}

TEST_F(Journal, refuses_a_cache_that_its_records_are_not_of) {
    const auto journal = open();
    records(journal);
    ASSERT_TRUE(append(journal, "k", "v", 1));
    journal->end();
    for (const auto& other :
         {JournalIdentity{"orders", 1, 42}, JournalIdentity{"users", 2, 42}, JournalIdentity{"users", 1, 43}}) {
        const auto begun = journal->begin(other, [](const JournalRecord&) { ADD_FAILURE(); });
        ASSERT_FALSE(begun);
        EXPECT_EQ(begun.error(), Errc::invalid_option);
        EXPECT_NE(begun.error().message().find(path.string()), std::string::npos);
    }
    EXPECT_EQ(records(journal).size(), 1u);
}

TEST_F(Journal, an_empty_one_may_change_hands) {
    const auto journal = open();
    records(journal);
    ASSERT_TRUE(append(journal, "k", "v", 1));
    ASSERT_TRUE(remove(journal, "k", 1));
    journal->end();
    EXPECT_TRUE(records(journal, {"users", 1, 43}).empty()) << "a new layout, all of the old one written";
}

TEST_F(Journal, a_damaged_value_is_counted_and_skipped) {
    {
        const auto journal = open();
        records(journal);
        ASSERT_TRUE(append(journal, "a", "whole", 1));
        ASSERT_TRUE(append(journal, "b", "damaged", 2));
        ASSERT_TRUE(append(journal, "c", "whole too", 3));
    }
    sql("UPDATE records SET value = x'00' WHERE sequence = 2");
    EXPECT_EQ(records(open()), (Records{{"a", "whole", 1}, {"c", "whole too", 3}}));
    EXPECT_EQ(contents.damaged, 1u);
    EXPECT_EQ(contents.last_sequence, 3u);
}

TEST_F(Journal, a_damaged_sequence_is_not_gone_on_from) {
    for (const auto* damage : {"9223372036854775807", "-1"}) {
        {
            const auto journal = open();
            records(journal);
            ASSERT_TRUE(append(journal, "sound", "v", 7));
            ASSERT_TRUE(append(journal, "damaged", "v", 8));
        }
        sql("UPDATE records SET sequence = " + std::string(damage) + " WHERE key = CAST('damaged' AS BLOB)");
        const auto journal = open();
        EXPECT_EQ(records(journal), (Records{{"sound", "v", 7}}));
        EXPECT_EQ(contents.damaged, 1u);
        EXPECT_EQ(contents.last_sequence, 7u);
        ASSERT_TRUE(append(journal, "damaged", "new", 8)) << "takes the place of the damaged one";
        ASSERT_TRUE(remove(journal, "damaged", 8));
        journal->end();
        EXPECT_EQ(records(journal).size(), 1u);
        EXPECT_EQ(contents.damaged, 0u);
    }
}

TEST_F(Journal, a_sequence_that_its_file_cannot_hold_is_refused) {
    const auto journal = open();
    records(journal);
    const auto highest = std::uint64_t(std::numeric_limits<std::int64_t>::max());
    EXPECT_TRUE(append(journal, "k", "v", highest));
    const auto above = append(journal, "k", "v", highest + 1);
    ASSERT_FALSE(above);
    EXPECT_EQ(above.error(), Errc::writer_failed);
    EXPECT_TRUE(remove(journal, "k", highest + 1));
    journal->end();
    EXPECT_TRUE(records(journal).empty());
}

TEST_F(Journal, damaged_records_in_the_way_of_another_layout_are_told_with_how_to_be_rid_of_them) {
    {
        const auto journal = open();
        records(journal);
        for (std::uint64_t i = 1; i <= 3; ++i)
            ASSERT_TRUE(append(journal, std::to_string(i), "v", i));
    }
    sql("UPDATE records SET value = x'00' WHERE sequence = 2");
    const JournalIdentity newer{"users", 1, 43};
    {
        const auto begun = open()->begin(newer, [](const JournalRecord&) { ADD_FAILURE(); });
        ASSERT_FALSE(begun);
        const std::string message = begun.error().message();
        EXPECT_NE(message.find("3 writes, 1 of them damaged"), std::string::npos) << message;
        EXPECT_NE(message.find("'DELETE FROM records'"), std::string::npos) << message;
    }
    sql("DELETE FROM records");
    EXPECT_TRUE(records(open(), newer).empty());
}

TEST_F(Journal, a_file_of_garbage_is_refused) {
    write_file(std::string(10'000, 'x'));
    const auto opened = open_journal(path);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error(), Errc::corrupt);
    EXPECT_NE(opened.error().message().find("is no journal"), std::string::npos) << opened.error().message();
}

TEST_F(Journal, a_database_of_something_else_is_refused_and_left_alone) {
    sql("CREATE TABLE records(mine INTEGER); INSERT INTO records VALUES(1)");
    const auto opened = open_journal(path);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error(), Errc::corrupt);
    sql("UPDATE records SET mine = 2");
}

TEST_F(Journal, a_newer_version_is_refused) {
    open();
    sql("PRAGMA user_version = 2");
    const auto opened = open_journal(path);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error(), Errc::unsupported);
    EXPECT_NE(opened.error().message().find("version 2"), std::string::npos);
}

TEST_F(Journal, a_missing_folder_and_options_out_of_range_are_errors) {
    EXPECT_EQ(open_journal(dir.path() / "none" / "j").error(), Errc::connection_failed);
    EXPECT_EQ(open_journal("").error(), Errc::invalid_option);
    EXPECT_EQ(open_journal(path, {.max_bytes = 1'000}).error(), Errc::invalid_option);
}

TEST_F(Journal, a_full_one_fails_the_append_as_a_whole_and_goes_on_when_there_is_room) {
    const auto journal = open({.max_bytes = 64 << 10});
    records(journal);
    const std::string value(10'000, 'v');
    std::uint64_t sequence = 0;
    Result<void> last;
    while (sequence < 100 && (last = append(journal, std::to_string(sequence + 1), value, sequence + 1)))
        ++sequence;
    ASSERT_FALSE(last);
    EXPECT_EQ(last.error(), Errc::writer_failed);
    EXPECT_NE(last.error().message().find("JournalOptions::max_bytes"), std::string::npos);
    const std::vector<JournalRecord> some{{"small", "1", 200}, {"large", value, 201}};
    EXPECT_FALSE(journal->append(some));
    ASSERT_TRUE(remove(journal, "1", 1));
    EXPECT_TRUE(append(journal, "again", "v", 202));
    journal->end();
    EXPECT_EQ(records(journal).size(), sequence) << "neither of the two, one less, one more";
}

TEST_F(Journal, a_path_that_is_no_file_is_told_with_what_to_do) {
    const auto opened = open_journal(dir.path());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error(), Errc::connection_failed);
    EXPECT_NE(opened.error().message().find("give the path of a file"), std::string::npos) << opened.error().message();
}

TEST_F(Journal, a_file_that_may_only_be_read_is_a_failure_to_connect) {
    open();
    {
        std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
        file.seekp(18); // the version for writers: one that no SQLite knows makes the file read-only, for root too
        file.put(3);
    }
    const auto opened = open_journal(path);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error(), Errc::connection_failed) << opened.error().message();
    EXPECT_NE(opened.error().message().find("let this process write to the file"), std::string::npos)
        << opened.error().message();
}

TEST_F(Journal, an_error_of_the_disk_fails_the_append_and_says_what_to_do) {
    const auto journal = open();
    records(journal);
    struct ::rlimit before {};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const auto on_signal = std::signal(SIGXFSZ, SIG_IGN);
    const struct ::rlimit none { 0, before.rlim_max };
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &none), 0);
    const auto failed = append(journal, "k", "v", 1);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    std::signal(SIGXFSZ, on_signal);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error(), Errc::writer_failed);
    EXPECT_NE(failed.error().message().find("see to the disk"), std::string::npos) << failed.error().message();
    EXPECT_TRUE(append(journal, "k", "v", 2)) << "all is well again";
}

TEST_F(Journal, a_value_larger_than_sqlite_holds_is_refused_as_that) {
    const std::size_t size = 1'000'000'001;
    void* zeros =
        ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0); // of one page, shared
    ASSERT_NE(zeros, MAP_FAILED);
    const auto journal = open();
    records(journal);
    const auto refused = append(journal, "k", {static_cast<const char*>(zeros), size}, 1);
    ::munmap(zeros, size);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), Errc::value_too_large) << refused.error().message();
    EXPECT_TRUE(append(journal, "k", "v", 2));
}

TEST_F(Journal, bytes_flipped_anywhere_in_the_file_never_crash_it_nor_change_a_value) {
    std::map<std::string, std::string> truth;
    {
        const auto journal = open();
        records(journal);
        for (std::uint64_t i = 1; i <= 100; ++i) {
            const auto key = "key" + std::to_string(i);
            truth[key] = std::string(i * 3, static_cast<char>('a' + i % 26));
            ASSERT_TRUE(append(journal, key, truth[key], i));
        }
    }
    std::string whole(std::filesystem::file_size(path), '\0');
    std::ifstream(path, std::ios::binary).read(whole.data(), static_cast<std::streamsize>(whole.size()));
    std::uint64_t read = 0;
    for (std::size_t at = 0; at < whole.size(); at += 97) {
        auto bytes = whole;
        bytes[at] = static_cast<char>(bytes[at] ^ 0x5a);
        write_file(bytes);
        std::filesystem::remove(path.string() + "-wal");
        const auto opened = open_journal(path);
        if (!opened) continue;
        (void)(*opened)->begin(users, [&](const JournalRecord& record) {
            ++read;
            EXPECT_EQ(truth[std::string(record.key)], record.value) << at;
        });
    }
    EXPECT_GT(read, 1'000u);
}

} // namespace
} // namespace tiercel
