#pragma once

#include <tiercel/removal.hpp>
#include <tiercel/spi/clock.hpp>

#include <boost/intrusive/list_hook.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <atomic>
#include <cstdint>
#include <limits>

namespace tiercel::detail {

/// A key that somebody else holds, with its hash: what the non-template engine is given to look up.
/// `object` points to the typed key; the engine compares keys by the KeyEqual function it was made with.
struct KeyRef {
    std::uint64_t hash = 0;
    const void* object = nullptr;
};

using KeyEqual = bool (*)(const void*, const void*) noexcept;

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
/// precision; `refs` is the usual intrusive count (increment relaxed, decrement acquire-release). The hooks and
/// `place` belong to the shard that holds the entry and are guarded by its lock; after it left, the hooks and
/// `left` belong to the thread that removed it, until the removal listener has heard. An entry is published at most
/// once.
class Entry {
public:
    using Hook = boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::safe_link>>;
    /// Leaves its list without being told which.
    using SelfUnlinkingHook =
        boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

    virtual const void* key() const noexcept = 0;
    bool has_value() const noexcept { return has_value_; }
    KeyRef ref() const noexcept { return {hash, key()}; }

    // Facts, set before publication.
    const std::uint64_t hash;
    std::uint64_t version = 0; ///< stamp of the load or write that the value came from
    Nanos created = 0;         ///< when the value was loaded, on this process's steady clock
    Nanos expires = never;     ///< not served at or after this
    std::uint64_t weight = 1;  ///< in the weigher's unit

    RemovalCause left = RemovalCause::explicit_; ///< why it left the memory tier, once it has

    // Bookkeeping of the shard that holds the entry.
    std::atomic<Nanos> last_used{0};
    Hook policy_hook;
    SelfUnlinkingHook expiry_hook;
    std::uint32_t place = 0; ///< the eviction policy's: where it keeps this entry

    /// Uses since the policy last looked, up to what it asked to have counted. Relaxed: a lost or late count costs one
    /// use of precision.
    std::uint8_t uses() const noexcept { return uses_.load(std::memory_order_relaxed); }
    void set_uses(std::uint8_t uses) noexcept { uses_.store(uses, std::memory_order_relaxed); }
    void count_use(std::uint8_t most) noexcept {
        const auto before = uses();
        if (before < most) set_uses(static_cast<std::uint8_t>(before + 1));
    }

protected:
    explicit Entry(std::uint64_t key_hash) noexcept : hash(key_hash) {}
    virtual ~Entry() = default;
    bool has_value_ = false;

private:
    mutable std::atomic<std::uint32_t> refs_{0};
    std::atomic<std::uint8_t> uses_{0};

    friend void intrusive_ptr_add_ref(const Entry* entry) noexcept {
        entry->refs_.fetch_add(1, std::memory_order_relaxed);
    }
    friend void intrusive_ptr_release(const Entry* entry) noexcept {
        if (entry->refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete entry;
    }
};

using EntryPtr = boost::intrusive_ptr<Entry>;

} // namespace tiercel::detail
