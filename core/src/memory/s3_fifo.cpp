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
        if (!is_bounded_) fit(std::max<std::uint64_t>(queues_.size(), 1));
        ghosts_.reserve(ghost_capacity());
        returns_ = ghosts_.take(hash).has_value();
    }

    void on_insert(Entry& entry) noexcept override {
        queues_.join(std::exchange(returns_, false) ? main : small, entry);
    }

    void on_replace(Entry& old, Entry& fresh) noexcept override { queues_.replace(old, fresh); }

    void on_remove(Entry& entry, Exit why) noexcept override {
        if (why == Exit::evicted && entry.place == small && ghost_capacity() != 0) {
            ghosts_.push(GhostQueues::first, entry.hash);
            ghosts_.trim(GhostQueues::first, ghost_capacity());
        }
        queues_.leave(entry);
    }

    Entry* victim(const Entry* spared) noexcept override {
        Entry* found = nullptr;
        if (queues_.size(main) <= capacity_ - small_capacity()) found = victim_in_small(spared);
        if (found == nullptr) found = victim_in_main(spared);
        if (found == nullptr) found = queues_.first_but(small, spared);
        return found;
    }

    std::string walk(const std::function<void(const Entry&)>& visit) const override {
        std::size_t coincidences = 0;
        std::string broken = queues_.walk([&](const Entry& entry) {
            visit(entry);
            coincidences += ghosts_.contains(entry.hash) ? 1 : 0;
        });
        if (!broken.empty()) return broken;
        if (ghosts_.size() > ghost_capacity()) return "s3_fifo: more ghosts than the bound";
        if (coincidences > ghosts_.coincidences_allowed(queues_.size())) return "s3_fifo: a resident key has a ghost";
        return {};
    }

private:
    enum Place : std::uint32_t { small, main };
    static constexpr std::uint8_t most_uses = 3;
    static constexpr std::uint8_t uses_to_main = 2;

    std::uint64_t small_capacity() const noexcept { return std::max<std::uint64_t>(capacity_ / 10, 1); }
    std::uint64_t ghost_capacity() const noexcept { return capacity_ - (capacity_ + 9) / 10; }

    void fit(std::uint64_t capacity) noexcept {
        capacity_ = capacity;
        ghosts_.trim(GhostQueues::first, ghost_capacity());
    }

    /// Null if everybody moved to main.
    Entry* victim_in_small(const Entry* spared) noexcept {
        for (;;) {
            Entry* const entry = queues_.first_but(small, spared);
            if (entry == nullptr || entry->uses() < uses_to_main) return entry;
            queues_.leave(*entry);
            queues_.join(main, *entry);
            entry->set_uses(0);
        }
    }

    Entry* victim_in_main(const Entry* spared) noexcept {
        // So many rounds take every use away; readers who add some meanwhile do not keep us.
        for (std::size_t left = most_uses * queues_.size(main); left != 0; --left) {
            Entry* const entry = queues_.first_but(main, spared);
            if (entry == nullptr) return nullptr;
            const std::uint8_t uses = entry->uses();
            if (uses == 0) return entry;
            entry->set_uses(static_cast<std::uint8_t>(uses - 1));
            move_to_back(queues_[main], *entry);
        }
        return queues_.first_but(main, spared);
    }

    PlacedQueues<2> queues_;
    std::uint64_t capacity_ = 1;
    bool is_bounded_ = false;
    bool returns_ = false; ///< the key to come is remembered
    GhostQueues ghosts_;
};

constexpr PolicyKind s3_fifo_kind{"s3_fifo", []() -> std::unique_ptr<Policy> { return std::make_unique<S3Fifo>(); }};

} // namespace
} // namespace tiercel::memory

tiercel::Eviction tiercel::eviction::s3_fifo() {
    return Eviction(memory::s3_fifo_kind);
}
