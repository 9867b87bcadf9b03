#include "simulation.hpp"

#include "actors.hpp"
#include "process.hpp"
#include "server.hpp"
#include "source_of_truth.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace tiercel::simulation {

using namespace std::chrono_literals;

namespace {

/// Longer than anything takes once nothing goes wrong any more.
constexpr std::chrono::seconds settling{8};
/// Longer than anything hangs.
constexpr std::chrono::hours hanging{2};

testing::VirtualRuntime::Chooser chooser_of(std::uint64_t seed) {
    return [dice = Dice(seed ^ 0xC4005E4000000000U)](std::size_t count) mutable {
        return dice.chance(0.5) ? 0 : dice.below(count);
    };
}

class World {
public:
    World(const Settings& settings, std::uint64_t seed, testing::VirtualRuntime::Chooser chooser)
        : settings_(settings),
          dice_(seed ^ 0x3041D00000000000U),
          runtime_(std::make_shared<testing::VirtualRuntime>(chooser ? std::move(chooser) : chooser_of(seed), seed)),
          recorder_(runtime_, seed),
          source_(runtime_, recorder_, settings_, seed),
          surroundings_{runtime_, recorder_, settings_, source_},
          actors_(surroundings_, seed ^ 0xAC70250000000000U) {
        auto& history = recorder_.history();
        history.calm = settings_.calm();
        history.every_tier_reads_ttl = settings_.reads_ttl;
        history.shares_a_tier = settings_.shared_tier;
        history.fences_fleet = settings_.shared_tier && settings_.lease_ttl > 0ns;
        history.clock_spread = settings_.clock_spread;
        if (settings_.shared_tier) add_server();
        for (std::uint32_t p = 0; p < settings_.processes; ++p) {
            std::vector<Server*> servers;
            if (settings_.private_tier) servers.push_back(&add_server());
            if (settings_.shared_tier) servers.push_back(servers_.front().get());
            processes_.push_back(std::make_unique<Process>(surroundings_, p, std::move(servers), dice_.roll()));
            if (settings_.clock_spread > 0ns)
                processes_.back()->set_clock_offset(dice_.between(0ns, settings_.clock_spread));
        }
    }

    History run() {
        for (const auto& process : processes_)
            process->begin();
        plan();
        runtime_->advance(settings_.lasts);
        settle_down();
        runtime_->advance(settling);
        take_down_residues();
        for (const auto& process : processes_)
            process->take_down_health();
        for (const auto& process : processes_)
            process->end();
        runtime_->run_until_idle();
        const auto latest = runtime_->now() + hanging;
        while (runtime_->next_timer() <= latest)
            runtime_->advance(runtime_->next_timer() - runtime_->now());
        recorder_.history().lasted = runtime_->now() - recorder_.start();
        processes_.clear();
        runtime_->drop_everything();
        return std::move(recorder_.history());
    }

private:
    Server& add_server() {
        servers_.push_back(
            std::make_unique<Server>(runtime_, recorder_, settings_, static_cast<std::uint32_t>(servers_.size())));
        return *servers_.back();
    }

    template <class Job>
    void at(nanoseconds when, Job job) {
        runtime_->call_at(recorder_.start() + when, std::move(job));
    }

    nanoseconds any_time() { return dice_.between(0ms, settings_.lasts); }

    /// Everything that is to happen is decided beforehand, but for what follows from it.
    void plan() {
        nanoseconds last{};
        for (std::size_t i = 0; i < settings_.operations; ++i) {
            // Often at the time of the one before, or soon after it.
            if (i == 0 || !dice_.chance(0.5)) last = any_time();
            last += dice_.chance(0.5) ? 0ms : dice_.between(0ms, 4ms);
            Process& process = *processes_[dice_.below(processes_.size())];
            at(last, [this, &process] { actors_.act(process); });
        }
        for (const auto& process : processes_) {
            while (dice_.chance(0.3))
                at(any_time(), [&who = *process] { who.restart(); });
            if (dice_.chance(0.15)) at(any_time(), [&who = *process] { who.crash(); });
            if (settings_.calm()) continue;
            while (dice_.chance(0.2)) {
                const auto from = any_time();
                at(from, [&who = *process] { who.cut(true); });
                at(from + dice_.between(10ms, 2s), [&who = *process] { who.cut(false); });
            }
            while (settings_.clock_spread > 0ns && dice_.chance(0.3)) {
                const auto offset = dice_.between(0ns, settings_.clock_spread);
                at(any_time(), [&who = *process, offset] { who.set_clock_offset(offset); });
            }
        }
        for (const auto& server : servers_)
            plan_for(*server);
    }

    void plan_for(Server& server) {
        const auto& faults = settings_.faults;
        for (nanoseconds when = 0s; when < settings_.lasts; when += 1s) {
            const auto moment = when + dice_.between(0ms, 1s);
            if (dice_.chance(faults.stop)) {
                at(moment, [&server] { server.stop(); });
                at(moment + dice_.between(5ms, 1s), [&server] { server.resume(); });
            }
            if (dice_.chance(faults.restart)) at(moment, [&server] { server.restart(); });
            if (dice_.chance(faults.flush)) at(moment, [&server] { server.flush(); });
        }
    }

    void settle_down() {
        recorder_.note("everything is well from here on");
        source_.settle_down();
        actors_.settle_down();
        for (const auto& process : processes_)
            process->settle_down();
        for (const auto& server : servers_)
            server->resume();
    }

    void take_down_residues() {
        for (const auto& server : servers_) {
            for (const auto& [key, stored] : server->contents()) {
                const auto value = value_in(stored.bytes);
                if (value != 0 && stored.expires > runtime_->now()) {
                    recorder_.history().residues.push_back(
                        {server->number(), key_of(value), value, stored.life, stored.stored});
                }
            }
        }
    }

    const Settings settings_;
    Dice dice_;
    const std::shared_ptr<testing::VirtualRuntime> runtime_;
    Recorder recorder_;
    SourceOfTruth source_;
    const Surroundings surroundings_;
    Actors actors_;
    std::vector<std::unique_ptr<Server>> servers_;
    std::vector<std::unique_ptr<Process>> processes_;
};

} // namespace

History simulate(const Settings& settings, std::uint64_t seed, testing::VirtualRuntime::Chooser chooser) {
    return World(settings, seed, std::move(chooser)).run();
}

History simulate(std::uint64_t seed) {
    return simulate(settings_of(seed), seed);
}

} // namespace tiercel::simulation
