// Redis and Memcached as L2 on loopback, and their clients alone, next to their raw clients doing the same on a
// connection of each thread's own.

#include "servers.hpp"
#include "support/memcached_server.hpp"
#include "support/redis_server.hpp"
#include "workload.hpp"

#include <tiercel/async.hpp>
#include <tiercel/cache.hpp>
#include <tiercel/memcached.hpp>
#include <tiercel/redis.hpp>
#include <tiercel/spi/backend.hpp>
#include <tiercel/spi/sync_wait.hpp>

#include <benchmark/benchmark.h>
#include <boost/asio/io_context.hpp>

#include <hiredis/hiredis.h>
#include <libmemcached/memcached.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace tiercel::bench;
using namespace std::chrono_literals;
namespace asio = boost::asio;

constexpr std::uint64_t stored = 10'000;
constexpr std::size_t batch = 100;
using Cache = tiercel::Cache<std::string, std::string>;

const std::vector<std::string>& keys() {
    static const std::vector<std::string> all = [] {
        std::vector<std::string> made;
        for (std::uint64_t i = 0; i < stored; ++i)
            made.push_back(string_key(i));
        return made;
    }();
    return all;
}

/// Values that fill 100 bytes at the server, the envelope included, so that both clients move the same bytes.
const std::string tier_value(100 - 64, 'v');
const std::string raw_value(100, 'v');

tiercel::test::RedisServer& redis_server() {
    static tiercel::test::RedisServer server;
    return server;
}
tiercel::test::MemcachedServer& memcached_server() {
    static tiercel::test::MemcachedServer server;
    return server;
}

Cache cache_over(tiercel::Result<std::shared_ptr<tiercel::spi::Backend>> backend) {
    auto cache = Cache::create({
                                   .name = "bench",
                                   .memory = {.max_entries = 1},
                                   .tiers = {{.backend = std::move(backend), .timeout = 2s}},
                               })
                     .value();
    for (std::size_t i = 0; i < keys().size(); i += 1'000) {
        std::vector<std::pair<std::string, std::string>> items;
        for (std::size_t n = i; n < i + 1'000; ++n)
            items.emplace_back(keys()[n], tier_value);
        for (const auto& report : cache.put_many(std::move(items))) {
            if (report && report->complete()) continue;
            const auto& why = report ? report->tiers.front().error.value() : report.error();
            throw std::runtime_error("the server did not take the values: " + why.message());
        }
    }
    return cache;
}

Cache& redis_cache() {
    static Cache cache = cache_over(tiercel::redis::connect(redis_server().url()));
    return cache;
}
Cache& memcached_cache() {
    static Cache cache = cache_over(tiercel::memcached::connect(memcached_server().address()));
    return cache;
}

std::size_t start_of(const benchmark::State& state) {
    return static_cast<std::size_t>(state.thread_index()) * 1'237;
}

std::vector<std::string> batch_from(std::size_t i) {
    std::vector<std::string> some;
    for (std::size_t n = 0; n < batch; ++n)
        some.push_back(keys()[(i + n) % keys().size()]);
    return some;
}

void get(benchmark::State& state, Cache& (*cache)()) {
    auto& one = cache();
    auto i = start_of(state);
    for (auto _ : state) {
        if (!one.get(keys()[i++ % keys().size()], {.skip = tiercel::Skip::memory()})) state.SkipWithError("a miss");
    }
    state.SetItemsProcessed(state.iterations());
}

void client_get(benchmark::State& state, tiercel::spi::Backend& (*client)()) {
    auto& backend = client();
    const auto runtime = tiercel::spi::default_runtime();
    auto i = start_of(state);
    for (auto _ : state) {
        const std::array<tiercel::BytesView, 1> one{keys()[i++ % keys().size()]};
        const auto found =
            tiercel::spi::sync_wait(*runtime, backend.get_many(one, {std::chrono::steady_clock::now() + 2s}));
        if (!found.front() || !*found.front()) state.SkipWithError("a miss");
    }
    state.SetItemsProcessed(state.iterations());
}

void client_get_many(benchmark::State& state, tiercel::spi::Backend& (*client)()) {
    auto& backend = client();
    const auto runtime = tiercel::spi::default_runtime();
    auto i = start_of(state);
    std::vector<tiercel::BytesView> some(batch);
    for (auto _ : state) {
        for (std::size_t n = 0; n < batch; ++n)
            some[n] = keys()[(i + n) % keys().size()];
        const auto found =
            tiercel::spi::sync_wait(*runtime, backend.get_many(some, {std::chrono::steady_clock::now() + 2s}));
        if (!found.front() || !*found.front()) state.SkipWithError("a miss");
        i += batch;
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch));
}

tiercel::spi::Backend& redis_client() {
    static const auto backend = [] {
        auto made = tiercel::redis::connect(redis_server().url()).value();
        const auto runtime = tiercel::spi::default_runtime();
        std::vector<tiercel::spi::PutItem> items;
        static const std::string value(92, 'v');
        for (const auto& key : keys())
            items.push_back({key, value, std::nullopt});
        for (const auto& put :
             tiercel::spi::sync_wait(*runtime, made->put_many(items, {std::chrono::steady_clock::now() + 10s}))) {
            if (!put) throw std::runtime_error(put.error().message());
        }
        return made;
    }();
    return *backend;
}

void get_many(benchmark::State& state, Cache& (*cache)()) {
    auto& one = cache();
    auto i = start_of(state);
    for (auto _ : state) {
        const auto found = one.get_many(batch_from(i), {.skip = tiercel::Skip::memory()});
        for (const auto& handle : found) {
            if (!handle) state.SkipWithError("a miss");
        }
        i += batch;
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch));
}

/// `state.range(0)` coroutines on one thread, each asking one key after the other.
void get_in_flight(benchmark::State& state, Cache& (*cache)()) {
    auto& one = cache();
    const auto flights = static_cast<std::size_t>(state.range(0));
    constexpr std::size_t each = 20;
    for (auto _ : state) {
        asio::io_context loop(1);
        for (std::size_t f = 0; f < flights; ++f) {
            asio::co_spawn(
                loop,
                [](Cache& from, std::size_t first) -> asio::awaitable<void> {
                    tiercel::CallOptions options;
                    options.skip = tiercel::Skip::memory();
                    for (std::size_t n = 0; n < each; ++n) {
                        const auto found = co_await from.async_get(keys()[(first + n) % keys().size()], options);
                        benchmark::DoNotOptimize(found.has_value());
                    }
                }(one, f * 39),
                asio::detached);
        }
        loop.run();
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(flights * each));
}

// The raw clients ---------------------------------------------------------------------------------------------------

using RedisContext = std::unique_ptr<redisContext, decltype(&redisFree)>;
using RedisReply = std::unique_ptr<redisReply, decltype(&freeReplyObject)>;

RedisReply reply_of(void* reply) {
    return {static_cast<redisReply*>(reply), freeReplyObject};
}

RedisContext raw_redis() {
    RedisContext context(redisConnect("127.0.0.1", redis_server().port()), redisFree);
    static const bool filled = [&] {
        for (const auto& key : keys()) {
            reply_of(redisCommand(context.get(), "SET %s %s", key.c_str(), raw_value.c_str()));
        }
        return true;
    }();
    benchmark::DoNotOptimize(filled);
    return context;
}

void hiredis_get(benchmark::State& state) {
    const auto context = raw_redis();
    auto i = start_of(state);
    for (auto _ : state) {
        const auto reply = reply_of(redisCommand(context.get(), "GET %s", keys()[i++ % keys().size()].c_str()));
        if (!reply || reply->type != REDIS_REPLY_STRING) state.SkipWithError("a miss");
    }
    state.SetItemsProcessed(state.iterations());
}

void hiredis_mget(benchmark::State& state) {
    const auto context = raw_redis();
    auto i = start_of(state);
    for (auto _ : state) {
        std::vector<const char*> words{"MGET"};
        std::vector<std::size_t> lengths{4};
        for (std::size_t n = 0; n < batch; ++n) {
            const auto& key = keys()[(i + n) % keys().size()];
            words.push_back(key.data());
            lengths.push_back(key.size());
        }
        const auto reply =
            reply_of(redisCommandArgv(context.get(), static_cast<int>(words.size()), words.data(), lengths.data()));
        if (!reply || reply->elements != batch) state.SkipWithError("a miss");
        i += batch;
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch));
}

void hiredis_pipeline(benchmark::State& state) {
    const auto context = raw_redis();
    const auto depth = static_cast<std::size_t>(state.range(0));
    std::size_t i = 0;
    for (auto _ : state) {
        for (std::size_t n = 0; n < depth; ++n) {
            redisAppendCommand(context.get(), "GET %s", keys()[i++ % keys().size()].c_str());
        }
        for (std::size_t n = 0; n < depth; ++n) {
            void* reply = nullptr;
            if (redisGetReply(context.get(), &reply) != REDIS_OK) state.SkipWithError("an error");
            reply_of(reply);
        }
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(depth));
}

using MemcachedClient = std::unique_ptr<memcached_st, decltype(&memcached_free)>;

MemcachedClient raw_memcached() {
    MemcachedClient client(memcached_create(nullptr), memcached_free);
    memcached_server_add(client.get(), "127.0.0.1", memcached_server().port());
    memcached_behavior_set(client.get(), MEMCACHED_BEHAVIOR_TCP_NODELAY, 1);
    static const bool filled = [&] {
        for (const auto& key : keys()) {
            memcached_set(client.get(), key.data(), key.size(), raw_value.data(), raw_value.size(), 0, 0);
        }
        return true;
    }();
    benchmark::DoNotOptimize(filled);
    return client;
}

void libmemcached_get(benchmark::State& state) {
    const auto client = raw_memcached();
    auto i = start_of(state);
    for (auto _ : state) {
        const auto& key = keys()[i++ % keys().size()];
        std::size_t size = 0;
        std::uint32_t flags = 0;
        memcached_return_t code = MEMCACHED_SUCCESS;
        const std::unique_ptr<char, decltype(&std::free)> value(
            memcached_get(client.get(), key.data(), key.size(), &size, &flags, &code), std::free);
        if (!value) state.SkipWithError("a miss");
    }
    state.SetItemsProcessed(state.iterations());
}

void libmemcached_mget(benchmark::State& state) {
    const auto client = raw_memcached();
    auto i = start_of(state);
    for (auto _ : state) {
        std::vector<const char*> words;
        std::vector<std::size_t> lengths;
        for (std::size_t n = 0; n < batch; ++n) {
            const auto& key = keys()[(i + n) % keys().size()];
            words.push_back(key.data());
            lengths.push_back(key.size());
        }
        memcached_mget(client.get(), words.data(), lengths.data(), words.size());
        std::size_t found = 0;
        memcached_return_t code = MEMCACHED_SUCCESS;
        while (auto* result = memcached_fetch_result(client.get(), nullptr, &code)) {
            ++found;
            memcached_result_free(result);
        }
        if (found != batch) state.SkipWithError("a miss");
        i += batch;
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch));
}

} // namespace

void tiercel::bench::start_servers() {
    redis_server();
    memcached_server();
}

BENCHMARK_CAPTURE(get, redis, redis_cache)->Name("redis get: tiercel")->Threads(1)->Threads(8)->UseRealTime();
BENCHMARK_CAPTURE(client_get, redis, redis_client)
    ->Name("redis get: tiercel, the client alone")
    ->Threads(1)
    ->Threads(8)
    ->Threads(32)
    ->UseRealTime();
BENCHMARK(hiredis_get)
    ->Name("redis get: hiredis, a connection a thread")
    ->Threads(1)
    ->Threads(8)
    ->Threads(32)
    ->UseRealTime();
BENCHMARK_CAPTURE(get_many, redis, redis_cache)
    ->Name("redis 100 keys: tiercel get_many")
    ->Threads(1)
    ->Threads(2)
    ->UseRealTime();
BENCHMARK_CAPTURE(client_get_many, redis, redis_client)
    ->Name("redis 100 keys: tiercel, the client alone")
    ->Threads(1)
    ->Threads(2)
    ->UseRealTime();
BENCHMARK(hiredis_mget)->Name("redis 100 keys: hiredis MGET")->Threads(1)->Threads(2)->UseRealTime();
BENCHMARK_CAPTURE(get_in_flight, redis, redis_cache)
    ->Name("redis in flight: tiercel, coroutines")
    ->Arg(256)
    ->UseRealTime();
BENCHMARK(hiredis_pipeline)->Name("redis in flight: hiredis, pipelined by hand")->Arg(256)->UseRealTime();
BENCHMARK_CAPTURE(get, memcached, memcached_cache)
    ->Name("memcached get: tiercel")
    ->Threads(1)
    ->Threads(8)
    ->UseRealTime();
BENCHMARK(libmemcached_get)
    ->Name("memcached get: libmemcached, a client a thread")
    ->Threads(1)
    ->Threads(8)
    ->UseRealTime();
BENCHMARK_CAPTURE(get_many, memcached, memcached_cache)
    ->Name("memcached 100 keys: tiercel get_many")
    ->Threads(1)
    ->Threads(2)
    ->UseRealTime();
BENCHMARK(libmemcached_mget)->Name("memcached 100 keys: libmemcached mget")->Threads(1)->Threads(2)->UseRealTime();
