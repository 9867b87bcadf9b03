#include "memory/queue_policy.hpp"

#include <tiercel/eviction.hpp>

namespace tiercel::memory {
namespace {

/// By last use, the other way round: the back, which leaves, is the most recently used.
class Mru final : public QueuePolicy {
public:
    Uses uses() const noexcept override { return {.told = Uses::Told::all}; }
    void on_hit(Entry& entry) noexcept override { move_to_back(entry); }
    Entry* victim(const Entry* spared) noexcept override { return back(spared); }
};

constexpr PolicyKind mru_kind{"mru", []() -> std::unique_ptr<Policy> { return std::make_unique<Mru>(); }};

} // namespace
} // namespace tiercel::memory

tiercel::Eviction tiercel::eviction::mru() {
    return Eviction(memory::mru_kind);
}
