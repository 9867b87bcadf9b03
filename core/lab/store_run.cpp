// The one file of the lab that knows the engine.
#include "lab/store_run.hpp"

#include "lab/run_progress.hpp"
#include "memory/store.hpp"

#include <tiercel/detail/entry.hpp>
#include <tiercel/spi/clock.hpp>

#include <atomic>
#include <utility>

namespace tiercel::lab {
namespace {

/// A key of the trace; its value is not needed.
class TraceEntry final : public detail::Entry {
public:
    TraceEntry(std::uint32_t key, std::uint64_t key_hash) : Entry(key_hash), key_(key) { has_value_ = true; }
    const void* key() const noexcept override { return &key_; }
    std::size_t block_bytes() const noexcept override { return sizeof(*this); }

    static bool is_of(const Entry& entry, const void* key) noexcept {
        return static_cast<const TraceEntry&>(entry).key_ == *static_cast<const std::uint32_t*>(key);
    }

private:
    void destroy_contents() noexcept override {}

    const std::uint32_t key_;
};

/// Nothing expires, so that nobody asks.
class StoppedClock final : public spi::Clock {
public:
    SteadyTime now() const noexcept override { return {}; }
    SystemTime wall_now() const noexcept override { return {}; }
};

} // namespace

std::uint64_t run_store(const RequestSequence& sequence, const CacheShape& shape, const RunWatch& watch) {
    memory::StoreOptions options;
    (sequence.weighed() ? options.max_weight : options.max_entries) = shape.capacity;
    options.eviction = shape.eviction;
    options.shards = shape.shards;
    options.holds_key = TraceEntry::is_of;
    const StoppedClock clock;
    memory::Store store(std::move(options), clock);

    const std::atomic<std::uint64_t> no_fence{0};
    std::uint64_t hits = 0;
    RunProgress progress(watch);
    for (std::size_t at = 0; at < sequence.keys.size(); ++at) {
        const std::uint32_t key = sequence.keys[at];
        const std::uint64_t hash = sequence.key_hashes[key];
        const bool hit = store.find({hash, &key}) != nullptr;
        if (hit) {
            ++hits;
        } else {
            detail::EntryPtr entry(new TraceEntry(key, hash));
            if (sequence.weighed()) entry->weight = sequence.sizes[at];
            store.insert(std::move(entry), no_fence, 0);
        }
        progress.passed(hit);
    }
    return hits;
}

} // namespace tiercel::lab
