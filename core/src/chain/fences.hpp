#pragma once

#include <tiercel/spi/clock.hpp>

#include <boost/unordered/unordered_flat_map.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <set>

namespace tiercel::chain {

/// The second half of promise 1: values in the tiers that this process must not believe any more.
///
/// Time is a stamp: wall time in microseconds, made strictly increasing in this process. A value carries the stamp at
/// which its load or write began. Invalidating (or writing) a key raises its fence to a new stamp; a value below the
/// fence of its key is a miss. The tiers' own copies are erased as well, but an erase can fail, or be overtaken by a
/// fill that was under way; the fence holds in any case.
///
/// A record may be forgotten when nothing older can turn up any more, which is known in two steps. First nothing older
/// can be put into a tier: every tier has confirmed the erase, no fill of the key has an unknown outcome, and no read
/// that began before the fence was raised is still under way (`active_`). Then nothing older can come out of one: every
/// read that was under way at that moment has ended, for it may have asked its tier while the older value was there,
/// and be told late. Records that cannot be forgotten are bounded: when there is no room, `floor_` rises to now, which
/// gives up every older value of every key, and all records go.
///
///   raise(hash) -> pending --settle(true)--> settled --no older read active--> drained --nor one of then--> forgotten
///                     \----settle(false)---> sticky ---the next raise, settled--> settled; or overflow
///   fill_unknown(hash) -> kept until an overflow or raise_all(): a lost fill may turn up at any time, and no erase
///                         that was confirmed before says anything about it
///
/// Thread safety: all members may be called concurrently; one mutex, O(log active reads) under it.
class Fences {
public:
    Fences(const spi::Clock& clock, std::size_t max_records);

    /// A new stamp, above all before it.
    std::uint64_t stamp() noexcept;

    /// The stamp of a read that begins; pass it to end() when it can write nothing any more.
    std::uint64_t begin();
    void end(std::uint64_t began);

    std::uint64_t raise(std::uint64_t hash);
    /// `confirmed`: every tier took the erase or write that raise() announced.
    void settle(std::uint64_t hash, std::uint64_t raised, bool confirmed);

    /// A fill of this key got no answer and may still be applied at any time.
    void fill_unknown(std::uint64_t hash);

    /// Nothing older than now is believed.
    std::uint64_t raise_all();

    bool believes(std::uint64_t hash, std::uint64_t version) const;

    std::size_t size() const;
    std::size_t capacity() const noexcept { return max_records_; }
    std::uint64_t overflows() const noexcept { return overflows_.load(std::memory_order_relaxed); }

private:
    struct Record {
        std::uint64_t stamp = 0;
        std::uint32_t pending = 0;
        bool sticky = false;
        bool unknown_fill = false;
        bool queued = false; ///< in settled_ or drained_, once: which bounds them

        bool forgettable() const noexcept { return pending == 0 && !sticky && !unknown_fill; }
    };
    struct Settled {
        std::uint64_t hash;
        std::uint64_t stamp;
    };
    struct Drained {
        std::uint64_t hash;
        std::uint64_t stamp; ///< of the record, then
        std::uint64_t since;
    };

    Record& record_of(std::uint64_t hash);
    void forget_all();
    void forget_settled();

    const spi::Clock& clock_;
    const std::size_t max_records_;
    std::atomic<std::uint64_t> last_stamp_{0};
    std::atomic<std::uint64_t> overflows_{0};

    mutable std::mutex mutex_;
    std::uint64_t floor_ = 0;
    boost::unordered_flat_map<std::uint64_t, Record> records_;
    std::deque<Settled> settled_;         // nothing older is written, once the reads of before the stamp have ended
    std::deque<Drained> drained_;         // nothing older is read, once the reads of before `since` have ended
    std::multiset<std::uint64_t> active_; // stamps of reads under way
};

} // namespace tiercel::chain
