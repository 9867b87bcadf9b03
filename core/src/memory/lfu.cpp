#include "memory/queue_policy.hpp"

#include <tiercel/eviction.hpp>

#include <cassert>
#include <deque>

namespace tiercel::memory {

/// The entries of one count: a run in the queue, known by its last.
///
///     queue:    a1 - b1 - c1 - d2 - e5 - f5      (name and count)
///                          ^    ^         ^
///     buckets:            {1}  {2}       {5}     last, count
struct LfuBucket {
    union {
        Entry* last;          ///< in use: the most recently touched entry of the run
        LfuBucket* next_free; ///< in the free list
    };
    std::uint64_t count;
};

namespace {

/// By count of uses, and among equals by last touch. A new key counts one; a new value of a held key keeps the key's
/// count and is touched.
///
/// Invariants: counts ascend along the queue; every entry points to its run's bucket; a run is contiguous and its
/// bucket points to its end; there are at least as many buckets as entries, so that a hit, which may split a run,
/// allocates nothing.
class Lfu final : public Policy {
public:
    void prepare() override {
        if (buckets_.size() > entries_) return;
        release(&buckets_.emplace_back());
    }

    void on_insert(Entry& entry) noexcept override {
        ++entries_;
        if (!queue_.empty() && queue_.front().frequency->count == 1) {
            join(entry, *queue_.front().frequency);
        } else {
            queue_.push_front(entry);
            found(entry, 1);
        }
    }

    void on_hit(Entry& entry) noexcept override {
        LfuBucket& bucket = *entry.frequency;
        const auto after = std::next(queue_.iterator_to(*bucket.last));
        const std::uint64_t count = bucket.count + 1;
        if (after != queue_.end() && after->frequency->count == count) {
            LfuBucket& next = *after->frequency;
            leave(entry);
            join(entry, next);
        } else if (is_alone(entry)) {
            bucket.count = count;
        } else {
            leave(entry);
            queue_.insert(after, entry);
            found(entry, count);
        }
    }

    void on_replace(Entry& old, Entry& fresh) noexcept override {
        join(fresh, *old.frequency);
        leave(old);
    }

    void on_remove(Entry& entry) noexcept override {
        leave(entry);
        --entries_;
    }

    Entry* victim(const Entry* spared) noexcept override {
        auto at = queue_.begin();
        if (at != queue_.end() && &*at == spared) ++at;
        return at == queue_.end() ? nullptr : &*at;
    }

    std::string walk(const std::function<void(const Entry&)>& visit) const override {
        std::size_t seen = 0;
        for (auto at = queue_.begin(); at != queue_.end(); ++at, ++seen) {
            visit(*at);
            const auto next = std::next(at);
            const bool ends = next == queue_.end() || next->frequency != at->frequency;
            if (ends != (at->frequency->last == &*at)) return "lfu: a bucket does not point to the end of its run";
            if (ends && next != queue_.end() && next->frequency->count <= at->frequency->count)
                return "lfu: counts do not ascend";
        }
        if (seen != entries_) return "lfu: the queue and its size differ";
        if (buckets_.size() < entries_) return "lfu: fewer buckets than entries";
        return {};
    }

private:
    bool is_alone(const Entry& entry) const noexcept {
        if (entry.frequency->last != &entry) return false;
        const auto at = queue_.iterator_to(entry);
        return at == queue_.begin() || std::prev(at)->frequency != entry.frequency;
    }

    /// To the end of the bucket's run.
    void join(Entry& entry, LfuBucket& bucket) noexcept {
        queue_.insert(std::next(queue_.iterator_to(*bucket.last)), entry);
        entry.frequency = &bucket;
        bucket.last = &entry;
    }

    /// Out of queue and run; the bucket of an emptied run becomes free.
    void leave(Entry& entry) noexcept {
        LfuBucket& bucket = *entry.frequency;
        if (is_alone(entry)) {
            release(&bucket);
        } else if (bucket.last == &entry) {
            bucket.last = &*std::prev(queue_.iterator_to(entry));
        }
        queue_.erase(queue_.iterator_to(entry));
        entry.frequency = nullptr;
    }

    /// Makes a run of `entry`, which stands where it belongs.
    void found(Entry& entry, std::uint64_t count) noexcept {
        assert(free_ != nullptr);
        LfuBucket* const bucket = free_;
        free_ = bucket->next_free;
        bucket->last = &entry;
        bucket->count = count;
        entry.frequency = bucket;
    }

    void release(LfuBucket* bucket) noexcept {
        bucket->next_free = free_;
        free_ = bucket;
    }

    PolicyQueue queue_; ///< the next to leave in front
    std::size_t entries_ = 0;
    std::deque<LfuBucket> buckets_; ///< where they live; a deque does not move them
    LfuBucket* free_ = nullptr;
};

constexpr PolicyKind kind{"lfu", []() -> std::unique_ptr<Policy> { return std::make_unique<Lfu>(); }};

} // namespace
} // namespace tiercel::memory

tiercel::Eviction tiercel::eviction::lfu() {
    return Eviction(memory::kind);
}
