#include "memory/table.hpp"

#include <tiercel/hash.hpp>

#include <atomic>
#include <random>

namespace tiercel::memory {

std::uint64_t Table::random_odd() {
    static std::atomic<std::uint64_t> state{[] {
        std::random_device source;
        return std::uint64_t{source()} << 32 | source();
    }()};
    return detail::mix(state.fetch_add(1, std::memory_order_relaxed)) | 1;
}

} // namespace tiercel::memory
