#include "memory/epochs.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

namespace tiercel::memory {
namespace {

/// A thread looks for what it can free when this many entries have died on it since it last looked, or these bytes
/// wait.
constexpr std::size_t collect_entries = 64;
constexpr std::size_t collect_bytes = std::size_t{1} << 20;

} // namespace

/// Lives for ever: Handles may be dropped while the process ends, after every other static is gone.
struct Epochs::Domain {
    static Domain& get() noexcept {
        alignas(Domain) static std::array<std::byte, sizeof(Domain)> place;
        static Domain& domain = *std::construct_at(reinterpret_cast<Domain*>(place.data()));
        return domain;
    }

    std::atomic<Record*> records{nullptr}; ///< grows at the front
    std::mutex mutex;                      ///< guards what follows, and Record::is_taken
    std::size_t record_count = 0;
    Object* objects = nullptr; ///< retired ones, the youngest first
};

/// Gives a thread's record to the next thread that needs one. What died on it waits there for that thread.
struct Epochs::Departed {
    ~Departed() {
        Record* const record = std::exchange(mine_, nullptr);
        if (record == nullptr) return;
        collect(*record);
        const std::lock_guard lock(Domain::get().mutex);
        record->is_taken = false;
    }
};

/// A thread that is past its thread_local destructors gets a record too, and keeps it: only the main thread's static
/// destructors are likely to get here.
Epochs::Record& Epochs::make_record() noexcept {
    auto& domain = Domain::get();
    Record* record = nullptr;
    {
        const std::lock_guard lock(domain.mutex);
        for (Record* at = domain.records.load(std::memory_order_relaxed); at != nullptr; at = at->next)
            if (!at->is_taken && (record == nullptr || at->number < record->number)) record = at;
        if (record == nullptr) {
            record = new (std::nothrow) Record;
            if (record == nullptr) std::abort(); // no look-up can do without, and none can fail
            record->number = domain.record_count++;
            record->next = domain.records.load(std::memory_order_relaxed);
            domain.records.store(record, std::memory_order_seq_cst);
        }
        record->is_taken = true;
    }
    mine_ = record;
    thread_local const Departed at_thread_end;
    (void)at_thread_end;
    return *record;
}

void Epochs::retire(Entry& dead) noexcept {
    auto& record = record_of_this_thread();
    dead.version = clock_.load(std::memory_order_seq_cst);
    record.dead_bytes += dead.block_bytes();
    record.dead.push_back(dead);
    if (record.dead.size() >= std::max(record.collect_at, collect_entries) || record.dead_bytes >= collect_bytes)
        collect(record);
}

void Epochs::collect(Record& record) noexcept {
    clock_.fetch_add(1, std::memory_order_seq_cst);
    const auto oldest = oldest_pinned();
    while (!record.dead.empty() && record.dead.front().version < oldest) {
        Entry& entry = record.dead.front();
        record.dead.pop_front();
        record.dead_bytes -= entry.block_bytes();
        free_block(&entry);
    }
    record.collect_at = record.dead.size() + collect_entries;
}

void Epochs::collect() noexcept {
    collect(record_of_this_thread());
}

std::size_t Epochs::waiting() noexcept {
    return record_of_this_thread().dead.size();
}

std::uint64_t Epochs::oldest_pinned() noexcept {
    std::uint64_t oldest = std::numeric_limits<std::uint64_t>::max();
    for (const Record* at = Domain::get().records.load(std::memory_order_seq_cst); at != nullptr; at = at->next)
        if (const auto epoch = at->epoch.load(std::memory_order_seq_cst); epoch != 0) oldest = std::min(oldest, epoch);
    return oldest;
}

void Epochs::retire(std::unique_ptr<Object> gone) noexcept {
    auto& domain = Domain::get();
    Object* free = nullptr;
    {
        const std::lock_guard lock(domain.mutex);
        gone->stamp_ = clock_.fetch_add(1, std::memory_order_seq_cst);
        gone->next_ = domain.objects;
        domain.objects = gone.release();
        const auto oldest = oldest_pinned();
        Object** at = &domain.objects;
        while (*at != nullptr && (*at)->stamp_ >= oldest)
            at = &(*at)->next_;
        free = std::exchange(*at, nullptr); // it and all behind it are older
    }
    while (free != nullptr)
        delete std::exchange(free, free->next_);
}

} // namespace tiercel::memory

namespace tiercel::detail {

void Entry::bury() noexcept {
    destroy_contents();
    if (is_published_)
        memory::Epochs::retire(*this);
    else
        delete this;
}

void free_block(Entry* entry) noexcept {
    delete entry;
}

} // namespace tiercel::detail
