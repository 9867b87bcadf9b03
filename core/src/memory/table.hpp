#pragma once

#include "memory/epochs.hpp"

#include <tiercel/detail/entry.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace tiercel::memory {

using detail::Entry;
using detail::EntryPtr;
using detail::HoldsKey;
using detail::KeyRef;

/// The entries of one shard by key; holds one reference to each. One thread at a time changes it, under the shard's
/// lock, and any number look things up in it without one, in an Epochs::Pin.
///
/// Layout. A bucket is one cache line: seven slots, a byte of each one's hash (its tag), and how many entries that
/// belong here stand further on. So a look-up reads one line of the table, seldom two, and but for one time in about 50
/// no entry other than the one it wants.
///
///     tags   [ t0 t1 t2 t3 t4 t5 t6 | beyond ]      one 64-bit word; tag 0: the slot is free
///     slots  [ *e *e  - *e  -  -  - ]
///
/// The hash is multiplied by a random odd number, each array's own, so that nobody can make keys for one bucket
/// (Dietzfelbinger et al., "A reliable randomized algorithm for the closest-pair problem", 1997: universal hashing). Of
/// the product, the top 32 bits choose the bucket, by multiplication, so that the number of buckets need not be a power
/// of two; the next eight are the tag (0 is taken for 1). A full bucket overflows into the next, and so on around;
/// `beyond` counts on every bucket passed, and stays at 255 once it got there. Keys of one and the same hash are found
/// one after the other.
///
/// An entry never moves: between insert and take it stays in its slot, so that no reader can pass it by; a new value of
/// the same key is exchanged in place. Growth builds a new array and publishes it whole; readers in the old one see
/// what was there when they came.
///
/// Orders. A slot is written before its tag on the way in, and cleared after it on the way out. All are seq_cst at both
/// ends: Epochs needs that of slots and of the array's pointer, and for readers it costs what acquire costs. A reader
/// that meets a dead entry (Entry::try_acquire) looks again from the start: whoever let it die had first put another in
/// its slot, or nothing, so the second look sees progress.
class Table {
    static constexpr std::size_t slots_per_bucket = 7;

    static std::uint64_t random_odd();

    struct alignas(64) Bucket {
        std::atomic<std::uint64_t> tags{0};
        std::array<std::atomic<Entry*>, slots_per_bucket> slots{};
    };
    static_assert(sizeof(Bucket) == 64);

    struct Array final : Epochs::Object {
        explicit Array(std::uint32_t number)
            : count(number), multiplier(random_odd()), buckets(std::make_unique<Bucket[]>(number)) {}

        std::uint32_t next(std::uint32_t at) const noexcept { return at + 1 == count ? 0 : at + 1; }

        const std::uint32_t count;
        const std::uint64_t multiplier;
        const std::unique_ptr<Bucket[]> buckets;
    };

public:
    /// `max_entries` is a hint: the array is not made larger than these need.
    Table(HoldsKey holds_key, std::uint64_t max_entries)
        : holds_key_(holds_key), enough_(buckets_for(max_entries)), array_(new Array(1)) {}
    /// Nobody may look any more, except those who came before a swap.
    ~Table() {
        drain([](const EntryPtr&) {});
        Epochs::retire(std::unique_ptr<Array>(array_.load(std::memory_order_relaxed)));
    }
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;

    // For any thread, in a Pin.

    /// Where a look-up begins: what a batch fetches ahead.
    class Place {
    public:
        Place() = default;
        void prefetch() const noexcept { __builtin_prefetch(&array_->buckets[at_]); }

        /// Who it is nearly always, if anybody; being fetched.
        Entry* candidate() const noexcept {
            const Bucket& bucket = array_->buckets[at_];
            const auto found = matches(bucket.tags.load(std::memory_order_seq_cst), tag_);
            if (found == 0) return nullptr;
            Entry* const entry = bucket.slots[slot_at(found)].load(std::memory_order_seq_cst);
            if (entry != nullptr) [[likely]]
                fetch(*entry);
            return entry;
        }

    private:
        friend class Table;
        Place(const Array& array, std::uint64_t hash) noexcept : array_(&array) {
            const std::uint64_t spread = hash * array.multiplier;
            at_ = static_cast<std::uint32_t>((spread >> 32) * array.count >> 32);
            tag_ = std::max(static_cast<std::uint32_t>(spread >> 24 & 0xFF), 1U);
        }

        const Array* array_ = nullptr;
        std::uint32_t at_ = 0;
        std::uint32_t tag_ = 0;
    };

    Place place_of(std::uint64_t hash) const noexcept { return {*array_.load(std::memory_order_seq_cst), hash}; }

    /// A reference to the entry; null if there is none.
    EntryPtr find(KeyRef key) const noexcept { return find(key, place_of(key.hash).candidate()); }

    /// The same with the candidate of its place. Others than that are looked for out of line, lest they cost it
    /// registers.
    EntryPtr find(KeyRef key, Entry* candidate) const noexcept {
        if (candidate != nullptr && candidate->hash == key.hash && candidate->try_acquire()) [[likely]] {
            if (holds_key_(*candidate, key.object)) [[likely]]
                return {candidate, adopt};
            intrusive_ptr_release(candidate);
        }
        return find_further(key);
    }

    // For the shard, under its lock.

    std::size_t size() const noexcept { return size_; }

    /// As find, but takes no reference: the table's own keeps the entry.
    Entry* held(KeyRef key) const noexcept {
        return look(key.hash, [&](Entry& entry) { return holds_key_(entry, key.object) ? Look::it : Look::not_it; });
    }

    /// Whether this very entry is in the table.
    bool has(const Entry& entry) const noexcept {
        const Array& array = *array_.load(std::memory_order_relaxed);
        const auto first = Place(array, entry.hash).at_;
        auto at = first;
        do {
            for (const auto& slot : array.buckets[at].slots)
                if (slot.load(std::memory_order_relaxed) == &entry) return true;
            if (beyond(array.buckets[at].tags.load(std::memory_order_relaxed)) == 0) break;
            at = array.next(at);
        } while (at != first);
        return false;
    }

    /// Makes room for one more. Errors: throws std::bad_alloc, having changed nothing; nothing else here throws.
    void reserve_one() {
        Array& full = *array_.load(std::memory_order_relaxed);
        if (size_ < room_in(full.count)) return;
        const auto twice = std::uint64_t{full.count} * 2;
        auto larger = std::make_unique<Array>(
            static_cast<std::uint32_t>(full.count < enough_ ? std::min<std::uint64_t>(twice, enough_) : twice));
        for_each([&](Entry& entry) { put(*larger, entry); });
        array_.store(larger.release(), std::memory_order_seq_cst);
        Epochs::retire(std::unique_ptr<Array>(&full));
    }

    /// Puts an entry in whose key the table does not hold; reserve_one() was called.
    void insert(EntryPtr entry) noexcept {
        put(*array_.load(std::memory_order_relaxed), *entry.detach());
        ++size_;
    }

    /// Puts `fresh` in the place of `old`, which is in the table and has the same key; gives back `old`.
    EntryPtr exchange(Entry& old, EntryPtr fresh) noexcept {
        slot_of(old).store(fresh.detach(), std::memory_order_seq_cst);
        return {&old, adopt};
    }

    /// Takes this very entry, which is in the table, out.
    EntryPtr take(Entry& entry) noexcept {
        Array& array = *array_.load(std::memory_order_relaxed);
        const Place place(array, entry.hash);
        for (auto at = place.at_;; at = array.next(at)) {
            Bucket& bucket = array.buckets[at];
            auto tags = bucket.tags.load(std::memory_order_relaxed);
            for (auto found = matches(tags, place.tag_); found != 0; found &= found - 1) {
                const auto slot = slot_at(found);
                if (bucket.slots[slot].load(std::memory_order_relaxed) != &entry) continue;
                bucket.tags.store(tags & ~(std::uint64_t{0xFF} << (slot * 8)), std::memory_order_seq_cst);
                bucket.slots[slot].store(nullptr, std::memory_order_seq_cst);
                --size_;
                return {&entry, adopt};
            }
            if (beyond(tags) != most_beyond) bucket.tags.store(tags - one_beyond, std::memory_order_seq_cst);
        }
    }

    void swap(Table& other) noexcept {
        Array* const mine = array_.load(std::memory_order_relaxed);
        array_.store(other.array_.load(std::memory_order_relaxed), std::memory_order_seq_cst);
        other.array_.store(mine, std::memory_order_seq_cst);
        std::swap(size_, other.size_);
    }

    /// Takes each entry out and hands it over; the table ends empty.
    template <class Receive>
    void drain(Receive receive) noexcept {
        const Array& array = *array_.load(std::memory_order_relaxed);
        for (std::uint32_t at = 0; at < array.count; ++at) {
            array.buckets[at].tags.store(0, std::memory_order_seq_cst);
            for (auto& slot : array.buckets[at].slots)
                if (Entry* const entry = slot.exchange(nullptr, std::memory_order_seq_cst))
                    receive(EntryPtr(entry, adopt));
        }
        size_ = 0;
    }

    /// Visits each entry once, in no order.
    template <class Visit>
    void for_each(Visit visit) const {
        const Array& array = *array_.load(std::memory_order_relaxed);
        for (std::uint32_t at = 0; at < array.count; ++at)
            for (const auto& slot : array.buckets[at].slots)
                if (Entry* const entry = slot.load(std::memory_order_relaxed)) visit(*entry);
    }

    std::size_t bytes() const noexcept {
        return array_.load(std::memory_order_relaxed)->count * sizeof(Bucket) + sizeof(Array);
    }

private:
    static constexpr bool adopt = false; ///< what intrusive_ptr calls add_ref
    static constexpr std::uint64_t one_beyond = std::uint64_t{1} << 56;
    static constexpr std::uint64_t most_beyond = 255;

    /// At most three quarters full: seven in a hundred entries then stand beyond their bucket.
    static std::uint64_t room_in(std::uint64_t buckets) noexcept {
        return std::max<std::uint64_t>(buckets * 21 / 4, 1);
    }
    static std::uint64_t buckets_for(std::uint64_t entries) noexcept { return entries / 21 * 4 + 4; }

    static std::uint64_t beyond(std::uint64_t tags) noexcept { return tags >> 56; }

    /// A bit in the byte of each slot that may have this tag: of all that do, and perhaps of one above such a one.
    static std::uint64_t matches(std::uint64_t tags, std::uint32_t tag) noexcept {
        constexpr std::uint64_t ones = 0x0101'0101'0101'0101;
        const std::uint64_t differing = tags ^ (ones * tag);
        return (differing - ones) & ~differing & 0x0080'8080'8080'8080;
    }
    static std::size_t slot_at(std::uint64_t found) noexcept {
        return static_cast<std::size_t>(std::countr_zero(found)) / 8;
    }

    /// What a hit reads of an entry may lie in two cache lines, and taking the reference holds up whatever it has not
    /// yet asked for.
    static void fetch(const Entry& entry) noexcept {
        __builtin_prefetch(entry.hot());
        __builtin_prefetch(entry.hot() + 63);
    }

    enum class Look { it, not_it, died };

    /// Asks `who` of each entry of that hash until one is it; null if none is, or one died.
    template <class Who>
    Entry* look(std::uint64_t hash, Who who, bool* met_dead = nullptr) const noexcept {
        const Place place = place_of(hash);
        const Array& array = *place.array_;
        auto at = place.at_;
        do {
            const Bucket& bucket = array.buckets[at];
            const auto tags = bucket.tags.load(std::memory_order_seq_cst);
            for (auto found = matches(tags, place.tag_); found != 0; found &= found - 1) {
                Entry* const entry = bucket.slots[slot_at(found)].load(std::memory_order_seq_cst);
                if (entry == nullptr || entry->hash != hash) continue;
                const Look result = who(*entry);
                if (result == Look::it) return entry;
                if (result == Look::died) {
                    *met_dead = true;
                    return nullptr;
                }
            }
            if (beyond(tags) == 0) return nullptr;
            at = array.next(at);
        } while (at != place.at_);
        return nullptr;
    }

    /// The key of an entry may only be looked at with a reference to it.
    [[gnu::noinline]] EntryPtr find_further(KeyRef key) const noexcept {
        const auto acquire = [&](Entry& entry) {
            if (!entry.try_acquire()) return Look::died;
            if (holds_key_(entry, key.object)) return Look::it;
            intrusive_ptr_release(&entry);
            return Look::not_it;
        };
        for (;;) {
            bool met_dead = false;
            Entry* const entry = look(key.hash, acquire, &met_dead);
            if (!met_dead) return {entry, adopt};
        }
    }

    /// The slots of a fresh array need no more order than its publication gives.
    static void put(Array& array, Entry& entry) noexcept {
        const Place place(array, entry.hash);
        for (auto at = place.at_;; at = array.next(at)) {
            Bucket& bucket = array.buckets[at];
            const auto tags = bucket.tags.load(std::memory_order_relaxed);
            for (std::size_t slot = 0; slot < slots_per_bucket; ++slot) {
                if (bucket.slots[slot].load(std::memory_order_relaxed) != nullptr) continue;
                bucket.slots[slot].store(&entry, std::memory_order_seq_cst);
                bucket.tags.store(tags | std::uint64_t{place.tag_} << (slot * 8), std::memory_order_seq_cst);
                return;
            }
            if (beyond(tags) != most_beyond) bucket.tags.store(tags + one_beyond, std::memory_order_seq_cst);
        }
    }

    std::atomic<Entry*>& slot_of(const Entry& entry) noexcept {
        const Array& array = *array_.load(std::memory_order_relaxed);
        for (auto at = Place(array, entry.hash).at_;; at = array.next(at))
            for (auto& slot : array.buckets[at].slots)
                if (slot.load(std::memory_order_relaxed) == &entry) return slot;
    }

    const HoldsKey holds_key_;
    const std::uint64_t enough_; ///< buckets for as many entries as there will be
    std::atomic<Array*> array_;
    std::size_t size_ = 0;
};

} // namespace tiercel::memory
