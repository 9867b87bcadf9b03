#pragma once

#include <tiercel/result.hpp>
#include <tiercel/spi/bytes.hpp>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace tiercel::spi {

/// Whose records a journal holds. One that holds another's is refused.
struct JournalIdentity {
    std::string cache;        ///< its name
    std::uint8_t codec = 0;   ///< of its values, as in the envelope
    std::uint32_t schema = 0; ///< likewise

    friend bool operator==(const JournalIdentity&, const JournalIdentity&) = default;
};

/// The newest value of a key that the source of truth has yet to take.
struct JournalRecord {
    BytesView key;
    BytesView value;
    std::uint64_t sequence = 0; ///< above that of every earlier record of this key
};

/// A key whose value of this sequence the source has taken, or was given up.
struct JournalRemoval {
    BytesView key;
    std::uint64_t sequence = 0;
};

/// What begin() found.
struct JournalContents {
    std::uint64_t records = 0;
    std::uint64_t damaged = 0;       ///< skipped: their bytes are not those that were appended
    std::uint64_t last_sequence = 0; ///< the highest there; that of a damaged record is no number to go by
};

/// Keeps acknowledged writes on disk until the source of truth has them: one record for each key.
///
///   begin ──► owned by a cache: append, remove ──► end ──► free for the next begin
///
/// All calls block, and are made on worker threads but for begin(), which is made by Cache::create().
/// Thread safety: all members may be called concurrently; the cache makes one call after the other.
/// Lifetime: held by shared_ptr by the cache, until its last call has returned.
/// Errors: returned in Result; never throws.
class Journal {
public:
    virtual ~Journal() = default;

    /// Makes the journal this cache's and gives each record to `each`, the lowest sequence first; the views last for
    /// the call. An empty journal becomes this cache's for good.
    /// Errors: invalid_option, when another cache has it now, or its records are of another identity.
    virtual Result<JournalContents> begin(const JournalIdentity& identity,
                                          const std::function<void(const JournalRecord&)>& each) = 0;

    /// Adds records, each in the place of its key's older one: all or none, and durable when this returns.
    /// Errors: writer_failed, with what keeps them from being durable. They may still turn up after a restart.
    virtual Result<void> append(std::span<const JournalRecord> records) = 0;

    /// Removes these keys' records unless they are newer. Need not be durable: what turns up again is written again.
    virtual Result<void> remove(std::span<const JournalRemoval> removals) = 0;

    /// The cache has ended; no other call is under way.
    virtual void end() noexcept = 0;

    /// Where it is, for messages.
    virtual std::string_view name() const noexcept = 0;
};

} // namespace tiercel::spi
