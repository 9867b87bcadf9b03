#include "memory/queue_policy.hpp"

#include <tiercel/eviction.hpp>

namespace tiercel::memory {
namespace {

/// A queue by age in which the front, if it was used since it was last looked at, goes round once more.
class Clock final : public Policy {
public:
    Uses uses() const noexcept override { return {.count_to = 1}; }

    void on_insert(Entry& entry) noexcept override {
        queue_.push_back(entry);
        ++entries_;
    }

    void on_replace(Entry& old, Entry& fresh) noexcept override { take_place(queue_, old, fresh); }

    void on_remove(Entry& entry, Exit) noexcept override {
        queue_.erase(queue_.iterator_to(entry));
        --entries_;
    }

    Entry* victim(const Entry* spared) noexcept override {
        // One round takes every mark away; readers who set them again meanwhile do not keep us.
        for (std::size_t left = entries_; left != 0; --left) {
            Entry* const first = first_but(queue_, spared);
            if (first == nullptr || first->uses() == 0) return first;
            first->set_uses(0);
            move_to_back(queue_, *first);
        }
        return first_but(queue_, spared);
    }

    std::string walk(const std::function<void(const Entry&)>& visit) const override {
        std::size_t seen = 0;
        for (const Entry& entry : queue_) {
            visit(entry);
            ++seen;
        }
        return seen == entries_ ? "" : "clock: the queue and its size differ";
    }

private:
    PolicyQueue queue_; ///< the hand stands in front
    std::size_t entries_ = 0;
};

constexpr PolicyKind clock_kind{"clock", []() -> std::unique_ptr<Policy> { return std::make_unique<Clock>(); }};

} // namespace
} // namespace tiercel::memory

tiercel::Eviction tiercel::eviction::clock() {
    return Eviction(memory::clock_kind);
}
