#include "lab/policy_list.hpp"

#include "lab/failure.hpp"

#include <algorithm>

namespace tiercel::lab {

std::vector<LabPolicy> online_policies() {
    std::vector<LabPolicy> policies;
    for (const std::string_view name : eviction::names())
        policies.push_back({std::string(name), eviction::named(name)});
    return policies;
}

std::vector<LabPolicy> all_policies() {
    auto policies = online_policies();
    policies.push_back({std::string(belady_name), std::nullopt});
    return policies;
}

LabPolicy policy_named(std::string_view name) {
    if (name == belady_name) return {std::string(name), std::nullopt};
    if (auto eviction = eviction::named(name)) return {std::string(name), eviction};
    std::string known;
    for (const auto& policy : all_policies())
        known += " " + policy.name;
    throw UsageError("there is no policy \"" + std::string(name) + "\"; there are:" + known);
}

std::vector<LabPolicy> policies_named(const std::vector<std::string>& names) {
    std::vector<LabPolicy> policies;
    const auto add = [&](LabPolicy policy) {
        if (std::ranges::find(policies, policy.name, &LabPolicy::name) == policies.end())
            policies.push_back(std::move(policy));
    };
    for (const auto& name : names) {
        if (name == "all") {
            for (auto& policy : all_policies())
                add(std::move(policy));
        } else {
            add(policy_named(name));
        }
    }
    return policies;
}

} // namespace tiercel::lab
