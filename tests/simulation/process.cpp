#include "process.hpp"

#include <tiercel/async.hpp>

#include <boost/asio/bind_executor.hpp>

#include <tiercel/event.hpp>

#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <type_traits>
#include <variant>

namespace tiercel::simulation {

namespace asio = boost::asio;

Process::Process(const Surroundings& surroundings, std::uint32_t number, std::vector<Server*> servers,
                 std::uint64_t seed)
    : surroundings_(surroundings),
      number_(number),
      servers_(std::move(servers)),
      dice_(seed),
      runtime_(std::make_shared<ProcessRuntime>(surroundings.runtime)) {}

namespace {

/// Of an event of a tier's: these are named "tier0" and so on.
std::optional<Told> told_of(const Event& event, std::size_t life, const Moment& at) {
    std::optional<Told> told;
    std::visit(
        [&](const auto& what) {
            using What = std::decay_t<decltype(what)>;
            if constexpr (requires { what.tier; }) {
                told.emplace();
                told->life = life;
                told->at = at;
                told->tier = static_cast<std::size_t>(what.tier.back() - '0');
            }
            if constexpr (std::is_same_v<What, RepairsOverflowed>) {
                told->kind = Told::Kind::overflowed;
            } else if constexpr (requires { what.probes; }) {
                told->probes = what.probes;
                told->kind = std::is_same_v<What, TierOpened>     ? Told::Kind::opened
                             : std::is_same_v<What, TierHalfOpen> ? Told::Kind::half_open
                                                                  : Told::Kind::closed;
            }
        },
        event.what);
    return told;
}

} // namespace

void Process::begin() {
    const auto& settings = surroundings_.settings;
    auto& recorder = surroundings_.recorder;
    Life life;
    life.process = number_;
    life.began = recorder.now();
    life.ttl = settings.ttl;
    life.negative_ttl = settings.negative_ttl;
    life.max_memory_ttl = settings.max_memory_ttl;
    life.jitter = settings.jitter;
    life.source_timeout = settings.source_timeout;
    life.close_timeout = settings.close_timeout;
    life.max_concurrent = settings.max_concurrent;
    life.has_writer = settings.has_writer;
    life.stale_keep = settings.stale_keep;
    life.while_revalidate = settings.while_revalidate;
    life.soft_timeout = settings.soft_timeout;
    life.retry_after = settings.retry_after;
    life.refresh_ahead = settings.refresh_ahead;
    life.refresh_early = settings.refresh_early;
    life.lease_ttl = settings.shared_tier ? settings.lease_ttl : nanoseconds::zero();
    life.lease_wait = settings.lease_wait;
    life.breaker_failures = settings.breaker_failures;
    life_ = recorder.history().lives.size();

    TheCache::Options options;
    options.name = "c";
    options.memory.max_entries = 10'000; // nothing is evicted: what is loaded twice was loaded once too often
    options.memory.eviction = eviction::lru();
    options.memory.shards = 1;
    options.memory.max_ttl = settings.max_memory_ttl;
    if (settings.has_listener) {
        options.memory.on_removal = [this, id = life_](const Text& key, const Handle<Value>& value,
                                                       RemovalCause cause) {
            auto& told = surroundings_.recorder;
            told.history().departures.push_back({id, key_of_text(key), value ? *value : 0, cause, told.now()});
        };
    }
    links_.clear();
    for (std::size_t t = 0; t < servers_.size(); ++t) {
        const auto link = std::make_shared<Link>(surroundings_.runtime, *servers_[t], recorder, settings, life_,
                                                 "tier" + std::to_string(t), dice_.roll());
        if (settled_down_) link->settle_down();
        links_.push_back(link);
        TierOptions tier;
        tier.backend = std::shared_ptr<spi::Backend>(link);
        tier.timeout = settings.tier_timeout;
        tier.breaker = {.failures = settings.breaker_failures,
                        .back_off_min = settings.back_off_min,
                        .back_off_max = settings.back_off_max};
        if (settings.shared_tier && t + 1 == servers_.size())
            tier.leases = {.ttl = settings.lease_ttl, .wait = settings.lease_wait};
        options.tiers.push_back(std::move(tier));
        life.servers.push_back(servers_[t]->number());
        life.tier_timeouts.push_back(settings.tier_timeout);
    }
    options.expiry = {.ttl = settings.ttl, .jitter = settings.jitter, .negative_ttl = settings.negative_ttl};
    options.stale = {.keep = settings.stale_keep,
                     .while_revalidate = settings.while_revalidate,
                     .soft_timeout = settings.soft_timeout,
                     .retry_after = settings.retry_after};
    options.refresh = {.ahead = settings.refresh_ahead, .early = settings.refresh_early};
    options.on_event = [this, id = life_](const Event& event) {
        auto& told = surroundings_.recorder;
        if (auto of_tier = told_of(event, id, told.now())) told.history().told.push_back(*std::move(of_tier));
    };
    options.timeouts = {
        .call = settings.call_timeout, .source = settings.source_timeout, .close = settings.close_timeout};
    options.loading.max_concurrent = settings.max_concurrent;
    options.loader = surroundings_.source.loader_for(life_);
    options.writer = surroundings_.source.writer_for(life_);
    options.runtime = runtime_;
    recorder.history().lives.push_back(std::move(life));
    auto made = TheCache::create(std::move(options));
    if (!made) {
        std::fprintf(stderr, "simulation: %s\n", made.error().message().c_str());
        std::abort();
    }
    cache_.emplace(*std::move(made));
    ending_ = false;
}

void Process::close_then(std::function<void()> next) {
    ending_ = true;
    auto& recorder = surroundings_.recorder;
    Operation operation;
    operation.act = Act::close;
    operation.life = life_;
    operation.timeout = surroundings_.settings.close_timeout;
    operation.begin = recorder.now();
    const auto index = recorder.add(std::move(operation));
    cache_->async_close(asio::bind_executor(surroundings_.runtime->executor(),
                                            [this, index, next = std::move(next)](const Result<void>& result) {
                                                auto& closing = surroundings_.recorder.operation(index);
                                                closing.end = surroundings_.recorder.now();
                                                KeyResult outcome;
                                                outcome.kind = result ? KeyResult::Kind::done : KeyResult::Kind::error;
                                                if (!result) {
                                                    outcome.code = result.error().code();
                                                    outcome.text = result.error().message();
                                                }
                                                closing.results.push_back(std::move(outcome));
                                                next();
                                            }));
}

void Process::restart() {
    if (ending_) return;
    close_then([this] {
        take_down_counts();
        begin();
    });
}

void Process::crash() {
    if (ending_) return;
    auto& recorder = surroundings_.recorder;
    Operation operation;
    operation.act = Act::close;
    operation.life = life_;
    operation.destroys = true;
    operation.timeout = surroundings_.settings.close_timeout;
    operation.begin = recorder.now();
    const auto index = recorder.add(std::move(operation));
    recorder.note("p" + std::to_string(number_) + " destroys its cache");
    (void)cache_->close(); // as its destructor does; but it can still be asked what it counted
    take_down_counts();
    cache_.reset();
    auto& closing = recorder.operation(index);
    closing.end = recorder.now();
    closing.results.emplace_back().kind = KeyResult::Kind::done;
    begin();
}

void Process::end() {
    if (ending_) return;
    close_then([this] { take_down_counts(); });
}

void Process::cut(bool is_cut) {
    for (const auto& link : links_)
        link->cut(is_cut);
    surroundings_.recorder.note("p" + std::to_string(number_) + (is_cut ? " is cut off" : " is connected again"));
}

void Process::settle_down() {
    settled_down_ = true;
    for (const auto& link : links_)
        link->settle_down();
}

void Process::take_down_health() {
    if (ending_) return;
    const auto stats = cache_->stats();
    auto& life = surroundings_.recorder.history().lives[life_];
    life.settled = surroundings_.recorder.now();
    life.repairs = stats.pressure.repairs;
    for (const auto& tier : stats.tiers)
        life.tiers_in_use.push_back(tier.breaker.state == BreakerState::closed);
}

void Process::take_down_counts() {
    const auto stats = cache_->stats();
    auto& life = surroundings_.recorder.history().lives[life_];
    life.flights = stats.pressure.flights;
    life.waiters = stats.pressure.waiters;
    life.source_calls = stats.pressure.source_calls;
    life.source_queue = stats.pressure.source_queue;
    life.inserts = stats.memory.inserts;
    life.removals = std::accumulate(stats.memory.removals.begin(), stats.memory.removals.end(), std::uint64_t{0});
    for (const auto& tier : stats.tiers)
        life.breakers_opened.push_back(tier.breaker.opened);
    life.evictions = stats.memory.removals[static_cast<std::size_t>(RemovalCause::size)];
}

} // namespace tiercel::simulation
