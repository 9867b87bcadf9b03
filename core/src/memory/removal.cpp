#include <tiercel/removal.hpp>

#include <array>

namespace tiercel {

std::string_view to_string(RemovalCause cause) noexcept {
    static constexpr std::array<std::string_view, removal_cause_count> names = {"explicit", "replaced", "expired",
                                                                                "size", "closed"};
    const auto index = static_cast<std::size_t>(cause);
    return index < names.size() ? names[index] : "unknown";
}

} // namespace tiercel
