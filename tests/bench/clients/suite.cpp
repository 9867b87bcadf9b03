#include "suite.hpp"

#include "../progress.hpp"
#include "cases.hpp"
#include "servers.hpp"

#include <algorithm>
#include <numeric>
#include <random>
#include <regex>
#include <stdexcept>

namespace tiercel::bench::clients {
namespace {

/// What the filter leaves.
std::vector<Case> chosen(std::vector<Case> cases, const std::string& filter) {
    const std::regex pattern(filter);
    for (auto& one : cases) {
        std::erase_if(one.contenders, [&](const Contender& contender) {
            return !std::regex_search(one.name + ": " + contender.name, pattern);
        });
        const auto is_there = [&](const std::string& name) {
            return std::ranges::find(one.contenders, name, &Contender::name) != one.contenders.end();
        };
        std::erase_if(one.comparisons, [&](const Comparison& comparison) {
            return !is_there(comparison.contender) || !is_there(comparison.reference);
        });
    }
    std::erase_if(cases, [](const Case& one) { return one.contenders.empty(); });
    return cases;
}

} // namespace

std::vector<Row> run_suite(const Settings& settings) {
    Servers servers;
    const auto cases = chosen(cases_over(servers), settings.filter);
    std::vector<Row> rows;
    std::size_t steps = 0;
    for (const auto& one : cases) {
        rows.push_back({.name = one.name, .columns = {}, .comparisons = one.comparisons});
        for (const auto& contender : one.contenders)
            rows.back().columns.push_back({.contender = contender.name, .samples = {}});
        steps += one.contenders.size() * settings.repetitions;
    }
    Progress progress(steps, settings.times.warm_up + settings.times.measured, std::chrono::minutes(2));
    std::mt19937_64 random(settings.seed);
    for (std::size_t repetition = 0; repetition < settings.repetitions; ++repetition) {
        for (std::size_t row = 0; row < cases.size(); ++row) {
            std::vector<std::size_t> turns(cases[row].contenders.size());
            std::iota(turns.begin(), turns.end(), std::size_t{0});
            std::ranges::shuffle(turns, random);
            for (const auto turn : turns) {
                const auto& contender = cases[row].contenders[turn];
                const auto step = cases[row].name + ": " + contender.name;
                progress.begin(step);
                try {
                    rows[row].columns[turn].samples.push_back(contender.measure(settings.times));
                } catch (const std::exception& error) {
                    throw std::runtime_error(step + ": " + error.what());
                }
            }
        }
    }
    return rows;
}

} // namespace tiercel::bench::clients
