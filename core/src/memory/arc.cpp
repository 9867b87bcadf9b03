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
        if (!is_bounded_) fit(std::max<std::uint64_t>(size(), 1));
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
        join(returns_to_ ? often : once, entry);
        returns_to_.reset();
        forget(capacity_);
    }

    void on_hit(Entry& entry) noexcept override {
        leave(entry);
        join(often, entry);
    }

    void on_replace(Entry& old, Entry& fresh) noexcept override { take_place(queues_[old.place], old, fresh); }

    void on_remove(Entry& entry, Exit why) noexcept override {
        leave(entry);
        if (why != Exit::evicted) return;
        ghosts_.push(entry.place == once ? GhostQueues::first : GhostQueues::second, entry.hash);
        forget(capacity_ + 1);
    }

    Entry* victim(const Entry* spared) noexcept override {
        const bool once_is_long =
            sizes_[once] > target_ || (sizes_[once] == target_ && returns_to_ == GhostQueues::second);
        const Place place = once_is_long ? once : often;
        Entry* const found = first_but(queues_[place], spared);
        return found != nullptr ? found : first_but(queues_[place == once ? often : once], spared);
    }

    std::string walk(const std::function<void(const Entry&)>& visit) const override {
        std::size_t coincidences = 0;
        for (const std::uint32_t place : {once, often}) {
            std::size_t seen = 0;
            for (const Entry& entry : queues_[place]) {
                visit(entry);
                ++seen;
                if (entry.place != place) return "arc: an entry is not where its place says";
                coincidences += ghosts_.contains(entry.hash) ? 1 : 0;
            }
            if (seen != sizes_[place]) return "arc: a queue and its size differ";
        }
        if (target_ > capacity_) return "arc: the target is beyond the capacity";
        if (ghosts_.size(GhostQueues::first) != 0 && sizes_[once] + ghosts_.size(GhostQueues::first) > capacity_)
            return "arc: more ghosts than the bound";
        if (ghosts_.size() > capacity_ + 1) return "arc: more ghosts than the bound";
        if (coincidences > ghosts_.coincidences_allowed(size())) return "arc: a resident key has a ghost";
        return {};
    }

private:
    enum Place : std::uint32_t { once, often };

    std::size_t size() const noexcept { return sizes_[once] + sizes_[often]; }

    void fit(std::uint64_t capacity) noexcept {
        capacity_ = capacity;
        target_ = std::min(target_, capacity_);
        forget(capacity_);
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

    /// The ghosts beyond the bounds, `most` in all. Done after the fact, this forgets the same ones as the paper's case
    /// IV does before it; but between a victim and the newcomer, one more may stay.
    void forget(std::size_t most) noexcept {
        const auto room = [](std::size_t bound, std::size_t taken) { return bound - std::min(bound, taken); };
        ghosts_.trim(GhostQueues::first, room(capacity_, sizes_[once]));
        ghosts_.trim(GhostQueues::second, room(most, ghosts_.size(GhostQueues::first)));
        ghosts_.trim(GhostQueues::first, most);
    }

    std::array<PolicyQueue, 2> queues_;
    std::array<std::size_t, 2> sizes_{};
    std::size_t capacity_ = 1;
    bool is_bounded_ = false;
    std::size_t target_ = 0;                       ///< how long `once` may be
    std::optional<GhostQueues::Queue> returns_to_; ///< whose ghost the key to come was
    GhostQueues ghosts_;
};

constexpr PolicyKind kind{"arc", []() -> std::unique_ptr<Policy> { return std::make_unique<Arc>(); }};

} // namespace
} // namespace tiercel::memory

tiercel::Eviction tiercel::eviction::arc() {
    return Eviction(memory::kind);
}
