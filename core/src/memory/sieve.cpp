#include "memory/queue_policy.hpp"

#include <tiercel/eviction.hpp>

namespace tiercel::memory {
namespace {

/// A queue by age, oldest in front, through which a hand goes from the oldest to the youngest and round again: it takes
/// the mark of use from those that have it, who stay where they are, and stops at the first that has none.
///
/// Invariant: the hand is null, which is before the oldest, or at an entry of the queue.
class Sieve final : public Policy {
public:
    Uses uses() const noexcept override { return {.count_to = 1}; }

    void on_insert(Entry& entry) noexcept override {
        queue_.push_back(entry);
        ++entries_;
    }

    void on_replace(Entry& old, Entry& fresh) noexcept override {
        take_place(queue_, old, fresh);
        if (hand_ == &old) hand_ = &fresh;
    }

    void on_remove(Entry& entry, Exit) noexcept override {
        if (hand_ == &entry) hand_ = younger(entry);
        queue_.erase(queue_.iterator_to(entry));
        --entries_;
    }

    Entry* victim(const Entry* spared) noexcept override {
        // One round takes every mark away; readers who set them again meanwhile do not keep us.
        for (std::size_t left = entries_; left != 0; --left) {
            Entry& at = at_hand();
            if (&at != spared) {
                if (at.uses() == 0) return &at;
                at.set_uses(0);
            }
            hand_ = younger(at);
        }
        if (queue_.empty()) return nullptr;
        if (&at_hand() == spared) hand_ = younger(at_hand());
        return &at_hand() == spared ? nullptr : hand_;
    }

    std::string walk(const std::function<void(const Entry&)>& visit) const override {
        std::size_t seen = 0;
        bool hand_seen = hand_ == nullptr;
        for (const Entry& entry : queue_) {
            visit(entry);
            ++seen;
            hand_seen |= hand_ == &entry;
        }
        if (!hand_seen) return "sieve: the hand is at none of the entries";
        return seen == entries_ ? "" : "sieve: the queue and its size differ";
    }

private:
    /// Null after the youngest.
    Entry* younger(Entry& entry) noexcept {
        const auto next = std::next(queue_.iterator_to(entry));
        return next == queue_.end() ? nullptr : &*next;
    }

    /// The queue is not empty.
    Entry& at_hand() noexcept {
        if (hand_ == nullptr) hand_ = &queue_.front();
        return *hand_;
    }

    PolicyQueue queue_;
    Entry* hand_ = nullptr;
    std::size_t entries_ = 0;
};

constexpr PolicyKind sieve_kind{"sieve", []() -> std::unique_ptr<Policy> { return std::make_unique<Sieve>(); }};

} // namespace
} // namespace tiercel::memory

tiercel::Eviction tiercel::eviction::sieve() {
    return Eviction(memory::sieve_kind);
}
