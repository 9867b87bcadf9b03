#include "client.hpp"

#include "client_cache.hpp"

#include <tiercel/memcached.hpp>
#include <tiercel/redis.hpp>

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace tiercel::chaos {

namespace {

using namespace std::chrono_literals;
using Caches = std::vector<std::unique_ptr<ClientCache>>;
using Found = Result<Handle<std::string>>;

constexpr int most_lines = 20;
std::atomic<int> lines{0};

void complain(const std::string& line) {
    if (lines.fetch_add(1) < most_lines) std::fprintf(stderr, "%s\n", line.c_str());
}

std::string described(const Judgement& judgement, std::uint32_t key, std::uint64_t floor, const Source& source) {
    const auto ms = [](Nanos nanos) { return std::to_string(nanos / 1'000'000) + " ms"; };
    std::string text = std::string(to_string(judgement.verdict)) + ": asked for key " + std::to_string(key) +
                       " (own version " + std::to_string(floor) + "), source kind " +
                       std::to_string(static_cast<int>(source.kind));
    if (const auto& facts = judgement.facts) {
        text += ", given cache " + std::to_string(facts->cache) + " key " + std::to_string(facts->key) + " version " +
                std::to_string(facts->version) + " of client " + std::to_string(facts->maker.client) + "." +
                std::to_string(facts->maker.life) + ", age " + ms(judgement.age) + ", behind " + ms(judgement.behind);
    }
    return text;
}

Count count_of(Verdict verdict) {
    switch (verdict) {
    case Verdict::right:
        return Count::reads;
    case Verdict::damaged:
        return Count::damaged;
    case Verdict::wrong_key:
        return Count::wrong_key;
    case Verdict::unknown:
        return Count::unknown;
    case Verdict::past_its_life:
        return Count::past_its_life;
    case Verdict::not_marked:
        return Count::not_marked;
    case Verdict::undone:
        return Count::undone;
    }
    return Count::damaged;
}

/// One thread of a client. The watchdog sees the deadline of the call that it is in.
class Caller {
public:
    Caller(Board& board, std::uint32_t place, std::uint32_t thread, Caches& caches)
        : board_(board),
          client_(board.clients[place]),
          row_(client_.threads[thread]),
          misbehaves_(place == 0 && thread == 0 && board.run.plant == Plant::stuck),
          caches_(caches),
          random_(board.run.seed * 1'000'003 + place * 1'009 + thread * 101 + client_.life.load()) {}

    void run() {
        while (!board_.stop.load(std::memory_order_relaxed))
            step();
    }

private:
    void step() {
        if (misbehaves_ && ++steps_ == 200) hang();
        auto& cache = *caches_[random_() % caches_.size()];
        row_.add(cache.index(), Count::operations);
        const auto dice = random_() % 10'000;
        if (dice < 9'500) return look_up(cache, {}, true);
        if (dice < 9'650) return look_up(cache, {.skip = Skip::memory()}, true);
        if (dice < 9'750) return look_up(cache, {}, false);
        if (dice < 9'800) return look_up(cache, {.require = Require::fresh}, true);
        if (dice < 9'820) return look_up(cache, {.timeout = 20ms}, true);
        if (dice < 9'940) return look_many_up(cache);
        if (dice < 9'990) return change(cache);
        if (dice < 9'999) return invalidate(cache);
        if (random_() % 20 == 0) clear(cache);
    }

    /// Low ones more often.
    std::uint32_t some_key() {
        const auto keys = static_cast<double>(board_.run.keys);
        const auto u = static_cast<double>(random_() >> 11) * 0x1p-53;
        return static_cast<std::uint32_t>(u * u * keys);
    }

    Nanos begin(const CallOptions& options = {}) {
        epoch_ = board_.fault_over.load(std::memory_order_acquire);
        const auto now = steady_now();
        const auto timeout = options.timeout.value_or(call_timeout);
        row_.deadline.store(now + timeout.count(), std::memory_order_release);
        return now;
    }
    void end() { row_.deadline.store(0, std::memory_order_release); }

    void look_up(ClientCache& cache, const CallOptions& options, bool load) {
        const auto key = some_key();
        const auto floor = cache.floor_of(key);
        const auto& name = cache.name_of(key);
        const auto began = begin(options);
        const auto found = load ? cache.cache().get_or_load(name, options) : cache.cache().try_get(name, options);
        end();
        judge(cache, key, found, load, began, floor);
    }

    void look_many_up(ClientCache& cache) {
        const auto count = 2 + random_() % 15;
        std::vector<std::uint32_t> keys;
        std::vector<std::string> names;
        std::vector<std::uint64_t> floors;
        for (std::size_t i = 0; i < count; ++i) {
            keys.push_back(some_key());
            names.push_back(cache.name_of(keys.back()));
            floors.push_back(cache.floor_of(keys.back()));
        }
        const CallOptions options{.skip = random_() % 2 == 0 ? Skip::memory() : Skip()};
        const auto began = begin(options);
        const auto found = cache.cache().get_or_load_many(names, options);
        end();
        for (std::size_t i = 0; i < keys.size(); ++i)
            judge(cache, keys[i], found[i], true, began, floors[i]);
    }

    void judge(ClientCache& cache, std::uint32_t key, const Found& found, bool load, Nanos began, std::uint64_t floor) {
        const auto add = [&](Count count) { row_.add(cache.index(), count); };
        if (!found) return judge_error(cache, found.error());
        if (!*found) {
            if (!load && !found->known_absent()) return add(Count::misses);
            complain("absent: key " + std::to_string(key));
            return add(Count::absent);
        }
        add(Count::reads);
        switch (found->source().kind) {
        case Source::Kind::memory:
            add(Count::from_memory);
            break;
        case Source::Kind::tier:
            add(Count::from_tier);
            recovered();
            break;
        default:
            add(Count::from_loader);
        }
        if (found->is_stale()) add(Count::stale_served);
        const auto judgement = cache.judge_value(key, *found, began, floor);
        if (judgement.undecided) add(Count::undecided);
        if (judgement.undone_by_others) add(Count::undone_by_others);
        const auto& settings = cache.settings();
        const auto life = std::chrono::nanoseconds(settings.ttl + settings.keep).count();
        raise(row_.oldest_behind, judgement.behind);
        raise(row_.oldest_beyond, judgement.age - life);
        if (judgement.verdict == Verdict::right) return;
        add(count_of(judgement.verdict));
        complain(settings.features() + ": " + described(judgement, key, floor, found->source()));
    }

    /// A lenient lookup's errors are the source's own and the deadline, and nothing else.
    void judge_error(ClientCache& cache, const Error& error) {
        if (error == Errc::timeout) return row_.add(cache.index(), Count::timed_out);
        if (error == Errc::loader_failed && cache.settings().source_fails)
            return row_.add(cache.index(), Count::reads_failed);
        row_.add(cache.index(), Count::tier_failure);
        complain("told of a failure that is not its own: " + std::string(to_string(error.code())) + ", " +
                 error.message());
    }

    static void raise(std::atomic<Nanos>& gauge, Nanos value) {
        if (value > gauge.load(std::memory_order_relaxed)) gauge.store(value, std::memory_order_relaxed);
    }

    /// The tier has answered a lookup that began after a fault was over.
    void recovered() {
        if (epoch_ == 0 || client_.recovered_from.load(std::memory_order_relaxed) == epoch_) return;
        client_.recovered_at.store(steady_now());
        client_.recovered_from.store(epoch_);
    }

    void note(ClientCache& cache, Count count, const Result<WriteReport>& report) {
        row_.add(cache.index(), count);
        if (!report) return row_.add(cache.index(), Count::writes_failed);
        if (!report->complete()) row_.add(cache.index(), Count::incomplete);
    }

    /// The source changes, and the cache is told.
    void change(ClientCache& cache) {
        const auto key = some_key();
        const auto facts = cache.claim(key, random_());
        if (!cache.settings().puts) {
            cache.commit(facts);
            return invalidate(cache, key);
        }
        begin();
        const auto report = cache.cache().put(cache.name_of(key), value_of(facts));
        end();
        if (report) cache.raise_floor(key, facts.version);
        note(cache, Count::puts, report);
    }

    void invalidate(ClientCache& cache) { invalidate(cache, some_key()); }
    void invalidate(ClientCache& cache, std::uint32_t key) {
        const auto version = cache.truth(key).current();
        begin();
        const auto report = cache.cache().invalidate(cache.name_of(key));
        end();
        if (report) cache.raise_floor(key, version);
        note(cache, Count::invalidations, report);
    }

    void clear(ClientCache& cache) {
        std::vector<std::uint64_t> versions;
        for (std::uint32_t key = 0; key < board_.run.keys; ++key)
            versions.push_back(cache.truth(key).current());
        begin();
        const auto report = cache.cache().clear();
        end();
        for (std::uint32_t key = 0; report && key < board_.run.keys; ++key)
            cache.raise_floor(key, versions[key]);
        note(cache, Count::clears, report);
    }

    [[noreturn]] void hang() {
        begin();
        for (;;)
            ::pause();
    }

    Board& board_;
    ClientRow& client_;
    ThreadRow& row_;
    const bool misbehaves_;
    Caches& caches_;
    std::mt19937_64 random_;
    int steps_ = 0;           ///< of one that misbehaves
    std::uint64_t epoch_ = 0; ///< of the call under way: Board::fault_over when it began
};

/// Those in odd places come through the proxy.
Result<std::shared_ptr<spi::Backend>> backend_for(const Board& board, std::uint32_t place) {
    const auto address = "127.0.0.1:" + std::to_string(place % 2 == 1 ? board.proxy_port : board.server_port);
    if (board.run.server == ServerKind::redis)
        return redis::connect("redis://" + address, {.reconnect_delay_max = 250ms});
    return memcached::connect(address, {.reconnect_delay_max = 250ms});
}

} // namespace

int run_client(Board& board, std::uint32_t place) {
    auto& client = board.clients[place];
    const auto life = client.life.load();
    const auto settings = settings_of(board.run);
    Caches caches;
    const auto backend = backend_for(board, place);
    for (std::uint32_t i = 0; i < cache_count; ++i)
        caches.push_back(std::make_unique<ClientCache>(board, place, i, settings[i], backend));
    client.started.store(life);

    std::vector<std::thread> threads;
    for (std::uint32_t i = 0; i < board.run.threads; ++i)
        threads.emplace_back([&, i] { Caller(board, place, i, caches).run(); });
    for (auto& thread : threads)
        thread.join();

    for (std::uint32_t i = 0; i < cache_count; ++i) {
        client.threads[0].deadline.store(steady_now() + std::chrono::nanoseconds(close_timeout).count());
        if (!caches[i]->close(client.totals[i])) complain("a cache could not be closed in time");
        client.threads[0].deadline.store(0);
    }
    caches.clear();
    client.ended.store(life);
    return 0;
}

} // namespace tiercel::chaos
