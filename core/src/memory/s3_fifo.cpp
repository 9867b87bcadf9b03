#include "memory/ghost_queues.hpp"
#include "memory/queue_policy.hpp"

#include <tiercel/eviction.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace tiercel::memory {
namespace {

/// New keys queue in `small`. Whoever was used twice by the time it reaches the front moves to `main`; the others
/// leave, and are remembered until as many as nine tenths of the capacity followed them: a key that comes back by then
/// goes to `main` at once. In `main`, whoever was used goes round again, one use poorer, up to three times. The room is
/// taken from `small`, unless `main` has more than nine tenths of it: a tenth for `small` is a share it comes down to,
/// not a bound.
///
/// Invariants: an entry is in the queue that its place names; no ghost has a resident key (but for fingerprints that
/// coincide).
class S3Fifo final : public Policy {
public:
    Uses uses() const noexcept override { return {.count_to = most_uses}; }

    void set_capacity(std::uint64_t entries) override {
        is_bounded_ = entries != 0;
        if (is_bounded_) fit(entries);
    }

    void prepare(std::uint64_t hash) override {
        if (!is_bounded_) fit(std::max<std::uint64_t>(size(), 1));
        ghosts_.reserve(ghost_capacity());
        returns_ = ghosts_.take(hash).has_value();
    }

    void on_insert(Entry& entry) noexcept override { join(std::exchange(returns_, false) ? main : small, entry); }

    void on_replace(Entry& old, Entry& fresh) noexcept override { take_place(queues_[old.place], old, fresh); }

    void on_remove(Entry& entry, Exit why) noexcept override {
        if (why == Exit::evicted && entry.place == small && ghost_capacity() != 0) {
            ghosts_.push(GhostQueues::first, entry.hash);
            ghosts_.trim(GhostQueues::first, ghost_capacity());
        }
        leave(entry);
    }

    Entry* victim(const Entry* spared) noexcept override {
        Entry* found = nullptr;
        if (sizes_[main] <= capacity_ - small_capacity()) found = victim_in_small(spared);
        if (found == nullptr) found = victim_in_main(spared);
        if (found == nullptr) found = first_but(queues_[small], spared);
        return found;
    }

    std::string walk(const std::function<void(const Entry&)>& visit) const override {
        std::size_t coincidences = 0;
        for (const std::uint32_t place : {small, main}) {
            std::size_t seen = 0;
            for (const Entry& entry : queues_[place]) {
                visit(entry);
                ++seen;
                if (entry.place != place) return "s3_fifo: an entry is not where its place says";
                coincidences += ghosts_.contains(entry.hash) ? 1 : 0;
            }
            if (seen != sizes_[place]) return "s3_fifo: a queue and its size differ";
        }
        if (ghosts_.size() > ghost_capacity()) return "s3_fifo: more ghosts than the bound";
        if (coincidences > ghosts_.coincidences_allowed(size())) return "s3_fifo: a resident key has a ghost";
        return {};
    }

private:
    enum Place : std::uint32_t { small, main };
    static constexpr std::uint8_t most_uses = 3;
    static constexpr std::uint8_t uses_to_main = 2;

    std::size_t size() const noexcept { return sizes_[small] + sizes_[main]; }
    std::uint64_t small_capacity() const noexcept { return std::max<std::uint64_t>(capacity_ / 10, 1); }
    std::uint64_t ghost_capacity() const noexcept { return capacity_ - (capacity_ + 9) / 10; }

    void fit(std::uint64_t capacity) noexcept {
        capacity_ = capacity;
        ghosts_.trim(GhostQueues::first, ghost_capacity());
    }

    void join(Place place, Entry& entry) noexcept {
        queues_[place].push_back(entry);
        entry.place = place;
        ++sizes_[place];
    }

    void leave(Entry& entry) noexcept {
        PolicyQueue& queue = queues_[entry.place];
        queue.erase(queue.iterator_to(entry));
        --sizes_[entry.place];
    }

    /// Null if everybody moved to main.
    Entry* victim_in_small(const Entry* spared) noexcept {
        for (;;) {
            Entry* const entry = first_but(queues_[small], spared);
            if (entry == nullptr || entry->uses() < uses_to_main) return entry;
            leave(*entry);
            join(main, *entry);
            entry->set_uses(0);
        }
    }

    Entry* victim_in_main(const Entry* spared) noexcept {
        // So many rounds take every use away; readers who add some meanwhile do not keep us.
        for (std::size_t left = most_uses * sizes_[main]; left != 0; --left) {
            Entry* const entry = first_but(queues_[main], spared);
            if (entry == nullptr) return nullptr;
            const std::uint8_t uses = entry->uses();
            if (uses == 0) return entry;
            entry->set_uses(static_cast<std::uint8_t>(uses - 1));
            move_to_back(queues_[main], *entry);
        }
        return first_but(queues_[main], spared);
    }

    std::array<PolicyQueue, 2> queues_;
    std::array<std::size_t, 2> sizes_{};
    std::uint64_t capacity_ = 1;
    bool is_bounded_ = false;
    bool returns_ = false; ///< the key to come is remembered
    GhostQueues ghosts_;
};

constexpr PolicyKind kind{"s3_fifo", []() -> std::unique_ptr<Policy> { return std::make_unique<S3Fifo>(); }};

} // namespace
} // namespace tiercel::memory

tiercel::Eviction tiercel::eviction::s3_fifo() {
    return Eviction(memory::kind);
}
