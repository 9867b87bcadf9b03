#pragma once

#include <tiercel/detail/entry.hpp>

#include <boost/unordered/unordered_flat_set.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

namespace tiercel::memory {

using detail::Entry;
using detail::EntryPtr;
using detail::KeyEqual;
using detail::KeyRef;

/// Spreads a key's hash over all 64 bits, in case the user's std::hash is the identity. The table takes its positions
/// from the top bits and its tags from the low eight; the store takes the shard from the bits above these.
inline std::uint64_t mix(std::uint64_t hash) noexcept {
    hash ^= hash >> 32;
    hash *= 0x9E37'79B9'7F4A'7C15U; // 2^64 over the golden ratio
    return hash ^ (hash >> 32);
}

/// A key to look up, its hash mixed once.
struct Lookup {
    KeyRef key;
    std::uint64_t mixed;
};

/// The entries of one shard by key; holds one reference to each.
/// Thread safety: none; the shard's lock guards it.
/// Errors: only put() may throw (std::bad_alloc), and then has changed nothing.
class Table {
public:
    explicit Table(KeyEqual key_equal) : slots_(0, Hash{}, Equal{key_equal}) {}
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;
    ~Table() {
        for (const Slot& slot : slots_)
            EntryPtr(slot.entry, adopt);
    }

    void swap(Table& other) noexcept { slots_.swap(other.slots_); }
    std::size_t size() const noexcept { return slots_.size(); }

    /// Null if there is none.
    Entry* find(const Lookup& lookup) const noexcept {
        const auto at = slots_.find(lookup);
        return at == slots_.end() ? nullptr : at->entry;
    }

    /// Puts `entry` in; gives back the one of the same key that it displaces, if any.
    EntryPtr put(EntryPtr entry) {
        const auto [at, is_new] = slots_.insert(Slot{entry.get()});
        Entry* const mine = entry.detach();
        return is_new ? nullptr : EntryPtr(std::exchange(at->entry, mine), adopt);
    }

    /// Takes this very entry, which is in the table, out.
    EntryPtr take(Entry& entry) noexcept {
        slots_.erase(slots_.find(&entry));
        return EntryPtr(&entry, adopt);
    }

    /// Visits each entry once, in no order.
    template <class Visit>
    void for_each(Visit visit) const {
        for (const Slot& slot : slots_)
            visit(*slot.entry);
    }

    /// Takes each entry out and hands it over; the table ends empty.
    template <class Receive>
    void drain(Receive receive) noexcept {
        for (const Slot& slot : slots_)
            receive(EntryPtr(slot.entry, adopt));
        slots_.clear();
    }

private:
    static constexpr bool adopt = false; ///< what intrusive_ptr calls add_ref

    struct Slot {
        mutable Entry* entry; ///< exchanged only for one of the same key, which no comparison can tell from it
    };

    struct Hash {
        using is_transparent = void;
        using is_avalanching = std::true_type;
        std::size_t operator()(const Slot& slot) const noexcept { return mix(slot.entry->hash); }
        std::size_t operator()(const Entry* entry) const noexcept { return mix(entry->hash); }
        std::size_t operator()(const Lookup& lookup) const noexcept { return lookup.mixed; }
    };

    struct Equal {
        using is_transparent = void;
        KeyEqual key_equal;
        bool operator()(const Slot& a, const Slot& b) const noexcept {
            return a.entry->hash == b.entry->hash && key_equal(a.entry->key(), b.entry->key());
        }
        bool operator()(const Lookup& a, const Slot& b) const noexcept {
            return a.key.hash == b.entry->hash && key_equal(a.key.object, b.entry->key());
        }
        bool operator()(const Slot& a, const Lookup& b) const noexcept { return (*this)(b, a); }
        bool operator()(const Entry* a, const Slot& b) const noexcept { return a == b.entry; }
        bool operator()(const Slot& a, const Entry* b) const noexcept { return a.entry == b; }
    };

    boost::unordered_flat_set<Slot, Hash, Equal> slots_;
};

} // namespace tiercel::memory
