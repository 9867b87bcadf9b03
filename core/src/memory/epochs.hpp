#pragma once

#include <tiercel/detail/entry.hpp>

#include <boost/intrusive/list.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace tiercel::memory {

using detail::Entry;

/// Lets readers look at entries and tables without a lock, and frees what was taken away only when no reader can still
/// be looking: epoch-based reclamation (Fraser, "Practical lock-freedom", 2004), one domain for the process.
///
/// Every thread has a Record. A reader is pinned while its record shows the epoch at which it came; the clock of epochs
/// is one number. What was taken away is stamped with the epoch at which it was retired, and freed once every pinned
/// record shows a later one:
///
///     reader                                  remover, collector
///       e = clock                               unlink                        (a seq_cst store)
///       record.epoch = e     (seq_cst xchg)     stamp = clock
///       load table, slot     (seq_cst loads)    later: clock += 1             (seq_cst)
///       ... look ...                                   oldest = least of all records (seq_cst loads)
///       record.epoch = 0     (release)                 free what has stamp < oldest
///
/// Why it is enough. In the single order of seq_cst operations either the reader's exchange precedes the collector's
/// load of its record, which then shows e (or the reader is done, and the release makes its looking precede the free);
/// or it follows, and then the reader's loads follow the unlink and cannot find what was unlinked. If the record shows
/// e > stamp, the reader read a clock that was advanced after the stamp was taken, so its loads follow the unlink too.
/// An e that is old by the time it is stored only delays.
///
/// Readers never wait. A reader that is preempted while pinned delays frees, not removals: what piles up meanwhile are
/// blocks whose contents have been destroyed.
class Epochs {
    struct Record;

public:
    /// While it lives, what this thread finds in a table is not freed. Pins of one thread nest. Cost: one exchange on
    /// the thread's own cache line.
    class Pin {
    public:
        Pin() noexcept : record_(record_of_this_thread()) {
            if (++record_.depth == 1)
                record_.epoch.exchange(clock_.load(std::memory_order_acquire), std::memory_order_seq_cst);
        }
        ~Pin() {
            if (--record_.depth == 0) record_.epoch.store(0, std::memory_order_release);
        }
        Pin(const Pin&) = delete;
        Pin& operator=(const Pin&) = delete;

        /// A number that no other living thread has; small ones first.
        std::size_t thread_number() const noexcept { return record_.number; }

    private:
        Record& record_;
    };

    /// Frees the block of a dead entry, once that is safe.
    static void retire(Entry& dead) noexcept;

    /// What else readers look at, and that goes rarely.
    class Object {
    public:
        virtual ~Object() = default;

    private:
        friend class Epochs;
        Object* next_ = nullptr;
        std::uint64_t stamp_ = 0;
    };

    /// The same for such an object. Takes a lock.
    static void retire(std::unique_ptr<Object> gone) noexcept;

    /// Frees what can be freed of what this thread and threads that ended have retired. For tests.
    static void collect() noexcept;

    /// Entries of this thread that wait to be freed. For tests.
    static std::size_t waiting() noexcept;

private:
    using Dead = boost::intrusive::list<Entry, boost::intrusive::member_hook<Entry, Entry::Hook, &Entry::policy_hook>>;
    struct Departed;
    struct Domain;

    /// What others read of a thread is in the first cache line; the rest is its own.
    struct alignas(64) Record {
        std::atomic<std::uint64_t> epoch{0}; ///< 0: not pinned
        Record* next = nullptr;              ///< of all records; never changes once listed
        std::size_t number = 0;
        std::uint32_t depth = 0;

        bool is_taken = false; ///< guarded by the domain's mutex
        Dead dead;             ///< oldest first, each stamped in its `version`
        std::size_t dead_bytes = 0;
        std::size_t collect_at = 0; ///< in entries
    };

    static Record& record_of_this_thread() noexcept {
        Record* const record = mine_;
        return record != nullptr ? *record : make_record();
    }
    static Record& make_record() noexcept;
    static void collect(Record& record) noexcept;
    static std::uint64_t oldest_pinned() noexcept;

    static inline constinit thread_local Record* mine_ = nullptr;
    static inline constinit std::atomic<std::uint64_t> clock_{1};
};

} // namespace tiercel::memory
