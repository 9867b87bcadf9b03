#include "sqlite_journal.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace tiercel::journal {

namespace {

constexpr std::int64_t application_id = 0x7463'6a6c; // "tcjl"
constexpr std::int64_t page_bytes = 4'096;
constexpr std::uint64_t least_bytes = std::uint64_t{64} << 10;
constexpr auto highest_sequence = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

constexpr const char* select_records = "SELECT key, sequence, value, checksum FROM records ORDER BY sequence";

std::int64_t checksum(const spi::JournalRecord& record) {
    auto hash = XXH3_64bits_withSeed(record.key.data(), record.key.size(), record.sequence);
    hash = XXH3_64bits_withSeed(record.value.data(), record.value.size(), hash);
    return static_cast<std::int64_t>(hash);
}

/// Of a row of select_records; lasts until the next step.
spi::JournalRecord record_of(const Statement& row) {
    return {row.bytes(0), row.bytes(2), static_cast<std::uint64_t>(row.number(1))};
}

bool is_whole(const Statement& row) {
    const auto record = record_of(row);
    return record.sequence <= highest_sequence && checksum(record) == row.number(3);
}

/// What is pending there and what of it is damaged, in words.
Result<std::string> tell_of_records(Database& database) {
    auto rows = Statement::prepare(database, select_records);
    if (!rows) return rows.error();
    std::uint64_t records = 0;
    std::uint64_t damaged = 0;
    for (;;) {
        const auto row = rows->step();
        if (!row) return row.error();
        if (!*row) break;
        ++records;
        if (!is_whole(*rows)) ++damaged;
    }
    auto told = std::to_string(records) + (records == 1 ? " write" : " writes");
    if (damaged != 0) told += ", " + std::to_string(damaged) + " of them damaged";
    return told;
}

/// The file is a journal of ours, or empty and made one.
Result<void> check_format(Database& database) {
    const auto version = database.number("PRAGMA user_version");
    if (!version) return version.error();
    const auto id = database.number("PRAGMA application_id");
    if (!id) return id.error();
    const auto tables = database.number("SELECT count(*) FROM sqlite_schema");
    if (!tables) return tables.error();
    if (*tables == 0 && *version == 0) {
        return database.run(
            "BEGIN;"
            "CREATE TABLE identity(cache TEXT NOT NULL, codec INTEGER NOT NULL, schema INTEGER NOT NULL);"
            "CREATE TABLE records(key BLOB PRIMARY KEY NOT NULL, sequence INTEGER NOT NULL,"
            " value BLOB NOT NULL, checksum INTEGER NOT NULL);"
            "PRAGMA application_id = " +
            std::to_string(application_id) +
            ";"
            "PRAGMA user_version = " +
            std::to_string(SqliteJournal::version) + "; COMMIT");
    }
    if (*id != application_id) {
        return Error(Errc::corrupt, "'" + database.path() +
                                        "' is a SQLite file of something else, and no journal; give "
                                        "another path");
    }
    if (*version > SqliteJournal::version) {
        return Error(Errc::unsupported, "journal '" + database.path() + "' has version " + std::to_string(*version) +
                                            ", and this tiercel knows none above " +
                                            std::to_string(SqliteJournal::version) +
                                            "; let the newer one that made it write what is pending");
    }
    return {};
}

} // namespace

Result<std::shared_ptr<spi::Journal>> SqliteJournal::open(const std::string& path, const JournalOptions& options) {
    if (path.empty()) return Error(Errc::invalid_option, "the journal's path is empty");
    if (options.max_bytes < least_bytes)
        return Error(Errc::invalid_option, "JournalOptions::max_bytes is below 64 KiB");
    auto opened = Database::open(path);
    if (!opened) return opened.error();
    auto database = *std::move(opened);
    const auto pages = std::min<std::uint64_t>(options.max_bytes / page_bytes, 0xffff'fffe);
    // The lock comes with the first transaction and stays; with it WAL needs no shared memory.
    const auto set_up = [&]() -> Result<void> {
        const std::string sync = options.survives == Survives::process ? "NORMAL" : "FULL";
        for (const auto& sql :
             {"PRAGMA locking_mode = EXCLUSIVE; PRAGMA page_size = " + std::to_string(page_bytes) +
                  "; PRAGMA temp_store = MEMORY; PRAGMA journal_mode = WAL; PRAGMA synchronous = " + sync +
                  "; PRAGMA journal_size_limit = 16777216; PRAGMA max_page_count = " + std::to_string(pages),
              std::string("BEGIN EXCLUSIVE; COMMIT")}) {
            if (auto done = database->run(sql); !done) return done;
        }
        if (auto writable = database->check_writable(); !writable) return writable;
        return check_format(*database);
    };
    if (auto done = set_up(); !done) {
        const Error why = done.error();
        return why == Errc::writer_failed ? Error(Errc::connection_failed, why.message()) : why;
    }
    auto put = Statement::prepare(
        *database, "INSERT OR REPLACE INTO records(key, sequence, value, checksum) VALUES(?1, ?2, ?3, ?4)");
    if (!put) return put.error();
    auto erase = Statement::prepare(*database, "DELETE FROM records WHERE key = ?1 AND sequence <= ?2");
    if (!erase) return erase.error();
    return std::shared_ptr<spi::Journal>(
        std::make_shared<SqliteJournal>(std::move(database), *std::move(put), *std::move(erase)));
}

Result<spi::JournalContents> SqliteJournal::begin(const spi::JournalIdentity& identity,
                                                  const std::function<void(const spi::JournalRecord&)>& each) {
    const std::lock_guard lock(mutex_);
    if (!owner_.empty()) {
        return Error(Errc::invalid_option, "journal '" + database_->path() + "' is in use by cache '" + owner_ +
                                               "'; give each cache its own file");
    }
    if (auto claimed = claim(identity); !claimed) return claimed.error();
    auto rows = Statement::prepare(*database_, select_records);
    if (!rows) return rows.error();
    spi::JournalContents contents;
    for (;;) {
        const auto row = rows->step();
        if (!row) return row.error();
        if (!*row) break;
        const auto record = record_of(*rows);
        if (is_whole(*rows)) {
            contents.last_sequence = std::max(contents.last_sequence, record.sequence);
            ++contents.records;
            each(record);
        } else {
            ++contents.damaged;
        }
    }
    owner_ = identity.cache;
    return contents;
}

/// Records of another identity are not this cache's to read; without any, the journal is free to change hands.
Result<void> SqliteJournal::claim(const spi::JournalIdentity& identity) {
    const auto records = database_->number("SELECT EXISTS(SELECT 1 FROM records)");
    if (!records) return records.error();
    if (*records != 0) {
        auto row = Statement::prepare(*database_, "SELECT cache, codec, schema FROM identity");
        if (!row) return row.error();
        const auto there = row->step();
        if (!there) return there.error();
        const spi::JournalIdentity found = {std::string(row->bytes(0)), static_cast<std::uint8_t>(row->number(1)),
                                            static_cast<std::uint32_t>(row->number(2))};
        if (*there && found == identity) return {};
        const auto pending = tell_of_records(*database_);
        if (!pending) return pending.error();
        const std::string whose = found.cache == identity.cache ? "with values of another type or an older layout of it"
                                                                : "of cache '" + found.cache + "'";
        return Error(Errc::invalid_option, "journal '" + database_->path() + "' holds " + *pending + ", " + whose +
                                               "; let the program that put them write them first, or give another "
                                               "path. What that program cannot read (damaged, or "
                                               "WriteBehindStats::unreadable) is all there is then, and goes with: "
                                               "sqlite3 '" +
                                               database_->path() + "' 'DELETE FROM records'");
    }
    return in_transaction([&]() -> Result<void> {
        if (auto done = database_->run("DELETE FROM identity"); !done) return done;
        auto row = Statement::prepare(*database_, "INSERT INTO identity(cache, codec, schema) VALUES(?1, ?2, ?3)");
        if (!row) return row.error();
        const auto bound =
            row->bind(BytesView(identity.cache), std::int64_t{identity.codec}, std::int64_t{identity.schema});
        return bound ? row->run() : bound;
    });
}

Result<void> SqliteJournal::append(std::span<const spi::JournalRecord> records) {
    const std::lock_guard lock(mutex_);
    return in_transaction([&]() -> Result<void> {
        for (const auto& record : records) {
            if (record.sequence > highest_sequence) {
                return Error(Errc::writer_failed, "journal '" + database_->path() + "' takes no sequence above " +
                                                      std::to_string(highest_sequence) +
                                                      "; begin anew, with another path");
            }
            const auto sequence = static_cast<std::int64_t>(record.sequence);
            if (auto bound = put_.bind(record.key, sequence, record.value, checksum(record)); !bound) return bound;
            if (auto done = put_.run(); !done) return done;
        }
        return {};
    });
}

Result<void> SqliteJournal::remove(std::span<const spi::JournalRemoval> removals) {
    const std::lock_guard lock(mutex_);
    return in_transaction([&]() -> Result<void> {
        for (const auto& removal : removals) {
            const auto sequence = static_cast<std::int64_t>(std::min(removal.sequence, highest_sequence));
            if (auto bound = erase_.bind(removal.key, sequence); !bound) return bound;
            if (auto done = erase_.run(); !done) return done;
        }
        return {};
    });
}

template <class Each>
Result<void> SqliteJournal::in_transaction(Each&& each) {
    auto done = database_->run("BEGIN");
    if (done) done = each();
    if (done) done = database_->run("COMMIT");
    if (!done) database_->roll_back();
    return done;
}

void SqliteJournal::end() noexcept {
    const std::lock_guard lock(mutex_);
    owner_.clear();
}

} // namespace tiercel::journal

namespace tiercel {

Result<std::shared_ptr<spi::Journal>> open_journal(const std::filesystem::path& path, const JournalOptions& options) {
    return journal::SqliteJournal::open(path.string(), options);
}

} // namespace tiercel
