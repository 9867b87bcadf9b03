#pragma once

#include "calls.hpp"

#include "support/memcached_server.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace tiercel::test {

/// Which of the two clients a test is about: that of the meta protocol, or that which logs in.
enum class MemcachedClient { meta, sasl };

inline const ServerLogIn test_log_in{.username = "alice", .password = "open sesame"};

/// A server that the client can talk to.
inline ServerOptions server_for(MemcachedClient client, ServerOptions options = {}) {
    if (client == MemcachedClient::sasl) options.log_in = test_log_in;
    return options;
}

/// SaslOptions that log in there.
inline memcached::SaslOptions logging_in(memcached::SaslOptions options = {}) {
    options.username = test_log_in.username;
    options.password = test_log_in.password;
    return options;
}

inline Calls calls_over(MemcachedClient client, std::string_view servers,
                        std::size_t max_value_bytes = memcached::Options().max_value_bytes) {
    if (client == MemcachedClient::meta) return Calls(servers, {.max_value_bytes = max_value_bytes});
    return Calls(memcached::connect_sasl(servers, logging_in({.retry_interval = std::chrono::milliseconds(50),
                                                              .max_value_bytes = max_value_bytes}))
                     .value());
}

/// Tests of both: `Each, <suite>, both_clients, client_name`.
inline const auto both_clients = ::testing::Values(MemcachedClient::meta, MemcachedClient::sasl);

inline std::string client_name(const ::testing::TestParamInfo<MemcachedClient>& client) {
    return client.param == MemcachedClient::meta ? "meta" : "sasl";
}

} // namespace tiercel::test
