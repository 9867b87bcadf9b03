#include "memory/adaptive_body.hpp"
#include "memory/duel.hpp"
#include "memory/fingerprint_ghost.hpp"
#include "memory/queue_policy.hpp"

#include <tiercel/eviction.hpp>

#include <array>
#include <memory>
#include <utility>

namespace tiercel::memory {
namespace {

/// Who leaves is AdaptiveBody's decision; its tuning is the choice of the duel, one for all shards of the store. Who
/// leaves probation leaves a ghost.
///
/// What a contest looks at are entries that nobody used lately, out of the CPU's caches, each known by its neighbour
/// only. So each insert fetches the next ones ahead for the insert after it, one step from its start to its end.
///
/// Invariants: an entry is in the queue that its place names; part_ is this policy's part of the duel's capacity, and
/// within half of its entries if there is no bound by entries.
class Adaptive final : public Policy {
public:
    explicit Adaptive(std::shared_ptr<Duel> duel) noexcept : duel_(std::move(duel)) {}

    ~Adaptive() override { duel_->change_part(part_, 0); }

    std::unique_ptr<Policy> sibling() const override { return std::make_unique<Adaptive>(duel_); }

    Uses uses() const noexcept override {
        return {.count_to = AdaptiveBody::most_uses, .told = Uses::Told::some, .sample = duel_->sample()};
    }

    void set_capacity(std::uint64_t entries) override {
        fit(entries != 0 ? entries : size());
        is_bounded_ = entries != 0;
    }

    void prepare(std::uint64_t hash) override {
        ghosts_.prefetch(hash);
        if (!queues_[protected_].empty()) prefetch(*after(after(hand_)));
        if (!is_bounded_ && (size() > part_ + part_ / 2 || size() + size() / 2 < part_)) fit(size());
        duel_->make_ready();
        duel_->observe(hash);
        body_.expect(ghosts_.take(hash));
    }

    void on_insert(Entry& entry) noexcept override {
        if (body_.admit()) {
            entry.set_uses(AdaptiveBody::first_uses);
            join_protected(entry);
        } else {
            join_probation(entry);
        }
        if (!queues_[protected_].empty()) prefetch(*after(hand_));
        prefetch(queues_[probation].empty() ? entry : queues_[probation].front());
    }

    void on_hit(Entry& entry) noexcept override { duel_->observe(entry.hash); }

    void on_replace(Entry& old, Entry& fresh) noexcept override {
        PolicyQueue& queue = queues_[old.place];
        const bool at_hand = old.place == protected_ && hand_ == queue.iterator_to(old);
        take_place(queue, old, fresh);
        if (at_hand) hand_ = queue.iterator_to(fresh);
    }

    void on_remove(Entry& entry, Exit why) noexcept override {
        if (why == Exit::evicted && entry.place == probation) ghosts_.put(entry.hash);
        leave(entry);
    }

    Entry* victim(const Entry* spared) noexcept override {
        View view{*this, spared};
        Entry* const found = body_.victim(view, duel_->choice());
        if (hand_ != queues_[protected_].end()) prefetch(*hand_);
        return found;
    }

    std::string walk(const std::function<void(const Entry&)>& visit) const override {
        for (const std::uint32_t place : {probation, protected_}) {
            std::size_t seen = 0;
            // In the order of leaving: protected from the hand on.
            const auto from = place == protected_ ? PolicyQueue::const_iterator(hand_) : queues_[place].begin();
            const auto look = [&](auto at, auto end) {
                for (; at != end; ++at, ++seen) {
                    visit(*at);
                    if (at->place != place) return false;
                }
                return true;
            };
            if (!look(from, queues_[place].end()) || !look(queues_[place].begin(), from))
                return "adaptive: an entry is not where its place says";
            if (seen != sizes_[place]) return "adaptive: a queue and its size differ";
        }
        return {};
    }

private:
    enum Place : std::uint32_t { probation, protected_ };

    /// The queues as AdaptiveBody wants them, without the one to spare.
    struct View {
        using Item = Entry*;
        static constexpr Item none = nullptr;

        std::size_t in_probation() const noexcept { return policy.sizes_[probation]; }
        std::size_t in_protected() const noexcept { return policy.sizes_[protected_]; }
        Item oldest() const noexcept { return first_but(policy.queues_[probation], spared); }
        Item at_hand() const noexcept {
            Entry* const at = policy.at_hand();
            if (at == nullptr || at != spared) return at;
            policy.pass();
            return policy.at_hand() == spared ? nullptr : policy.at_hand();
        }
        void pass() const noexcept { policy.pass(); }
        void protect(Item item) const noexcept {
            policy.leave(*item);
            policy.join_protected(*item);
        }
        static std::uint8_t uses(Item item) noexcept { return item->uses(); }
        static void set_uses(Item item, std::uint8_t uses) noexcept { item->set_uses(uses); }

        Adaptive& policy;
        const Entry* spared;
    };

    std::size_t size() const noexcept { return sizes_[probation] + sizes_[protected_]; }

    void fit(std::uint64_t entries) {
        if (entries == part_) return;
        ghosts_.resize(AdaptiveBody::ghosts_per_entry * entries);
        duel_->change_part(std::exchange(part_, entries), entries);
    }

    void join_probation(Entry& entry) noexcept {
        queues_[probation].push_back(entry);
        entry.place = probation;
        ++sizes_[probation];
    }

    void join_protected(Entry& entry) noexcept {
        queues_[protected_].insert(hand_, entry);
        entry.place = protected_;
        ++sizes_[protected_];
    }

    void leave(Entry& entry) noexcept {
        PolicyQueue& queue = queues_[entry.place];
        const auto at = queue.iterator_to(entry);
        const bool at_hand = entry.place == protected_ && hand_ == at;
        const auto next = queue.erase(at);
        if (at_hand) hand_ = next;
        --sizes_[entry.place];
    }

    Entry* at_hand() noexcept {
        PolicyQueue& queue = queues_[protected_];
        if (hand_ == queue.end()) hand_ = queue.begin();
        return queue.empty() ? nullptr : &*hand_;
    }

    /// What is written of an entry that leaves or is looked at.
    static void prefetch(const Entry& entry) noexcept {
        __builtin_prefetch(&entry.policy_hook, 1);
        __builtin_prefetch(entry.hot(), 1);
    }

    /// protected is not empty.
    PolicyQueue::iterator after(PolicyQueue::iterator at) noexcept {
        PolicyQueue& queue = queues_[protected_];
        if (at == queue.end()) at = queue.begin();
        ++at;
        return at == queue.end() ? queue.begin() : at;
    }

    /// There is an entry at the hand.
    void pass() noexcept { ++hand_; }

    const std::shared_ptr<Duel> duel_;
    AdaptiveBody body_;
    FingerprintGhost ghosts_;
    std::array<PolicyQueue, 2> queues_; ///< probation: oldest in front; protected: a ring, whose ends mean nothing
    PolicyQueue::iterator hand_ = queues_[protected_].end(); ///< at an end: at the other
    std::array<std::size_t, 2> sizes_{};
    std::uint64_t part_ = 0;
    bool is_bounded_ = false;
};

constexpr PolicyKind adaptive_kind{
    "adaptive", []() -> std::unique_ptr<Policy> { return std::make_unique<Adaptive>(std::make_shared<Duel>()); }};

} // namespace
} // namespace tiercel::memory

tiercel::Eviction tiercel::eviction::adaptive() {
    return Eviction(memory::adaptive_kind);
}
