#include "binary_errors.hpp"

#include "ring.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace {

using namespace tiercel::memcached;
using tiercel::Errc;

struct Mapping {
    memcached_return_t code;
    Errc connecting;
    Errc talking;
};

class ErrorKind : public testing::TestWithParam<Mapping> {};

TEST_P(ErrorKind, follows_the_code_and_the_phase) {
    EXPECT_EQ(errc_of(GetParam().code, Phase::connecting), GetParam().connecting);
    EXPECT_EQ(errc_of(GetParam().code, Phase::talking), GetParam().talking);
}

constexpr Mapping both(memcached_return_t code, Errc kind) {
    return {code, kind, kind};
}

INSTANTIATE_TEST_SUITE_P(
    Table, ErrorKind,
    testing::Values(both(MEMCACHED_TIMEOUT, Errc::timeout),
                    both(MEMCACHED_HOST_LOOKUP_FAILURE, Errc::connection_failed),
                    both(MEMCACHED_SERVER_TEMPORARILY_DISABLED, Errc::connection_failed),
                    Mapping{MEMCACHED_CONNECTION_FAILURE, Errc::connection_failed, Errc::connection_lost},
                    Mapping{MEMCACHED_ERRNO, Errc::connection_failed, Errc::connection_lost},
                    Mapping{MEMCACHED_WRITE_FAILURE, Errc::connection_failed, Errc::connection_lost},
                    both(MEMCACHED_E2BIG, Errc::value_too_large),
                    both(MEMCACHED_SERVER_MEMORY_ALLOCATION_FAILURE, Errc::out_of_memory),
                    both(MEMCACHED_KEY_TOO_BIG, Errc::invalid_key), both(MEMCACHED_BAD_KEY_PROVIDED, Errc::invalid_key),
                    both(MEMCACHED_AUTH_FAILURE, Errc::authentication_failed),
                    both(MEMCACHED_SERVER_ERROR, Errc::server_error), both(MEMCACHED_CLIENT_ERROR, Errc::server_error),
                    both(MEMCACHED_UNKNOWN_READ_FAILURE, Errc::protocol_error),
                    both(MEMCACHED_PARTIAL_READ, Errc::protocol_error), both(MEMCACHED_ERROR, Errc::protocol_error),
                    // an answer to the request elsewhere, but not where errors are made of codes
                    both(MEMCACHED_NOTFOUND, Errc::protocol_error), both(MEMCACHED_SUCCESS, Errc::protocol_error)));

TEST(ErrorText, names_the_server) {
    const MemcachedPtr client(memcached_create(nullptr));
    for (const auto code : {MEMCACHED_TIMEOUT, MEMCACHED_CONNECTION_FAILURE, MEMCACHED_E2BIG, MEMCACHED_ERROR,
                            MEMCACHED_SERVER_ERROR, MEMCACHED_KEY_TOO_BIG, MEMCACHED_HOST_LOOKUP_FAILURE}) {
        for (const auto phase : {Phase::connecting, Phase::talking})
            EXPECT_THAT(to_error(code, phase, "cache1:11211", *client).message(), testing::HasSubstr("cache1:11211"));
    }
}

TEST(ErrorText, holds_the_servers_own_words_only) {
    EXPECT_EQ(server_words("(0x55d0c0) SERVER ERROR, out of luck,  host: 127.0.0.1:1 -> src/response.cc:322"),
              "out of luck");
    EXPECT_EQ(server_words("(0x55d0c0) bad data chunk,  host: 127.0.0.1:1"), "bad data chunk");
    EXPECT_EQ(server_words("anything else"), "anything else");
    EXPECT_EQ(server_words(""), "");
}

} // namespace
