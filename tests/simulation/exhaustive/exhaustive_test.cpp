// Scenarios of two or three actors and one key, in every order in which what they do can happen.
#include "explorer.hpp"
#include "stage.hpp"

#include "planted_bug.hpp"
#include "support/effort.hpp"

#include <gtest/gtest.h>

#include <cstdio>

namespace tiercel::simulation {
namespace {

using namespace std::chrono_literals;

constexpr Key k = 0;

/// Enough to be all, for most.
constexpr std::uint64_t quick_orders = 60'000;
constexpr std::uint64_t long_orders = 2'000'000;

struct Scenario {
    const char* name;
    Settings settings;
    void (*play)(Stage&);
    Bug bug; ///< that it must notice
};

Settings no_tier() {
    auto settings = Stage::settings();
    settings.processes = 1;
    settings.shared_tier = false;
    return settings;
}

Settings one_process() {
    auto settings = Stage::settings();
    settings.processes = 1;
    return settings;
}

/// Memory keeps for 50 ms what the tier has for ever: what is read there is the process's own.
Settings forgetful() {
    auto settings = one_process();
    settings.max_memory_ttl = 50ms;
    return settings;
}

Settings loads_until_their_deadline() {
    auto settings = no_tier();
    settings.pace.load = settings.source_timeout;
    return settings;
}

/// Values live for a second, and another one as stale, which the next lookup has at once.
Settings leasing() {
    auto settings = Stage::settings();
    settings.lease_ttl = 1s;
    settings.lease_wait = 1s;
    settings.ttl = 1s;
    settings.stale_keep = 1s;
    return settings;
}

/// Three processes, whose loads take a while.
Settings slow_leasing() {
    auto settings = leasing();
    settings.processes = 3;
    settings.pace.load = 100ms;
    return settings;
}

Settings writes_past_their_deadline() {
    auto settings = no_tier();
    settings.pace.write = settings.source_timeout + 1ms;
    settings.call_timeout = 2 * settings.source_timeout;
    return settings;
}

void load(Stage& stage, std::size_t process = 0) {
    stage.actors().read(stage.process(process), Act::get_or_load, {k});
}
void get(Stage& stage, std::size_t process = 0) {
    stage.actors().read(stage.process(process), Act::get, {k});
}
void invalidate(Stage& stage) {
    stage.actors().invalidate(stage.process(), {k});
}
void change_and_invalidate(Stage& stage) {
    stage.source().change(k);
    invalidate(stage);
}
void put(Stage& stage) {
    stage.actors().put(stage.process(), k);
}

const Scenario scenarios[] = {
    {"load_and_invalidation", no_tier(),
     [](Stage& stage) {
         stage.at_once({[&] { load(stage); }, [&] { change_and_invalidate(stage); }});
         stage.prepare([&] { get(stage); });
     },
     Bug::epoch_does_not_move},
    {"load_and_invalidation_with_a_tier", one_process(),
     [](Stage& stage) {
         stage.at_once({[&] { load(stage); }, [&] { change_and_invalidate(stage); }});
         stage.prepare([&] { get(stage); });
     },
     Bug::superseded_entry_is_inserted},
    {"tier_read_and_invalidation", forgetful(),
     [](Stage& stage) {
         stage.prepare([&] { load(stage); });
         stage.wait(60ms);
         stage.at_once({[&] { get(stage); }, [&] { change_and_invalidate(stage); }});
         stage.prepare([&] { get(stage); });
     },
     Bug::invalidation_leaves_memory},
    {"invalidation_and_tier_read", forgetful(),
     [](Stage& stage) {
         stage.prepare([&] { load(stage); });
         stage.wait(60ms);
         stage.at_once({[&] { invalidate(stage); }, [&] { get(stage); }});
         stage.prepare([&] { load(stage); });
     },
     Bug::drained_fence_is_forgotten},
    {"load_and_put", no_tier(),
     [](Stage& stage) {
         stage.at_once({[&] { load(stage); }, [&] { put(stage); }});
         stage.prepare([&] { get(stage); });
     },
     Bug::write_leaves_loads},
    {"two_loads", one_process(),
     [](Stage& stage) {
         stage.at_once({[&] { load(stage); }, [&] { load(stage); }});
     },
     Bug::flights_are_not_shared},
    {"three_loads_without_a_tier", no_tier(),
     [](Stage& stage) {
         stage.at_once({[&] { load(stage); }, [&] { load(stage); }, [&] { load(stage); }});
     },
     Bug::followers_are_not_woken},
    {"two_puts", no_tier(),
     [](Stage& stage) {
         stage.at_once({[&] { put(stage); }, [&] { put(stage); }});
         stage.prepare([&] { get(stage); });
     },
     Bug::writes_do_not_follow_one_another},
    {"put_and_invalidation", one_process(),
     [](Stage& stage) {
         stage.at_once({[&] { put(stage); }, [&] { invalidate(stage); }});
         stage.prepare([&] { get(stage); });
     },
     Bug::overtaken_write_is_published},
    {"load_and_clear", no_tier(),
     [](Stage& stage) {
         stage.at_once({[&] { load(stage); },
                        [&] {
                            stage.source().change(k);
                            stage.actors().clear(stage.process());
                        }});
         stage.prepare([&] { get(stage); });
     },
     Bug::clear_leaves_flights},
    {"cancelling_and_completion", no_tier(),
     [](Stage& stage) {
         stage.at_once({[&] {
                            stage.actors().cancel_next_after(0ms);
                            load(stage);
                        },
                        [&] { load(stage); }});
     },
     Bug::followers_are_not_woken},
    {"deadline_and_completion", loads_until_their_deadline(),
     [](Stage& stage) {
         stage.at_once({[&] { load(stage); }, [&] { load(stage); }}, 600ms);
         stage.prepare([&] { load(stage); });
     },
     Bug::source_has_no_deadline},
    {"close_and_load", no_tier(),
     [](Stage& stage) {
         stage.at_once({[&] { load(stage); }, [&] { stage.process().end(); }});
     },
     Bug::close_does_not_wait},
    {"load_at_anothers_deadline", loads_until_their_deadline(),
     [](Stage& stage) {
         load(stage);
         stage.later(500ms, [&] { load(stage); });
         stage.at_once({}, 600ms);
     },
     Bug::abandoned_flight_is_joined},
    {"two_processes_load", slow_leasing(),
     [](Stage& stage) {
         stage.at_once({[&] { load(stage, 0); }, [&] { load(stage, 1); }}, 300ms);
     },
     Bug::lease_is_not_waited_for},
    {"stale_value_and_another_processes_invalidation", slow_leasing(),
     [](Stage& stage) {
         stage.prepare([&] { load(stage, 1); });
         stage.wait(1500ms);
         stage.at_once({[&] { load(stage, 1); }, [&] { change_and_invalidate(stage); }});
         stage.prepare([&] { get(stage); });
     },
     Bug::lease_brings_back_the_erased},
    {"load_that_lost_its_lease", slow_leasing(),
     [](Stage& stage) {
         load(stage, 1);
         stage.later(50ms, [&] { change_and_invalidate(stage); });
         stage.later(60ms, [&] { load(stage, 2); });
         stage.at_once({}, 300ms);
         stage.prepare([&] { get(stage); });
     },
     Bug::any_lease_is_ones_own},
    {"late_write_and_load", writes_past_their_deadline(),
     [](Stage& stage) {
         stage.prepare([&] { put(stage); });
         stage.wait(498ms); // to the writer's deadline, a millisecond before its answer
         stage.at_once({[&] { load(stage); }}, 600ms);
         stage.prepare([&] { get(stage); });
     },
     Bug::late_write_is_not_dropped},
};

class EveryOrder : public ::testing::TestWithParam<Scenario> {
protected:
    ~EveryOrder() override { planted_bug = Bug::none; }

    static std::string run(const testing::VirtualRuntime::Chooser& chooser) {
        Stage stage(GetParam().settings, chooser);
        GetParam().play(stage);
        return stage.verdict();
    }
};

TEST_P(EveryOrder, keeps_the_promises) {
    const auto found = explore(run, test::effort(quick_orders, long_orders));
    std::printf("%-36s %8llu orders%s, up to %zu choices\n", GetParam().name,
                static_cast<unsigned long long>(found.orders), found.complete ? ", all there are" : "", found.longest);
    EXPECT_EQ(found.broken, "") << "choices " << to_text(found.choices);
}

using EveryOrderWithABug = EveryOrder;

TEST_P(EveryOrderWithABug, is_noticed) {
    planted_bug = GetParam().bug;
    const auto found = sample(run, quick_orders);
    const auto about = found.broken.substr(0, found.broken.find(" is broken"));
    std::printf("| %-48s | %6llu orders | %s |\n", GetParam().name, static_cast<unsigned long long>(found.orders),
                about.c_str());
    EXPECT_NE(found.broken, "") << "in none of " << found.orders << " orders";
}

std::string name_of(const ::testing::TestParamInfo<Scenario>& tested) {
    return tested.param.name;
}

INSTANTIATE_TEST_SUITE_P(Simulation, EveryOrder, ::testing::ValuesIn(scenarios), name_of);
INSTANTIATE_TEST_SUITE_P(Simulation, EveryOrderWithABug, ::testing::ValuesIn(scenarios), name_of);

TEST(Explorer, tries_every_sequence_of_choices_once) {
    std::vector<std::string> seen;
    const auto found = explore(
        [&](const testing::VirtualRuntime::Chooser& choose) {
            std::string order;
            for (std::size_t count = 3; count > 1; --count)
                order += std::to_string(choose(count));
            seen.push_back(order);
            return std::string();
        },
        100);
    EXPECT_TRUE(found.complete);
    EXPECT_EQ(seen, (std::vector<std::string>{"00", "01", "10", "11", "20", "21"}));
}

TEST(Explorer, gives_the_choices_that_led_to_what_is_broken) {
    const auto run = [](const testing::VirtualRuntime::Chooser& choose) {
        const auto one = choose(2);
        return one == 1 && choose(3) == 2 ? std::string("broken") : std::string();
    };
    const auto found = explore(run, 100);
    EXPECT_EQ(to_text(found.choices), "1 2");
    EXPECT_EQ(run(replay(found.choices)), "broken");
}

} // namespace
} // namespace tiercel::simulation
