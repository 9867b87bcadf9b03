#pragma once

#include "memory/store.hpp"

#include <tiercel/detail/entry.hpp>
#include <tiercel/hash.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <ostream>
#include <utility>
#include <vector>

namespace tiercel::memory::test {

using detail::Nanos;
using detail::never;

/// An entry of a 64-bit key.
class TestEntry final : public detail::Entry {
public:
    TestEntry(std::uint64_t key, std::uint64_t key_hash) : Entry(key_hash), key_(key) { has_value_ = true; }
    const void* key() const noexcept override { return &key_; }
    std::size_t block_bytes() const noexcept override { return sizeof(*this); }
    std::uint64_t id() const noexcept { return key_; }

private:
    void destroy_contents() noexcept override {}

    const std::uint64_t key_;
};

inline std::uint64_t id_of(const detail::Entry& entry) {
    return static_cast<const TestEntry&>(entry).id();
}

inline bool holds_id(const detail::Entry& entry, const void* key) noexcept {
    return id_of(entry) == *static_cast<const std::uint64_t*>(key);
}

struct EntryFacts {
    std::uint64_t key = 0;
    std::uint64_t weight = 1;
    Nanos expires = never;
    std::uint64_t version = 0;
};

inline EntryPtr make_entry(const EntryFacts& facts, std::uint64_t hash) {
    EntryPtr entry(new TestEntry(facts.key, hash));
    entry->weight = facts.weight;
    entry->expires = facts.expires;
    entry->version = facts.version;
    return entry;
}

inline EntryPtr make_entry(const EntryFacts& facts) {
    return make_entry(facts, hash_of(facts.key));
}

/// Stands still until moved.
class ManualClock final : public spi::Clock {
public:
    explicit ManualClock(Nanos start = 0) : now_(start) {}

    SteadyTime now() const noexcept override {
        reads_.fetch_add(1, std::memory_order_relaxed);
        return SteadyTime(std::chrono::nanoseconds(now_.load(std::memory_order_relaxed)));
    }
    SystemTime wall_now() const noexcept override { return {}; }

    Nanos nanos() const { return now_.load(std::memory_order_relaxed); }
    void set(Nanos now) { now_.store(now, std::memory_order_relaxed); }
    void advance(std::chrono::nanoseconds by) { now_.fetch_add(by.count(), std::memory_order_relaxed); }
    std::uint64_t reads() const { return reads_.load(std::memory_order_relaxed); }

private:
    std::atomic<Nanos> now_;
    mutable std::atomic<std::uint64_t> reads_{0};
};

struct Departure {
    std::uint64_t key;
    RemovalCause cause;
    std::uint64_t version = 0;
    friend bool operator==(const Departure&, const Departure&) = default;
    friend void PrintTo(const Departure& departure, std::ostream* out) {
        *out << departure.key << " v" << departure.version << " " << to_string(departure.cause);
    }
};

/// A store of TestEntries with a clock and a record of what left. For one thread.
class StoreFixture {
public:
    explicit StoreFixture(StoreOptions options) : store(prepared(std::move(options)), clock) {}

    bool find(std::uint64_t key) { return store.find({hash_of(key), &key}) != nullptr; }
    bool peek(std::uint64_t key) { return store.peek({hash_of(key), &key}) != nullptr; }
    bool use_stale(std::uint64_t key) { return store.use_stale({hash_of(key), &key}) != nullptr; }
    bool erase(std::uint64_t key) { return store.erase({hash_of(key), &key}); }
    Insert insert(const EntryFacts& facts) { return store.insert(make_entry(facts), no_fence, 0); }
    Nanos in(std::chrono::nanoseconds delay) const { return clock.nanos() + delay.count(); }

    std::vector<Departure> take_departures() { return std::exchange(departures, {}); }

    ManualClock clock;
    std::vector<Departure> departures;
    const std::atomic<std::uint64_t> no_fence{0};
    Store store;

private:
    StoreOptions prepared(StoreOptions options) {
        options.holds_key = holds_id;
        options.on_removal = [this](const detail::Entry& entry, RemovalCause cause) {
            departures.push_back({id_of(entry), cause, entry.version});
        };
        return options;
    }
};

} // namespace tiercel::memory::test
