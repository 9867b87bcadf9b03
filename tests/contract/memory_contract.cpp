#include <tiercel/memory_backend.hpp>
#include <tiercel/testing/backend_contract.hpp>

#include <utility>

namespace tiercel::testing {
namespace {

class MemoryFixture final : public BackendFixture {
public:
    std::shared_ptr<spi::Backend> backend() override { return std::move(backend_); }
    std::shared_ptr<ManualClock> clock() override { return clock_; }

private:
    std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>();
    std::shared_ptr<spi::Backend> backend_ =
        memory_backend::create({.max_bytes = std::size_t{20} << 20, .clock = clock_}).value();
};

const auto registered = register_backend_contract<MemoryFixture>("Memory");
const auto registered_blocked = register_backend_contract<MemoryFixture>("MemoryBlocked", Callers::blocked_threads);

} // namespace
} // namespace tiercel::testing
