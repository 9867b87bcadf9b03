#pragma once

#include <tiercel/removal.hpp>
#include <tiercel/spi/clock.hpp>

#include <boost/intrusive/list_hook.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>

namespace tiercel::detail {

class Entry;

/// A key that somebody else holds, with its hash: what the non-template engine is given to look up.
/// `hash` is well mixed, as hash_of gives it: all 64 bits are used. `object` points to the typed key.
struct KeyRef {
    std::uint64_t hash = 0;
    const void* object = nullptr;
};

/// Whether two typed keys are equal.
using KeyEqual = bool (*)(const void*, const void*) noexcept;
/// Whether an entry is of that typed key.
using HoldsKey = bool (*)(const Entry&, const void* key) noexcept;

/// Steady time in nanoseconds; `never` for what does not expire.
using Nanos = std::int64_t;
inline constexpr Nanos never = std::numeric_limits<Nanos>::max();

inline Nanos to_nanos(SteadyTime time) noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

/// One key with its value, in one allocation: made blank with its key, given its value by whoever obtains it, then
/// published into the memory tier, handed out in Handles, and freed by the last of these.
///
/// Until published, one thread owns it and may set anything. After that the key, value and facts are const; `expires`
/// never changes; `last_used` and `uses` are written by readers, relaxed, since a lost update costs one access of
/// precision. The hook, `place` and `timer` belong to the shard that holds the entry and are guarded by its lock; after
/// it left, the hook and `left` belong to the thread that removed it, until the removal listener has heard. An entry is
/// published at most once.
///
/// Layout. 64 bytes that only those look at who change the cache (and hits, where expiry slides), 24 that a hit reads,
/// then value and key: a block that begins a cache line (Slabs) shows a hit one line of it if value and key are short.
///
/// References. The table holds one, each Handle one. Readers find published entries without a lock, hence may see one
/// whose last reference is being dropped on another thread:
///
///     held by n ──release──► held by n - 1
///     held by 1 ──release──► dead ──► contents destroyed ──► block freed, a grace period later
///
/// There is no state between the last two: who gives the last reference up is the one who makes it dead, by the same
/// CAS. Were it to count down to 0 first, a reader could acquire, release, bury and have the block freed before the
/// first one came back to it, whom no pin and no reference protect.
///
/// try_acquire adds one and looks at what was there: below `dead` the contents are intact and now kept; at or above,
/// they are gone, the addition is taken back and nothing but the counter was touched. The counter is valid until the
/// block is freed, and a reader that may still look at it is waited for (memory::Epochs). Orders: an increment is
/// relaxed, since who increments has seen the entry through the table's acquire load or holds a reference; a decrement
/// releases and the last one acquires, so that all use of the contents happens before their destruction.
class Entry {
public:
    using Hook = boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::safe_link>>;

    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

    // Blocks are memory::Slabs'. Errors: throws std::bad_alloc.
    static void* operator new(std::size_t bytes);
    static void* operator new(std::size_t bytes, std::align_val_t alignment);
    static void operator delete(void* block, std::size_t bytes) noexcept;
    static void operator delete(void* block, std::size_t bytes, std::align_val_t alignment) noexcept;

    virtual const void* key() const noexcept = 0;
    bool has_value() const noexcept { return has_value_; }
    KeyRef ref() const noexcept { return {hash, key()}; }

    // Bookkeeping of the shard that holds the entry; a dead entry's policy_hook keeps it among the dead.
    Hook policy_hook;
    std::uint32_t place = 0; ///< the eviction policy's: where it keeps this entry
    std::uint32_t timer = 0; ///< the timing wheel's: where it keeps this entry; 0, or out of the table: nowhere

    // Facts, set before publication.
    std::uint64_t version = 0; ///< stamp of the load or write that the value came from
    Nanos created = 0;         ///< when the value was loaded, on this process's steady clock
    std::uint64_t weight = 1;  ///< in the weigher's unit

    std::atomic<Nanos> last_used{0};

    // From here on what a hit reads, and after it value and key.
    const std::uint64_t hash;

private:
    mutable std::atomic<std::uint32_t> refs_{0};
    std::atomic<std::uint8_t> uses_{0};
    bool is_published_ = false;

protected:
    bool has_value_ = false;

public:
    RemovalCause left = RemovalCause::explicit_; ///< why it left the memory tier, once it has
    Nanos expires = never;                       ///< not served at or after this; set before publication

    /// Where that begins, in bytes.
    const char* hot() const noexcept { return reinterpret_cast<const char*>(&hash); }

    /// Uses since the policy last looked, up to what it asked to have counted. Relaxed: a lost or late count costs one
    /// use of precision.
    std::uint8_t uses() const noexcept { return uses_.load(std::memory_order_relaxed); }
    void set_uses(std::uint8_t uses) noexcept { uses_.store(uses, std::memory_order_relaxed); }
    /// False if they were at `most` already. Written in any case, for whether is hard to predict, and a reader has just
    /// written the line for its reference.
    bool count_use(std::uint8_t most) noexcept {
        const auto before = uses();
        const bool counts = before < most;
        set_uses(static_cast<std::uint8_t>(before + (counts ? 1 : 0)));
        return counts;
    }

    /// From now on readers may find it: its owner calls this before it puts it where they look.
    void publish() noexcept { is_published_ = true; }

    /// For a reader that found it without a lock, in a memory::Epochs::Pin: a reference, or false if it is dead.
    bool try_acquire() const noexcept {
        if (refs_.fetch_add(1, std::memory_order_relaxed) < dead) return true;
        refs_.fetch_sub(1, std::memory_order_relaxed);
        return false;
    }

    /// Of the whole object, in bytes, without what it points to.
    virtual std::size_t block_bytes() const noexcept = 0;

protected:
    explicit Entry(std::uint64_t key_hash) noexcept : hash(key_hash) {}
    virtual ~Entry() = default;

    /// Destroys key and value; the entry is then only a counter.
    virtual void destroy_contents() noexcept = 0;

private:
    static constexpr std::uint32_t dead = 1U << 31;

    void bury() noexcept; ///< for whoever made it dead
    friend void free_block(Entry* entry) noexcept;

    friend void intrusive_ptr_add_ref(const Entry* entry) noexcept {
        entry->refs_.fetch_add(1, std::memory_order_relaxed);
    }
    friend void intrusive_ptr_release(const Entry* entry) noexcept {
        std::uint32_t held = 2; // by the table and by a reader, most often
        while (!entry->refs_.compare_exchange_weak(held, held == 1 ? dead : held - 1, std::memory_order_acq_rel,
                                                   std::memory_order_relaxed)) {
        }
        if (held == 1) const_cast<Entry*>(entry)->bury();
    }
};

using EntryPtr = boost::intrusive_ptr<Entry>;

/// Frees the block of a dead entry that nobody can look at any more. For memory::Epochs.
void free_block(Entry* entry) noexcept;

} // namespace tiercel::detail
