#include "suite.hpp"

#include "../progress.hpp"

#include <algorithm>
#include <iterator>
#include <memory>
#include <numeric>
#include <random>
#include <regex>
#include <stdexcept>
#include <utility>
#include <variant>

namespace tiercel::bench::peers {
namespace {

/// Cases that share their contenders, filled once, and the draws of keys.
struct Group {
    std::string keys;
    std::size_t capacity;
    /// What the contenders hold at the start, and what they are drawn from.
    enum class Kind {
        resident, ///< all keys, with an eighth to spare: parts of a cache fill unevenly; Zipf
        larger,   ///< half of the keys, warmed: at about 90 % hits; Zipf
        fresh,    ///< as many as it takes; keys that will not come again soon
        emptied,  ///< nothing; each key once, at random
    } kind;
    std::vector<std::pair<Workload, unsigned>> measurements;
};

std::vector<Group> groups_of(const Settings& settings) {
    using Kind = Group::Kind;
    std::vector<Group> groups;
    for (const auto capacity : settings.capacities) {
        for (const std::string keys : {"64-bit", "32-byte"}) {
            Group resident{keys, capacity, Kind::resident, {}}, larger{keys, capacity, Kind::larger, {}};
            for (const auto threads : settings.threads) {
                resident.measurements.emplace_back(Workload::hits, threads);
                larger.measurements.emplace_back(Workload::mixed_95_5, threads);
                larger.measurements.emplace_back(Workload::mixed_50_50, threads);
            }
            resident.measurements.emplace_back(Workload::hit_latency, settings.threads.back());
            if (keys == "32-byte") {
                groups.insert(groups.end(), {resident, larger});
                continue;
            }
            Group fresh{keys, capacity, Kind::fresh, {}}, emptied{keys, capacity, Kind::emptied, {}};
            for (const auto threads : {1u, 2u}) {
                resident.measurements.emplace_back(Workload::put_existing, threads);
                fresh.measurements.emplace_back(Workload::put_at_capacity, threads);
            }
            emptied.measurements.emplace_back(Workload::erase, 1u);
            groups.insert(groups.end(), {resident, larger, fresh, emptied});
        }
    }
    return groups;
}

std::vector<std::uint64_t> numbers_of(const Group& group, const Settings& settings) {
    const auto seed = settings.seed;
    const auto count = settings.draws;
    switch (group.kind) {
    case Group::Kind::resident:
        return zipf_draws(group.capacity, count, seed);
    case Group::Kind::larger:
        return zipf_draws(group.capacity * 2, count, seed);
    case Group::Kind::fresh: {
        std::vector<std::uint64_t> numbers(count);
        std::iota(numbers.begin(), numbers.end(), std::uint64_t{0});
        std::ranges::shuffle(numbers, std::mt19937_64(seed));
        return numbers;
    }
    case Group::Kind::emptied: {
        std::vector<std::uint64_t> numbers(group.capacity);
        std::iota(numbers.begin(), numbers.end(), std::uint64_t{0});
        std::ranges::shuffle(numbers, std::mt19937_64(seed));
        return numbers;
    }
    }
    return {};
}

bool takes_part(Role role, Workload workload) {
    const bool puts_only = workload == Workload::put_existing || workload == Workload::put_at_capacity;
    return role != Role::tiercel_ttls || puts_only;
}

/// A group's cases and contenders that the filter leaves.
template <class K>
class GroupRun {
public:
    GroupRun(Group group, const Settings& settings) : group_(std::move(group)), settings_(settings) {
        const std::regex filter(settings.filter);
        for (const auto& [workload, threads] : group_.measurements)
            rows_.push_back({{group_.keys, group_.capacity, workload, threads}, {}});
        for (auto& entrant : entrants<K>(settings.policies)) {
            Competitor competitor{std::move(entrant), nullptr, {}};
            const auto probe = competitor.entrant.make(1'024);
            for (std::size_t row = 0; row < rows_.size(); ++row) {
                const auto& what = rows_[row].what;
                if (!probe->does(what.workload) || !takes_part(competitor.entrant.role, what.workload)) continue;
                if (!std::regex_search(what.name() + ": " + competitor.entrant.name, filter)) continue;
                competitor.columns.emplace_back(row, rows_[row].columns.size());
                rows_[row].columns.push_back({competitor.entrant.name, competitor.entrant.role, {}});
            }
            if (!competitor.columns.empty()) competitors_.push_back(std::move(competitor));
        }
    }

    std::size_t steps() const {
        std::size_t steps = competitors_.size();
        for (const auto& row : rows_)
            steps += row.columns.size() * settings_.repetitions;
        return steps;
    }

    std::vector<Row> run(Progress& progress) {
        if (competitors_.empty()) return {};
        const Draws<K> draws(numbers_of(group_, settings_));
        for (auto& competitor : competitors_) {
            progress.begin("filling " + competitor.entrant.name + " with " + std::to_string(group_.capacity));
            prepare(competitor, draws);
        }
        std::mt19937_64 random(settings_.seed);
        for (std::size_t repetition = 0; repetition < settings_.repetitions; ++repetition) {
            for (std::size_t row = 0; row < rows_.size(); ++row) {
                std::vector<std::pair<Competitor*, std::size_t>> turns;
                for (auto& competitor : competitors_) {
                    for (const auto& [its_row, column] : competitor.columns) {
                        if (its_row == row) turns.emplace_back(&competitor, column);
                    }
                }
                std::ranges::shuffle(turns, random);
                for (const auto& [competitor, column] : turns)
                    measure(*competitor, rows_[row], rows_[row].columns[column], draws, progress);
            }
        }
        std::erase_if(rows_, [](const Row& row) { return row.columns.empty(); });
        competitors_.clear(); // the next group needs the memory
        return std::move(rows_);
    }

private:
    struct Competitor {
        Entrant<K> entrant;
        std::unique_ptr<Runner<K>> runner;
        std::vector<std::pair<std::size_t, std::size_t>> columns; ///< row and column of each of its cases
    };

    void prepare(Competitor& competitor, const Draws<K>& draws) {
        const auto capacity = group_.capacity;
        switch (group_.kind) {
        case Group::Kind::resident:
            competitor.runner = competitor.entrant.make(capacity + capacity / 8);
            competitor.runner->fill(capacity);
            break;
        case Group::Kind::larger:
            competitor.runner = competitor.entrant.make(capacity);
            competitor.runner->fill(capacity);
            competitor.runner->warm(draws, 2 * capacity / block_size);
            break;
        case Group::Kind::fresh:
            competitor.runner = competitor.entrant.make(capacity);
            competitor.runner->warm(draws, capacity / block_size);
            break;
        case Group::Kind::emptied:
            competitor.runner = competitor.entrant.make(capacity + capacity / 8);
            break;
        }
    }

    void measure(Competitor& competitor, const Row& row, Column& column, const Draws<K>& draws, Progress& progress) {
        const auto& what = row.what;
        progress.begin(what.name() + ": " + column.contender);
        column.samples.push_back(competitor.runner->measure(what.workload, draws, what.threads, settings_.duration));
        const auto& sample = column.samples.back();
        const bool must_hit = what.workload == Workload::hits || what.workload == Workload::hit_latency;
        if (must_hit && sample.hit_ratio < 1)
            throw std::runtime_error(what.name() + ": " + column.contender + " does not hold what it has room for: " +
                                     std::to_string(100 * sample.hit_ratio) + " % hits");
    }

    Group group_;
    const Settings& settings_;
    std::vector<Row> rows_;
    std::vector<Competitor> competitors_;
};

using AnyGroupRun = std::variant<GroupRun<std::uint64_t>, GroupRun<std::string>>;

} // namespace

Results run_suite(const Settings& settings) {
    std::vector<AnyGroupRun> runs;
    std::size_t steps = 0;
    for (auto& group : groups_of(settings)) {
        if (group.keys == "64-bit")
            runs.emplace_back(std::in_place_type<GroupRun<std::uint64_t>>, std::move(group), settings);
        else
            runs.emplace_back(std::in_place_type<GroupRun<std::string>>, std::move(group), settings);
        steps += std::visit([](const auto& run) { return run.steps(); }, runs.back());
    }
    Progress progress(steps, settings.duration, std::chrono::minutes(2));
    Results results;
    for (auto& run : runs) {
        auto rows = std::visit([&](auto& one) { return one.run(progress); }, run);
        std::ranges::move(rows, std::back_inserter(results.rows));
    }
    return results;
}

} // namespace tiercel::bench::peers
