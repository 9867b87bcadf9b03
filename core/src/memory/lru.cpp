#include "memory/queue_policy.hpp"

#include <tiercel/eviction.hpp>

namespace tiercel::memory {
namespace {

/// By last use: the front is the least recently used.
class Lru final : public QueuePolicy {
public:
    Uses uses() const noexcept override { return {.told = Uses::Told::all}; }
    void on_hit(Entry& entry) noexcept override { move_to_back(entry); }
    Entry* victim(const Entry* spared) noexcept override { return front(spared); }
};

constexpr PolicyKind lru_kind{"lru", []() -> std::unique_ptr<Policy> { return std::make_unique<Lru>(); }};

} // namespace
} // namespace tiercel::memory

tiercel::Eviction tiercel::eviction::lru() {
    return Eviction(memory::lru_kind);
}
