#include "memory/ghost_queues.hpp"
#include "memory/queue_policy.hpp"

#include <tiercel/eviction.hpp>

#include <algorithm>
#include <array>
#include <optional>

namespace tiercel::memory {
namespace {

/// Two queues by last use: `once`, of keys seen once lately, and `often`. Each has its ghosts. A ghost of `once` that
/// comes back says that `once` is too short, one of `often` that it is too long; by this its target length learns.
/// These are T1, T2, B1, B2 and p of the paper.
///
/// Invariants: an entry is in the queue that its place names; `once` and its ghosts are no more than the capacity
/// unless `once` alone is, and everything together no more than twice that; no ghost has a resident key (but for
/// fingerprints that coincide).
class Arc final : public Policy {
public:
    Uses uses() const noexcept override { return {.told = Uses::Told::all}; }

    void set_capacity(std::uint64_t entries) override {
        is_bounded_ = entries != 0;
        if (is_bounded_) fit(entries);
    }

    void prepare(std::uint64_t hash) override {
        if (!is_bounded_) fit(std::max<std::uint64_t>(queues_.size(), 1));
        ghosts_.reserve(capacity_ + 2); // one comes before another is forgotten, and that one late
        const std::size_t once_ghosts = ghosts_.size(GhostQueues::first);
        const std::size_t often_ghosts = ghosts_.size(GhostQueues::second);
        returns_to_ = ghosts_.take(hash);
        if (returns_to_ == GhostQueues::first) {
            target_ = std::min(target_ + std::max<std::size_t>(often_ghosts / once_ghosts, 1), capacity_);
        } else if (returns_to_ == GhostQueues::second) {
            target_ -= std::min(std::max<std::size_t>(once_ghosts / often_ghosts, 1), target_);
        }
    }

    void on_insert(Entry& entry) noexcept override {
        queues_.join(returns_to_ ? often : once, entry);
        returns_to_.reset();
        forget(capacity_);
    }

    void on_hit(Entry& entry) noexcept override {
        queues_.leave(entry);
        queues_.join(often, entry);
    }

    void on_replace(Entry& old, Entry& fresh) noexcept override { queues_.replace(old, fresh); }

    void on_remove(Entry& entry, Exit why) noexcept override {
        queues_.leave(entry);
        if (why != Exit::evicted) return;
        ghosts_.push(entry.place == once ? GhostQueues::first : GhostQueues::second, entry.hash);
        forget(capacity_ + 1);
    }

    Entry* victim(const Entry* spared) noexcept override {
        const bool once_is_long =
            queues_.size(once) > target_ || (queues_.size(once) == target_ && returns_to_ == GhostQueues::second);
        const Place place = once_is_long ? once : often;
        Entry* const found = queues_.first_but(place, spared);
        return found != nullptr ? found : queues_.first_but(place == once ? often : once, spared);
    }

    std::string walk(const std::function<void(const Entry&)>& visit) const override {
        std::size_t coincidences = 0;
        std::string broken = queues_.walk([&](const Entry& entry) {
            visit(entry);
            coincidences += ghosts_.contains(entry.hash) ? 1 : 0;
        });
        if (!broken.empty()) return broken;
        if (target_ > capacity_) return "arc: the target is beyond the capacity";
        if (ghosts_.size(GhostQueues::first) != 0 && queues_.size(once) + ghosts_.size(GhostQueues::first) > capacity_)
            return "arc: more ghosts than the bound";
        if (ghosts_.size() > capacity_ + 1) return "arc: more ghosts than the bound";
        if (coincidences > ghosts_.coincidences_allowed(queues_.size())) return "arc: a resident key has a ghost";
        return {};
    }

private:
    enum Place : std::uint32_t { once, often };

    void fit(std::uint64_t capacity) noexcept {
        capacity_ = capacity;
        target_ = std::min(target_, capacity_);
        forget(capacity_);
    }

    /// The ghosts beyond the bounds, `most` in all. Done after the fact, this forgets the same ones as the paper's case
    /// IV does before it; but between a victim and the newcomer, one more may stay.
    void forget(std::size_t most) noexcept {
        const auto room = [](std::size_t bound, std::size_t taken) { return bound - std::min(bound, taken); };
        ghosts_.trim(GhostQueues::first, room(capacity_, queues_.size(once)));
        ghosts_.trim(GhostQueues::second, room(most, ghosts_.size(GhostQueues::first)));
        ghosts_.trim(GhostQueues::first, most);
    }

    PlacedQueues<2> queues_;
    std::size_t capacity_ = 1;
    bool is_bounded_ = false;
    std::size_t target_ = 0;                       ///< how long `once` may be
    std::optional<GhostQueues::Queue> returns_to_; ///< whose ghost the key to come was
    GhostQueues ghosts_;
};

constexpr PolicyKind arc_kind{"arc", []() -> std::unique_ptr<Policy> { return std::make_unique<Arc>(); }};

} // namespace
} // namespace tiercel::memory

tiercel::Eviction tiercel::eviction::arc() {
    return Eviction(memory::arc_kind);
}
