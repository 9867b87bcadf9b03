// The layer that splits large values is a backend like any other, whatever the size at which it splits.

#include "chain/chunked_backend.hpp"

#include <tiercel/memory_backend.hpp>
#include <tiercel/testing/backend_contract.hpp>

#include <utility>

namespace tiercel::testing {
namespace {

template <std::size_t chunk_bytes>
class ChunkedFixture final : public BackendFixture {
public:
    std::shared_ptr<spi::Backend> backend() override { return std::move(backend_); }
    std::shared_ptr<ManualClock> clock() override { return clock_; }

private:
    std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>();
    std::shared_ptr<spi::Backend> backend_ = std::make_shared<chain::ChunkedBackend>(
        memory_backend::create({.max_bytes = std::size_t{64} << 20, .clock = clock_}).value(), spi::default_runtime(),
        chain::ChunkedBackend::Options{.chunk_bytes = chunk_bytes,
                                       .max_value_bytes = std::size_t{64} << 20,
                                       .key_prefix = "chunks:",
                                       .max_life = std::chrono::hours(24 * 365)});
};

const auto registered = register_backend_contract<ChunkedFixture<16>>("Chunked16");
const auto registered_small = register_backend_contract<ChunkedFixture<4>>("Chunked4");
const auto registered_blocked =
    register_backend_contract<ChunkedFixture<16>>("ChunkedBlocked", Callers::blocked_threads);

} // namespace
} // namespace tiercel::testing
