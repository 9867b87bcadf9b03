#include <tiercel/result.hpp>

#include <array>

namespace tiercel {

std::string_view to_string(Errc code) noexcept {
    static constexpr std::array<std::string_view, errc_count> names = {
        "closed",
        "timeout",
        "cancelled",
        "overloaded",
        "invalid_option",
        "invalid_key",
        "value_too_large",
        "no_loader",
        "loader_failed",
        "writer_failed",
        "codec_failed",
        "recursive_load",
        "would_block",
        "unsupported",
        "corrupt",
        "breaker_open",
        "connection_failed",
        "connection_lost",
        "authentication_failed",
        "permission_denied",
        "not_ready",
        "out_of_memory",
        "read_only",
        "wrong_type",
        "moved",
        "protocol_error",
        "server_error",
    };
    const auto index = static_cast<std::size_t>(code);
    return index < names.size() ? names[index] : "unknown";
}

void throw_exception_from_error(const Error& error, const boost::source_location&) {
    throw Exception(error);
}

} // namespace tiercel
