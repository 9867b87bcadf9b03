// How do I follow a Redis master that sentinels watch, and what happens when it dies? Can its replicas take the reads?

#include "expect.hpp"

#include "support/redis_sentinels.hpp" // of tests/: stands in for the sentinels and servers that you have
#include "support/wait_until.hpp"

#include <tiercel/cache.hpp>
#include <tiercel/redis.hpp>

#include <iostream>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

int main() {
    tiercel::test::RedisSentinels servers; // a master, two replicas, three sentinels

    const auto start_service = [&] {
        const std::vector<std::string> sentinels = servers.urls();
        // [snippet redis_sentinel]
        auto capitals = tiercel::Cache<std::string, std::string>::create({
            .name = "capitals",
            // All sentinels: "redis://[[user]:password@]host[:port]", port 26379 unless given
            .tiers = {{.backend = tiercel::redis::connect_sentinel(sentinels, {.master_name = "mymaster"}),
                       .timeout = 500ms}},
        });
        // [/snippet]
        return std::move(capitals).value();
    };
    auto service = start_service();
    const auto written = service.put("France", "Paris");
    example::expect(written && written->complete(), "the master takes the write");
    example::expect(example::gives(start_service().get("France"), "Paris"), "and another service reads it");

    // The replicas may take the reads.
    const auto start_reader = [&] {
        const std::vector<std::string> sentinels = servers.urls();
        // [snippet redis_replica_reads]
        // Reads go to the replicas, as long as what they hold is at most 200 ms older than what the master holds.
        const tiercel::redis::SentinelOptions options = {
            .master_name = "mymaster",
            .node = {.replica_reads = tiercel::redis::ReplicaReads{.max_staleness = 200ms}},
        };
        // [/snippet]
        return tiercel::Cache<std::string, std::string>::create(
                   {
                       .name = "capitals",
                       .tiers = {{.backend = tiercel::redis::connect_sentinel(sentinels, options), .timeout = 500ms}},
                   })
            .value();
    };
    const auto reader = start_reader();
    const bool spread = tiercel::test::wait_until([&] {
        example::expect(example::gives(reader.get("France", {.skip = tiercel::Skip::memory()}), "Paris"),
                        "whoever answers");
        return servers.ask(1, "INFO commandstats").find("cmdstat_mget") != std::string::npos &&
               servers.ask(2, "INFO commandstats").find("cmdstat_mget") != std::string::npos;
    });
    example::expect(spread, "reads go to both replicas, where that was asked for");

    servers.server(0).kill9();
    const auto meanwhile = service.put("Spain", "Madrid");
    if (meanwhile && meanwhile->tiers.at(0).error) std::cout << meanwhile->tiers[0].error->message() << '\n';
    example::expect(meanwhile && !meanwhile->complete(), "while it is down, a write says which tier it did not reach");
    example::expect(example::gives(service.get("France"), "Paris"), "and what is in memory is served");

    const bool back = tiercel::test::wait_until([&] {
        const auto again = service.put("Spain", "Madrid");
        return again && again->complete();
    });
    example::expect(back, "the replica that the sentinels promote takes writes as soon as they say so");
    // The other sentinels hear of it a little later: who asks one of them meets the dead master, a miss, and asks
    // again.
    const auto newcomer = start_service();
    example::expect(tiercel::test::wait_until([&] { return example::gives(newcomer.get("Spain"), "Madrid"); }),
                    "and a service that starts now finds it");
}
