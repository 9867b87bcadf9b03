#include "lab/simulation.hpp"

#include "lab/failure.hpp"
#include "lab/job_pool.hpp"
#include "lab/progress_bar.hpp"
#include "lab/store_run.hpp"
#include "made_traces.hpp"

#include <tiercel/eviction.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <list>

namespace tiercel::lab::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// How many requests have an LRU stack distance of at most `capacity` (Mattson, Gecsei, Slutz, Traiger, "Evaluation
/// techniques for storage hierarchies", IBM Systems Journal 9(2), 1970).
std::uint64_t hits_by_stack_distance(const Trace& trace, std::size_t capacity) {
    std::list<std::uint32_t> stack;
    std::uint64_t hits = 0;
    for (const auto key : trace.keys) {
        const auto at = std::ranges::find(stack, key);
        if (at != stack.end()) {
            if (static_cast<std::size_t>(std::distance(stack.begin(), at)) < capacity) ++hits;
            stack.erase(at);
        }
        stack.push_front(key);
    }
    return hits;
}

TEST(Simulation, of_lru_agrees_with_stack_distances) {
    for (const auto pattern : {Pattern::zipf, Pattern::loop, Pattern::hotspot, Pattern::mixed}) {
        const Trace trace = generated_trace({.pattern = pattern, .requests = 20'000, .keys = 600});
        for (const std::uint64_t capacity : {1U, 10U, 100U, 500U}) {
            const auto outcomes = simulate(trace, {.policies = {policy_named("lru")}, .capacities = {capacity}});
            const auto wanted = static_cast<double>(hits_by_stack_distance(trace, capacity));
            EXPECT_DOUBLE_EQ(outcomes.at(0).hit_ratio, wanted / 20'000) << capacity;
        }
    }
}

TEST(Simulation, gives_outcomes_by_size_then_policy) {
    const Trace trace = random_trace(1, 1'000, 100);
    std::atomic<std::size_t> told{0};
    const SimulationOptions options{
        .policies = policies_named({"fifo", "belady"}), .capacities = {20, 5}, .threads = 3};
    const auto outcomes = simulate(trace, options, [&](std::size_t requests) { told += requests; });
    std::vector<std::string> order;
    for (const auto& outcome : outcomes)
        order.push_back(outcome.policy + " " + std::to_string(outcome.capacity));
    EXPECT_THAT(order, ElementsAre("fifo 20", "belady 20", "fifo 5", "belady 5"));
    EXPECT_EQ(outcomes[0].requests, 1'000u);
    EXPECT_EQ(told, total_requests(trace, options));
}

TEST(Simulation, of_any_policy_of_the_library_stays_within_the_optimum) {
    const Trace trace = generated_trace({.pattern = Pattern::mixed, .requests = 30'000, .keys = 1'000});
    const auto outcomes = simulate(trace, {.policies = all_policies(), .capacities = {50, 400}});
    const std::size_t policies = eviction::names().size() + 1;
    ASSERT_EQ(outcomes.size(), 2 * policies);
    for (std::size_t at = 0; at < outcomes.size(); ++at) {
        const Outcome& optimum = outcomes[at / policies * policies + policies - 1];
        ASSERT_EQ(optimum.policy, "belady");
        EXPECT_LE(outcomes[at].hit_ratio, optimum.hit_ratio) << outcomes[at].policy;
        EXPECT_GE(outcomes[at].hit_ratio, 0);
    }
}

TEST(Simulation, with_room_for_all_hits_all_but_first_requests) {
    const Trace trace = random_trace(3, 5'000, 300);
    const double wanted = 1 - static_cast<double>(trace.unique_keys()) / 5'000;
    for (const auto& outcome : simulate(trace, {.policies = all_policies(), .capacities = {trace.unique_keys()}}))
        EXPECT_DOUBLE_EQ(outcome.hit_ratio, wanted) << outcome.policy;
}

TEST(Simulation, of_many_shards_is_near_that_of_one) {
    const Trace trace = generated_trace({.requests = 100'000, .keys = 20'000});
    SimulationOptions options{.policies = {policy_named("lru")}, .capacities = {4'000}};
    const double exact = simulate(trace, options).at(0).hit_ratio;
    options.shards = 16;
    EXPECT_NEAR(simulate(trace, options).at(0).hit_ratio, exact, 0.01);
}

TEST(Simulation, weighs_entries_by_their_sizes) {
    Trace trace = trace_of_words("a b a b c a b");
    trace.sizes = {60, 40, 60, 40, 200, 60, 40}; // c outweighs the cache: never stored, evicts nobody
    trace.unique_bytes = 300;
    std::vector<bool> hits;
    run_store(trace.sequence(), {eviction::lru(), 100}, {{}, &hits});
    EXPECT_THAT(hits, ElementsAre(false, false, true, true, false, true, true));
    hits.clear();
    run_store(trace.sequence(), {eviction::lru(), 99}, {{}, &hits});
    EXPECT_THAT(hits, ElementsAre(false, false, false, false, false, false, false));
}

TEST(Policies, are_those_of_the_library_and_belady) {
    std::vector<std::string> names;
    for (const auto& policy : all_policies())
        names.push_back(policy.name);
    std::vector<std::string> wanted(eviction::names().begin(), eviction::names().end());
    wanted.emplace_back("belady");
    EXPECT_EQ(names, wanted);
    EXPECT_EQ(policies_named({"lru", "all"}).size(), wanted.size());
    try {
        policy_named("lruu");
        FAIL();
    } catch (const UsageError& error) {
        EXPECT_THAT(error.what(), HasSubstr("\"lruu\""));
        for (const auto& name : wanted)
            EXPECT_THAT(error.what(), HasSubstr(" " + name));
    }
}

TEST(JobPool, runs_all_and_hands_on_what_was_thrown) {
    for (const unsigned threads : {0U, 1U, 2U, 50U}) {
        std::atomic<int> ran{0};
        std::vector<std::function<void()>> jobs(20, [&] { ++ran; });
        run_jobs(jobs, threads);
        EXPECT_EQ(ran, 20);
        jobs[7] = [] { throw Failure("seven"); };
        EXPECT_THROW(run_jobs(jobs, threads), Failure);
    }
    run_jobs({}, 2);
}

TEST(ProgressLine, fills_up) {
    using std::chrono::seconds;
    EXPECT_EQ(progress_line("x", 0.0, seconds(9)), "x [······························] 0 %");
    EXPECT_EQ(progress_line("x", 0.5, seconds(9)), "x [███████████████···············] 50 %, 9 s left");
    EXPECT_EQ(progress_line("x", 1.2, seconds(9)), "x [██████████████████████████████] 100 %");
}

} // namespace
} // namespace tiercel::lab::test
