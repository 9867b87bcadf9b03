#include "cases.hpp"

#include "hiredis_contenders.hpp"
#include "libmemcached_contenders.hpp"
#include "redis_benchmark.hpp"
#include "tiercel_contenders.hpp"

#include <tiercel/memcached.hpp>
#include <tiercel/redis.hpp>

#include <array>

namespace tiercel::bench::clients {
namespace {

constexpr std::array<Wire, 2> wires{Wire::tcp, Wire::unix_socket};
constexpr std::array<Operation, 2> operations{Operation::get, Operation::set};
constexpr std::array<std::size_t, 2> sizes{100, 4'096};
constexpr std::size_t pool_size = 8;

std::string name_of(Wire wire) {
    return wire == Wire::tcp ? "tcp" : "unix";
}
std::string name_of(Operation operation) {
    return operation == Operation::get ? "GET" : "SET";
}
std::string name_of_size(std::size_t bytes) {
    return bytes < 1'024 ? std::to_string(bytes) + " B" : std::to_string(bytes / 1'024) + " KB";
}
std::string name_of_count(unsigned count, const std::string& what) {
    return std::to_string(count) + ' ' + what + (count == 1 ? "" : "s");
}

Load given_to_redis(Load load) {
    load.value_bytes = clients::given_to_redis(load.value_bytes);
    return load;
}

/// What issue 4 asks of callers that block, by their number.
std::vector<Comparison> of_callers(unsigned callers, const std::string& each_its_own, const std::string& pool) {
    const std::string us = "tiercel";
    if (callers == 1) {
        return {{Figure::rate, us, each_its_own, 0.9}, {Figure::p99, us, each_its_own, 1.2}, {Figure::rate, us, pool}};
    }
    if (callers == 8) return {{Figure::rate, us, each_its_own, 1.1}, {Figure::rate, us, pool}};
    return {{Figure::rate, us, each_its_own, 1.3},
            {Figure::client_cpu, us, each_its_own, 0.75},
            {Figure::rate, us, pool, 2.0}};
}

Case redis_callers(Servers& servers, Wire wire, const Load& load) {
    const std::string own = "hiredis, a connection a thread", pool = "hiredis, a pool of 8";
    const auto of = [&servers, bytes = load.value_bytes ]() -> auto& {
        return servers.redis(bytes);
    };
    return {
        .name = "redis " + name_of(wire) + ' ' + name_of(load.operation) + ' ' + name_of_size(load.value_bytes) + ", " +
                name_of_count(load.threads, "caller"),
        .contenders =
            {
                {"tiercel",
                 [=](const Times& times) {
                     Stretch stretch(times, {of().pid()});
                     const auto url = redis_url(of(), wire);
                     return ours::callers([&] { return redis::connect(url); }, given_to_redis(load), stretch);
                 }},
                {own,
                 [=](const Times& times) {
                     Stretch stretch(times, {of().pid()});
                     return hiredis::a_connection_a_thread(address_of(of(), wire), load, stretch);
                 }},
                {pool,
                 [=](const Times& times) {
                     Stretch stretch(times, {of().pid()});
                     return hiredis::pool(address_of(of(), wire), load, pool_size, stretch);
                 }},
            },
        .comparisons = of_callers(load.threads, own, pool),
    };
}

Case memcached_callers(Servers& servers, Wire wire, const Load& load) {
    const std::string own = "libmemcached, a client a thread", pool = "libmemcached, a pool of 8";
    const auto of = [&servers, wire, bytes = load.value_bytes ]() -> auto& {
        return servers.memcached(wire, bytes);
    };
    return {
        .name = "memcached " + name_of(wire) + ' ' + name_of(load.operation) + ' ' + name_of_size(load.value_bytes) +
                ", " + name_of_count(load.threads, "caller"),
        .contenders =
            {
                {"tiercel",
                 [=](const Times& times) {
                     Stretch stretch(times, {of().pid()});
                     const auto url = memcached_url(of(), wire);
                     return ours::callers([&] { return memcached::connect(url); }, load, stretch);
                 }},
                {own,
                 [=](const Times& times) {
                     Stretch stretch(times, {of().pid()});
                     return libmemcached::a_client_a_thread(memcached_address_of(of(), wire), load, stretch);
                 }},
                {pool,
                 [=](const Times& times) {
                     Stretch stretch(times, {of().pid()});
                     return libmemcached::pool(memcached_address_of(of(), wire), load, pool_size, stretch);
                 }},
            },
        .comparisons = of_callers(load.threads, own, pool),
    };
}

/// 256 in flight, on a loop of one thread and of two.
Case redis_in_flight(Servers& servers, Wire wire, Load load) {
    const auto of = [&servers, bytes = load.value_bytes ]() -> auto& {
        return servers.redis(bytes);
    };
    const auto ours_on = [=](unsigned threads) {
        return [=](const Times& times) {
            Stretch stretch(times, {of().pid()});
            auto given = given_to_redis(load);
            given.threads = threads;
            const auto url = redis_url(of(), wire);
            return ours::in_flight([&](auto runtime) { return redis::connect(url, {.runtime = std::move(runtime)}); },
                                   given, stretch);
        };
    };
    return {
        .name = "redis " + name_of(wire) + ' ' + name_of(load.operation) + ' ' + name_of_size(load.value_bytes) +
                ", 256 in flight",
        .contenders =
            {
                {"tiercel, 1 thread", ours_on(1)},
                {"tiercel, 2 threads", ours_on(2)},
                {"redis-benchmark",
                 [=](const Times& times) {
                     return redis_benchmark::run({.server = address_of(of(), wire)}, load, times, of().pid());
                 }},
                {"hiredis, pipelined by hand",
                 [=](const Times& times) {
                     Stretch stretch(times, {of().pid()});
                     return hiredis::pipelined(address_of(of(), wire), load, stretch);
                 }},
            },
        .comparisons = {{Figure::rate, "tiercel, 1 thread", "redis-benchmark", 0.8},
                        {Figure::rate, "tiercel, 2 threads", "redis-benchmark", 0.8},
                        {Figure::rate, "tiercel, 1 thread", "hiredis, pipelined by hand"},
                        {Figure::rate, "tiercel, 2 threads", "hiredis, pipelined by hand"}},
    };
}

/// The same over TLS, compared with redis-benchmark over TLS and without.
Case redis_tls_in_flight(Servers& servers, Load load) {
    const auto of = [&servers, bytes = load.value_bytes ]() -> auto& {
        return servers.redis_tls(bytes);
    };
    const auto ours_on = [=, &servers](unsigned threads) {
        return [=, &servers](const Times& times) {
            Stretch stretch(times, {of().pid()});
            auto given = given_to_redis(load);
            given.threads = threads;
            redis::Options options;
            options.tls.ca_file = servers.authority();
            return ours::in_flight(
                [&](auto runtime) {
                    options.runtime = std::move(runtime);
                    return redis::connect(of().url(), options);
                },
                given, stretch);
        };
    };
    return {
        .name = "redis tls " + name_of(load.operation) + ' ' + name_of_size(load.value_bytes) + ", 256 in flight",
        .contenders =
            {
                {"tiercel, 1 thread", ours_on(1)},
                {"tiercel, 2 threads", ours_on(2)},
                {"redis-benchmark --tls",
                 [=, &servers](const Times& times) {
                     return redis_benchmark::run(
                         {.server = address_of(of(), Wire::tcp), .authority = servers.authority()}, load, times,
                         of().pid());
                 }},
                {"redis-benchmark, plain text",
                 [=, &servers](const Times& times) {
                     auto& plain = servers.redis(load.value_bytes);
                     return redis_benchmark::run({.server = address_of(plain, Wire::tcp)}, load, times, plain.pid());
                 }},
            },
        .comparisons = {{Figure::rate, "tiercel, 1 thread", "redis-benchmark, plain text", 0.5},
                        {Figure::rate, "tiercel, 2 threads", "redis-benchmark, plain text", 0.5},
                        {Figure::rate, "tiercel, 1 thread", "redis-benchmark --tls", 0.5},
                        {Figure::rate, "tiercel, 2 threads", "redis-benchmark --tls", 0.5}},
    };
}

Case redis_batches(Servers& servers, Wire wire, const Load& load) {
    const auto of = [&servers, bytes = load.value_bytes ]() -> auto& {
        return servers.redis(bytes);
    };
    return {
        .name = "redis " + name_of(wire) + " 100 keys of " + name_of_size(load.value_bytes) + " a call, " +
                name_of_count(load.threads, "caller"),
        .contenders =
            {
                {"tiercel get_many",
                 [=](const Times& times) {
                     Stretch stretch(times, {of().pid()});
                     const auto url = redis_url(of(), wire);
                     return ours::batches([&] { return redis::connect(url); }, load, stretch);
                 }},
                {"hiredis MGET",
                 [=](const Times& times) {
                     Stretch stretch(times, {of().pid()});
                     return hiredis::mget(address_of(of(), wire), load, stretch);
                 }},
            },
        .comparisons = {{Figure::rate, "tiercel get_many", "hiredis MGET", 0.95}},
    };
}

Case memcached_batches(Servers& servers, Wire wire, const Load& load) {
    const auto of = [&servers, wire, bytes = load.value_bytes ]() -> auto& {
        return servers.memcached(wire, bytes);
    };
    return {
        .name = "memcached " + name_of(wire) + " 100 keys of " + name_of_size(load.value_bytes) + " a call, " +
                name_of_count(load.threads, "caller"),
        .contenders =
            {
                {"tiercel get_many",
                 [=](const Times& times) {
                     Stretch stretch(times, {of().pid()});
                     const auto url = memcached_url(of(), wire);
                     return ours::batches([&] { return memcached::connect(url); }, load, stretch);
                 }},
                {"memcached_mget",
                 [=](const Times& times) {
                     Stretch stretch(times, {of().pid()});
                     return libmemcached::mget(memcached_address_of(of(), wire), load, stretch);
                 }},
            },
        .comparisons = {{Figure::rate, "tiercel get_many", "memcached_mget", 0.95}},
    };
}

Case cluster_batches(Servers& servers, std::size_t value_bytes) {
    const auto stretch_of = [](const Times& times, test::RedisCluster& cluster) {
        std::vector<pid_t> nodes;
        for (std::size_t i = 0; i < cluster.size(); ++i)
            nodes.push_back(cluster.node(i).pid());
        return std::make_unique<Stretch>(times, std::move(nodes));
    };
    const auto connect_to = [](test::RedisCluster& cluster) {
        return [urls = cluster.urls()](std::shared_ptr<spi::Runtime> runtime) {
            redis::ClusterOptions options;
            options.node.runtime = std::move(runtime);
            return redis::connect_cluster(urls, options);
        };
    };
    return {
        .name = "redis cluster of 3, 100 keys of " + name_of_size(value_bytes) + ", a coroutine thread",
        .contenders =
            {
                {"tiercel get_many",
                 [=, &servers](const Times& times) {
                     auto& cluster = servers.cluster(value_bytes);
                     return ours::batches_on_loop(connect_to(cluster), *stretch_of(times, cluster));
                 }},
                {"tiercel, one key at a time in parallel",
                 [=, &servers](const Times& times) {
                     auto& cluster = servers.cluster(value_bytes);
                     return ours::singles_on_loop(connect_to(cluster), *stretch_of(times, cluster));
                 }},
            },
        .comparisons = {{Figure::rate, "tiercel get_many", "tiercel, one key at a time in parallel", 2.0}},
    };
}

} // namespace

std::vector<Case> cases_over(Servers& servers) {
    std::vector<Case> cases;
    for (const auto wire : wires) {
        for (const auto operation : operations) {
            for (const auto bytes : sizes) {
                for (const unsigned threads : {1u, 8u, 32u})
                    cases.push_back(redis_callers(servers, wire, {operation, bytes, threads}));
                cases.push_back(redis_in_flight(servers, wire, {operation, bytes, 1}));
            }
        }
    }
    for (const auto operation : operations) {
        for (const auto bytes : sizes)
            cases.push_back(redis_tls_in_flight(servers, {operation, bytes, 1}));
    }
    for (const auto wire : wires) {
        for (const auto bytes : sizes) {
            for (const unsigned threads : {1u, 2u})
                cases.push_back(redis_batches(servers, wire, {Operation::get, bytes, threads}));
        }
    }
    for (const auto bytes : sizes)
        cases.push_back(cluster_batches(servers, bytes));
    for (const auto wire : wires) {
        for (const auto operation : operations) {
            for (const auto bytes : sizes) {
                for (const unsigned threads : {1u, 8u, 32u})
                    cases.push_back(memcached_callers(servers, wire, {operation, bytes, threads}));
            }
        }
        for (const auto bytes : sizes) {
            for (const unsigned threads : {1u, 2u})
                cases.push_back(memcached_batches(servers, wire, {Operation::get, bytes, threads}));
        }
    }
    return cases;
}

} // namespace tiercel::bench::clients
