#include "lab/commands.hpp"
#include "lab/failure.hpp"
#include "lab/lab_options.hpp"
#include "lab/number_text.hpp"
#include "lab/recommendation.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>

namespace tiercel::lab {
namespace {

/// So many requests are looked at for the choice unless --sample says otherwise; the figures given come from all.
constexpr double requests_to_choose_by = 500'000;

struct RecommendOptions : LabOptions {
    std::string trace;
    std::string size;
};

double hit_ratio_of(const std::vector<Outcome>& outcomes, std::string_view policy, std::uint64_t size) {
    return std::ranges::find_if(
               outcomes, [&](const Outcome& outcome) { return outcome.policy == policy && outcome.capacity == size; })
        ->hit_ratio;
}

void recommend(const RecommendOptions& options, bool sample_given) {
    SimulationOptions simulation = simulation_of(options);
    std::erase_if(simulation.policies, &LabPolicy::is_belady);
    if (simulation.policies.empty()) throw UsageError("belady knows the future; name a policy that can be chosen");
    std::vector<CacheSize> wanted;
    if (!options.size.empty()) wanted.emplace_back(options.size);

    const Trace trace = read_with_progress(options.trace, options);
    std::vector<std::uint64_t> sizes = wanted.empty() ? half_again_sizes(trace) : resolved(wanted, trace);
    if (!sample_given) simulation.sample = std::min(1.0, requests_to_choose_by / static_cast<double>(trace.requests()));
    simulation.capacities = sizes;
    Findings findings;
    findings.choice = choose(simulate_with_progress(trace, simulation), sizes);

    // The choice may rest on a sample; what is said of it does not, unless that was asked for.
    if (!sample_given) simulation.sample = 1;
    const std::uint64_t size = findings.choice.size;
    simulation.capacities = {size};
    simulation.policies.push_back(policy_named(belady_name));
    const auto here = simulate_with_progress(trace, simulation);
    std::vector<Outcome> online(here.begin(), here.end() - 1);
    std::ranges::stable_sort(online, std::ranges::greater(), &Outcome::hit_ratio);
    findings.choice.policy = online[0].policy;
    findings.hit_ratio = online[0].hit_ratio;
    findings.belady_ratio = hit_ratio_of(here, belady_name, size);
    if (online.size() > 1) {
        findings.runner_up = online[1].policy;
        findings.runner_up_ratio = online[1].hit_ratio;
    }
    findings.larger_size = size + std::max<std::uint64_t>(1, size / 2);
    simulation.capacities = {findings.larger_size};
    simulation.policies = {policy_named(findings.choice.policy)};
    findings.larger_ratio =
        hit_ratio_of(simulate_with_progress(trace, simulation), findings.choice.policy, findings.larger_size);
    print(sentences(findings, trace));
}

} // namespace

void add_recommend(CLI::App& lab) {
    auto& command = *lab.add_subcommand("recommend", "say in three sentences which policy and size to choose");
    auto options = std::make_shared<RecommendOptions>();
    options->policies = {"all"};
    command.add_option("--trace", options->trace, "a file of one request a line; -: standard input")->required();
    command.add_option("--size", options->size,
                       "the size, where it is given; by default the knee of the curve of the best policies");
    add_simulation_options(command, *options);
    command.get_option("--sample")
        ->description("the part of keys to simulate; by default enough for the choice, then all for the figures")
        ->default_str("");
    add_weigh_option(command, *options);
    command.footer("tiercel-lab recommend --trace web.trace.zst");
    command.callback([options, &command] { recommend(*options, command.count("--sample") > 0); });
}

} // namespace tiercel::lab
