#pragma once

#include <tiercel/eviction.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tiercel::lab {

/// A policy to simulate: one of the library's, or Belady's offline optimum.
struct LabPolicy {
    std::string name;
    std::optional<Eviction> online; ///< empty: Belady
    bool is_belady() const noexcept { return !online; }
};

inline constexpr std::string_view belady_name = "belady";

/// All that the library has, in its order.
std::vector<LabPolicy> online_policies();
/// And Belady.
std::vector<LabPolicy> all_policies();

/// Throws UsageError with the names that there are.
LabPolicy policy_named(std::string_view name);
/// Each once, in the order given; "all" stands for all of them.
std::vector<LabPolicy> policies_named(const std::vector<std::string>& names);

} // namespace tiercel::lab
