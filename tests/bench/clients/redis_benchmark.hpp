#pragma once

#include "load.hpp"
#include "measurement.hpp"

#include <filesystem>
#include <optional>
#include <string_view>

/// redis-benchmark, the tool that comes with Redis: what a client without a caller behind it reaches.
namespace tiercel::bench::clients::redis_benchmark {

/// Over TLS if there is an authority: the file of the one that vouches for the server.
struct Target {
    RedisAddress server;
    std::optional<std::filesystem::path> authority = {};
};

/// One connection with `depth` commands in flight (-c 1 -P 256), for about that long. `server`: whose CPU counts.
/// Errors: std::runtime_error.
Sample run(const Target& target, const Load& load, const Times& times, pid_t server);

/// Operations a second, from what it prints with --csv.
double rate_in(std::string_view csv);

} // namespace tiercel::bench::clients::redis_benchmark
