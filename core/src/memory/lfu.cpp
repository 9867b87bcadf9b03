#include "memory/queue_policy.hpp"

#include <tiercel/eviction.hpp>

#include <cassert>
#include <limits>
#include <vector>

namespace tiercel::memory {

namespace {

using BucketIndex = std::uint32_t;
constexpr BucketIndex no_bucket = std::numeric_limits<BucketIndex>::max();

/// The entries of one count: a run in the queue, known by its last.
///
///     queue:    a1 - b1 - c1 - d2 - e5 - f5      (name and count)
///                          ^    ^         ^
///     buckets:            {1}  {2}       {5}     last, count
struct Bucket {
    Entry* last = nullptr; ///< the most recently touched entry of the run
    union {
        std::uint64_t count;   ///< in use
        BucketIndex next_free; ///< in the free list
    };
};

/// By count of uses, and among equals by last touch. A new key counts one; a new value of a held key keeps the key's
/// count and is touched.
///
/// Invariants: counts ascend along the queue; every entry's place is its run's bucket; a run is contiguous and its
/// bucket points to its end; there are at least as many buckets as entries, so that a hit, which may split a run,
/// allocates nothing.
class Lfu final : public Policy {
public:
    Uses uses() const noexcept override { return {.told = Uses::Told::all}; }

    void prepare(std::uint64_t) override {
        if (buckets_.size() > entries_) return;
        buckets_.emplace_back();
        release(static_cast<BucketIndex>(buckets_.size() - 1));
    }

    void on_insert(Entry& entry) noexcept override {
        ++entries_;
        if (!queue_.empty() && bucket_of(queue_.front()).count == 1) {
            join(entry, queue_.front().place);
        } else {
            queue_.push_front(entry);
            found(entry, 1);
        }
    }

    void on_hit(Entry& entry) noexcept override {
        Bucket& bucket = bucket_of(entry);
        const auto after = std::next(queue_.iterator_to(*bucket.last));
        const std::uint64_t count = bucket.count + 1;
        if (after != queue_.end() && bucket_of(*after).count == count) {
            const BucketIndex next = after->place;
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
        join(fresh, old.place);
        leave(old);
    }

    void on_remove(Entry& entry, Exit) noexcept override {
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
            const bool ends = next == queue_.end() || next->place != at->place;
            if (ends != (bucket_of(*at).last == &*at)) return "lfu: a bucket does not point to the end of its run";
            if (ends && next != queue_.end() && bucket_of(*next).count <= bucket_of(*at).count)
                return "lfu: counts do not ascend";
        }
        if (seen != entries_) return "lfu: the queue and its size differ";
        if (buckets_.size() < entries_) return "lfu: fewer buckets than entries";
        return {};
    }

private:
    Bucket& bucket_of(const Entry& entry) noexcept { return buckets_[entry.place]; }
    const Bucket& bucket_of(const Entry& entry) const noexcept { return buckets_[entry.place]; }

    bool is_alone(const Entry& entry) const noexcept {
        if (bucket_of(entry).last != &entry) return false;
        const auto at = queue_.iterator_to(entry);
        return at == queue_.begin() || std::prev(at)->place != entry.place;
    }

    /// To the end of the bucket's run.
    void join(Entry& entry, BucketIndex bucket) noexcept {
        queue_.insert(std::next(queue_.iterator_to(*buckets_[bucket].last)), entry);
        entry.place = bucket;
        buckets_[bucket].last = &entry;
    }

    /// Out of queue and run; the bucket of an emptied run becomes free.
    void leave(Entry& entry) noexcept {
        Bucket& bucket = bucket_of(entry);
        if (is_alone(entry)) {
            release(entry.place);
        } else if (bucket.last == &entry) {
            bucket.last = &*std::prev(queue_.iterator_to(entry));
        }
        queue_.erase(queue_.iterator_to(entry));
    }

    /// Makes a run of `entry`, which stands where it belongs.
    void found(Entry& entry, std::uint64_t count) noexcept {
        assert(free_ != no_bucket);
        entry.place = free_;
        Bucket& bucket = bucket_of(entry);
        free_ = bucket.next_free;
        bucket.last = &entry;
        bucket.count = count;
    }

    void release(BucketIndex bucket) noexcept {
        buckets_[bucket].next_free = free_;
        free_ = bucket;
    }

    PolicyQueue queue_; ///< the next to leave in front
    std::size_t entries_ = 0;
    std::vector<Bucket> buckets_;
    BucketIndex free_ = no_bucket;
};

constexpr PolicyKind lfu_kind{"lfu", []() -> std::unique_ptr<Policy> { return std::make_unique<Lfu>(); }};

} // namespace
} // namespace tiercel::memory

tiercel::Eviction tiercel::eviction::lfu() {
    return Eviction(memory::lfu_kind);
}
