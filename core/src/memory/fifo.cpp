#include "memory/queue_policy.hpp"

#include <tiercel/eviction.hpp>

namespace tiercel::memory {
namespace {

/// By the age of the value: uses change nothing, a new value is young.
class Fifo final : public QueuePolicy {
public:
    Uses uses() const noexcept override { return {}; }
    Entry* victim(const Entry* spared) noexcept override { return front(spared); }
};

constexpr PolicyKind fifo_kind{"fifo", []() -> std::unique_ptr<Policy> { return std::make_unique<Fifo>(); }};

} // namespace
} // namespace tiercel::memory

tiercel::Eviction tiercel::eviction::fifo() {
    return Eviction(memory::fifo_kind);
}
