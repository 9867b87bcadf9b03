// What an L2 that does not answer costs: a miss while its breaker is open, hits of memory while it is stopped, and how
// soon a stop and the end of it are noticed. Over real servers of its own; default options but where it says so.

#include "statistics.hpp"
#include "support/memcached_server.hpp"
#include "support/redis_server.hpp"

#include <tiercel/cache.hpp>
#include <tiercel/memcached.hpp>
#include <tiercel/redis.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace tiercel::bench;
using namespace std::chrono_literals;
using Cache = tiercel::Cache<std::string, std::string>;
using Clock = std::chrono::steady_clock;

constexpr int repetitions = 5;

Cache over(std::vector<tiercel::TierOptions> tiers) {
    Cache::Options options;
    options.name = "outage";
    options.tiers = std::move(tiers);
    options.loader = [](const std::string& key) { return "of " + key; };
    return Cache::create(std::move(options)).value();
}

bool is_closed(const Cache& cache) {
    return cache.stats().tiers.at(0).breaker.state == tiercel::BreakerState::closed;
}

const tiercel::CallOptions below_memory{.skip = tiercel::Skip::memory()};

void wait_for(const char* what, const auto& condition) {
    const auto end = Clock::now() + 60s;
    while (!condition()) {
        if (Clock::now() < end) continue;
        std::fprintf(stderr, "waited in vain for: %s\n", what);
        std::exit(1);
    }
}

/// Looks until the breaker has opened.
void open(const Cache& cache) {
    wait_for("the breaker to open", [&] {
        (void)cache.get("nothing", below_memory);
        return !is_closed(cache);
    });
}

/// Nanoseconds of one lookup that finds nothing, or loads.
double cost_of(const Cache& cache, bool load, int count) {
    const std::string prefix = load ? "loaded " : "absent ";
    static int run = 0;
    const auto name = prefix + std::to_string(++run) + ' ';
    const auto began = Clock::now();
    for (int i = 0; i < count; ++i) {
        if (load) {
            (void)cache.get_or_load(name + std::to_string(i));
        } else {
            (void)cache.get(name + std::to_string(i));
        }
    }
    return std::chrono::duration<double, std::nano>(Clock::now() - began).count() / count;
}

void miss_with_the_breaker_open(tiercel::test::RedisServer& redis) {
    const auto alone = over({});
    const auto opened = over({{.backend = tiercel::redis::connect(redis.url())}});
    redis.stop_replying();
    open(opened);
    for (const bool load : {false, true}) {
        std::vector<double> without, with, more;
        for (int i = 0; i < repetitions; ++i) {
            without.push_back(cost_of(alone, load, load ? 5'000 : 100'000));
            with.push_back(cost_of(opened, load, load ? 5'000 : 100'000));
            more.push_back(with.back() - without.back());
        }
        std::printf("%-48s memory alone %s us, breaker open %s us, more by %s us [10]\n",
                    load ? "miss that loads on a worker thread" : "miss",
                    with_deviation(spread_of(without), 1e3, 2).c_str(), with_deviation(spread_of(with), 1e3, 2).c_str(),
                    fixed(spread_of(more).median / 1e3, 2).c_str());
    }
    redis.resume();
}

/// The 99th percentile of hits of memory, in nanoseconds, while another thread misses.
double hit_p99(const Cache& cache) {
    constexpr int hits = 400'000;
    (void)cache.get_or_load("hot");
    std::atomic<bool> stop{false};
    std::thread misses([&] {
        for (int i = 0; !stop; ++i)
            (void)cache.get_or_load("cold " + std::to_string(i), below_memory);
    });
    std::vector<std::uint32_t> times;
    times.reserve(hits);
    for (int i = 0; i < hits; ++i) {
        const auto began = Clock::now();
        const bool hit = static_cast<bool>(cache.get("hot"));
        const auto took = Clock::now() - began;
        if (hit) times.push_back(static_cast<std::uint32_t>(std::min<Clock::rep>(took.count(), UINT32_MAX)));
    }
    stop = true;
    misses.join();
    return quantile(times, 0.99);
}

void hits_with_the_server_stopped(tiercel::test::RedisServer& redis) {
    const auto cache = over({{.backend = tiercel::redis::connect(redis.url())}});
    std::vector<double> alive, stopped;
    for (int i = 0; i < repetitions; ++i) {
        wait_for("the tier to be in use", [&] { return is_closed(cache); });
        alive.push_back(hit_p99(cache));
        redis.stop_replying();
        stopped.push_back(hit_p99(cache));
        redis.resume();
    }
    std::printf("%-48s alive %s ns, stopped %s ns, ratio %s [1.1]\n", "hit of memory, p99, beside a thread that misses",
                with_deviation(spread_of(alive), 1, 0).c_str(), with_deviation(spread_of(stopped), 1, 0).c_str(),
                with_extremes(ratio_of(stopped, alive)).c_str());
}

/// One caller that looks without pause: how long until the breaker opens, and until the tier answers a lookup again.
void stop_and_resume(const char* name, tiercel::test::Server& server, tiercel::TierOptions tier,
                     std::chrono::milliseconds stopped_for) {
    const auto cache = over({std::move(tier)});
    const auto answered = [&] {
        const auto found = cache.get_or_load("key", below_memory);
        return found && found->source().kind == tiercel::Source::Kind::tier;
    };
    std::vector<double> noticed, back;
    for (int i = 0; i < repetitions; ++i) {
        wait_for("the tier to answer", answered);
        server.stop_replying();
        const auto stopped = Clock::now();
        open(cache);
        noticed.push_back(std::chrono::duration<double, std::milli>(Clock::now() - stopped).count());
        std::this_thread::sleep_until(stopped + stopped_for);
        server.resume();
        const auto resumed = Clock::now();
        wait_for("the tier to answer again", answered);
        back.push_back(std::chrono::duration<double, std::milli>(Clock::now() - resumed).count());
    }
    std::printf("%-9s stopped for %5.1f s: noticed after %s ms [500: five replies of 50 ms, and 250], in service "
                "%s ms after SIGCONT [500]\n",
                name, static_cast<double>(stopped_for.count()) / 1e3, with_extremes(spread_of(noticed)).c_str(),
                with_extremes(spread_of(back)).c_str());
}

} // namespace

int main() {
    tiercel::test::RedisServer redis;
    tiercel::test::MemcachedServer memcached;
    miss_with_the_breaker_open(redis);
    hits_with_the_server_stopped(redis);
    for (const auto stopped_for : {500ms, 1'500ms, 5'000ms}) {
        stop_and_resume("redis", redis, {.backend = tiercel::redis::connect(redis.url())}, stopped_for);
        stop_and_resume("memcached", memcached, {.backend = tiercel::memcached::connect(memcached.address())},
                        stopped_for);
    }
}
