#pragma once

#include "database.hpp"

#include <tiercel/journal.hpp>

#include <memory>
#include <mutex>
#include <string>

namespace tiercel::journal {

/// The journal as a table of a SQLite file in WAL mode, locked for this process alone.
///
///     identity(cache, codec, schema)                 one row: whose records these are
///     records(key, sequence, value, checksum)        one for each key; the checksum is XXH3 over key, sequence, value
///
/// A record is durable when its transaction has committed: the write-ahead log has its pages and a commit frame, each
/// with a checksum, so that a process killed at any instant leaves the whole of it or nothing; with `synchronous` FULL
/// the log is on the disk by then. What the checksum of a record finds is what the disk did to it later.
class SqliteJournal final : public spi::Journal {
public:
    static constexpr std::int64_t version = 1;

    static Result<std::shared_ptr<spi::Journal>> open(const std::string& path, const JournalOptions& options);

    Result<spi::JournalContents> begin(const spi::JournalIdentity& identity,
                                       const std::function<void(const spi::JournalRecord&)>& each) override;
    Result<void> append(std::span<const spi::JournalRecord> records) override;
    Result<void> remove(std::span<const spi::JournalRemoval> removals) override;
    void end() noexcept override;
    std::string_view name() const noexcept override { return database_->path(); }

    /// Use open().
    SqliteJournal(std::unique_ptr<Database> database, Statement put, Statement erase)
        : database_(std::move(database)), put_(std::move(put)), erase_(std::move(erase)) {}

private:
    Result<void> claim(const spi::JournalIdentity& identity);
    template <class Each>
    Result<void> in_transaction(Each&& each);

    std::mutex mutex_;
    // Guarded by mutex_:
    const std::unique_ptr<Database> database_;
    Statement put_, erase_;
    std::string owner_; ///< the cache that has it; empty: none
};

} // namespace tiercel::journal
