#include "transport/admission.hpp"

#include <string>

namespace tiercel::transport {

Result<void> Admission::enter(std::size_t bytes) {
    if (calls_.fetch_add(1, std::memory_order_relaxed) >= max_calls_) {
        calls_.fetch_sub(1, std::memory_order_relaxed);
        return Error(Errc::overloaded, std::to_string(max_calls_) +
                                           " calls are pending on the connection; raise Options::max_pending_calls");
    }
    if (bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes > max_bytes_) {
        leave(bytes);
        return Error(Errc::overloaded, "more than " + std::to_string(max_bytes_) +
                                           " bytes would be pending on the connection; raise "
                                           "Options::max_pending_bytes, or write less at once");
    }
    return {};
}

void Admission::leave(std::size_t bytes) noexcept {
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    calls_.fetch_sub(1, std::memory_order_relaxed);
}

} // namespace tiercel::transport
