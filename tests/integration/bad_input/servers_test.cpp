#include "integration/cache/texts.hpp"
#include "integration/memcached/peer.hpp"
#include "support/wait_until.hpp"

#include <gmock/gmock.h>

#include <algorithm>

namespace tiercel::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// Over one tier that is no good: a lookup loads, a put says what the tier did, and what is cached is in memory.
/// Gives the tier's errors: of a lenient put, and of a strict lookup.
std::pair<Error, Error> expect_service_without(TierOptions tier) {
    tier.breaker.failures = 0; // which would speak for the tier
    std::vector<TierOptions> tiers;
    tiers.push_back(std::move(tier));
    auto options = texts(std::move(tiers));
    options.loader = [](const std::string& key) { return "of " + key; };
    const auto cache = made(std::move(options));

    EXPECT_FALSE(cache.get("key"));
    const auto loaded = cache.get_or_load("key");
    EXPECT_TRUE(loaded) << loaded.error().message();
    if (loaded) {
        EXPECT_EQ(loaded->source(), from_loader);
        EXPECT_EQ(**loaded, "of key");
    }
    const std::vector<std::string> keys{"key", "a", "b"};
    for (const auto& each : cache.get_or_load_many(keys))
        EXPECT_TRUE(each);

    std::pair<Error, Error> told;
    const auto put = cache.put("put", "value");
    EXPECT_TRUE(put) << put.error().message();
    if (put) {
        EXPECT_TRUE(put->in_memory);
        EXPECT_FALSE(put->complete());
        EXPECT_EQ(put->tiers.at(0).kind, TierOutcome::Kind::queued);
        told.first = put->tiers.at(0).error.value_or(Error(Errc::closed, "the put has no error"));
    }
    EXPECT_EQ(cache.get("put").source(), from_memory);
    EXPECT_TRUE(cache.invalidate("put"));
    EXPECT_FALSE(cache.get("put"));

    const auto strict = cache.try_get("other", {.strictness = Strictness::strict});
    EXPECT_FALSE(strict);
    told.second = strict.error();
    EXPECT_GT(cache.stats().tiers.at(0).error_count(), 0U);
    EXPECT_EQ(cache.stats().tiers.at(0).hits, 0U);
    EXPECT_TRUE(cache.close());
    return told;
}

// URLs -------------------------------------------------------------------------------------------------------------

TEST(BadUrl, a_bad_redis_url_is_an_error_of_creation_that_names_the_tier_and_says_what_to_write) {
    for (const char* url : {"", "redis", "http://127.0.0.1:6379", "redis://", "redis://host:port",
                            "redis://127.0.0.1:99999", "redis://127.0.0.1:6379/database", "unix://"}) {
        const auto error = refusal(texts({{.backend = redis::connect(url)}}));
        EXPECT_EQ(error, Errc::invalid_option) << url;
        EXPECT_THAT(error.message(), HasSubstr("CacheOptions::tiers[0].backend is an error: ")) << url;
        EXPECT_GT(error.message().size(), std::string("CacheOptions::tiers[0].backend is an error: ").size() + 20)
            << url << ": " << error.message();
    }
    const auto error = refusal(texts({{.backend = redis::connect("http://127.0.0.1:6379")}}));
    EXPECT_THAT(error.message(), HasSubstr("redis://"));
}

TEST(BadUrl, a_bad_url_does_not_show_its_password) {
    const auto error = refusal(texts({{.backend = redis::connect("redis://me:hush-hush@host:port")}}));
    EXPECT_THAT(error.message(), Not(HasSubstr("hush-hush")));
}

TEST(BadUrl, a_bad_memcached_list_is_an_error_of_creation_that_names_the_tier) {
    for (const char* list : {"", "host:port", "host:99999", "host?weight=0", "memcached://host", ",", "unix://"}) {
        const auto error = refusal(texts({{.backend = memcached::connect(list)}}));
        EXPECT_EQ(error, Errc::invalid_option) << list;
        EXPECT_THAT(error.message(), HasSubstr("CacheOptions::tiers[0].backend is an error: ")) << list;
    }
}

TEST(BadUrl, an_empty_backend_is_an_error_of_creation) {
    EXPECT_THAT(refusal(texts({TierOptions{}})).message(), HasSubstr("tiers[0].backend is empty"));
}

TEST(BadServer, one_that_is_not_there_costs_no_lookup) {
    const auto port = std::to_string(free_loopback_port());
    const auto [put, strict] = expect_service_without(redis_tier("redis://127.0.0.1:" + port));
    EXPECT_EQ(strict, Errc::connection_failed);
    EXPECT_THAT(strict.message(), HasSubstr(port));
    const auto [memcached_put, memcached_strict] = expect_service_without(memcached_tier("127.0.0.1:" + port));
    EXPECT_EQ(memcached_strict, Errc::connection_failed);
    EXPECT_THAT(memcached_strict.message(), HasSubstr(port));
}

// Passwords --------------------------------------------------------------------------------------------------------

class WrongPassword : public ::testing::Test {
protected:
    std::string with(const std::string& user_and_password) const {
        return "redis://" + user_and_password + "127.0.0.1:" + std::to_string(server.port());
    }
    RedisServer server{{.arguments = {"--requirepass", "open-sesame"}}};
};

TEST_F(WrongPassword, a_wrong_one_is_a_failing_tier_whose_error_says_what_to_check_and_not_the_password) {
    const auto [put, strict] = expect_service_without(redis_tier(with(":open-barley@")));
    for (const auto& error : {put, strict}) {
        EXPECT_EQ(error, Errc::authentication_failed);
        EXPECT_THAT(error.message(), AllOf(HasSubstr("user name or password is wrong"), Not(HasSubstr("open-"))));
    }
}

TEST_F(WrongPassword, a_missing_one_says_where_to_give_it) {
    const auto [put, strict] = expect_service_without(redis_tier(with("")));
    for (const auto& error : {put, strict}) {
        EXPECT_EQ(error, Errc::authentication_failed);
        EXPECT_THAT(error.message(), HasSubstr("give it in the URL"));
    }
}

TEST_F(WrongPassword, a_tier_that_is_left_out_for_it_says_so) {
    auto tier = redis_tier(with(":open-barley@"));
    tier.breaker.failures = 1;
    const auto cache = made(texts({std::move(tier)}));
    std::string message;
    ASSERT_TRUE(wait_until([&] {
        const auto found = cache.try_get("key", {.strictness = Strictness::strict});
        if (found || found.error() != Errc::breaker_open) return false;
        message = found.error().message();
        return true;
    }));
    EXPECT_THAT(message, AllOf(HasSubstr("user name or password is wrong"), Not(HasSubstr("open-barley"))));
}

TEST_F(WrongPassword, the_right_one_is_let_in) {
    const auto cache = made(texts({redis_tier(with(":open-sesame@"))}));
    EXPECT_TRUE(cache.put("key", "value")->complete());
}

// Strangers --------------------------------------------------------------------------------------------------------

bool is_one_of(const Error& error, std::initializer_list<Errc> codes) {
    return std::find(codes.begin(), codes.end(), error.code()) != codes.end();
}

TEST(StrangeServer, a_memcached_for_a_redis_is_told) {
    const MemcachedServer server;
    const auto [put, strict] = expect_service_without(redis_tier("redis://" + server.address()));
    EXPECT_TRUE(is_one_of(strict, {Errc::protocol_error, Errc::connection_failed})) << strict.message();
    EXPECT_THAT(strict.message(), HasSubstr("port"));
}

TEST(StrangeServer, a_redis_for_a_memcached_is_told) {
    const RedisServer server;
    const auto [put, strict] = expect_service_without(memcached_tier("127.0.0.1:" + std::to_string(server.port())));
    EXPECT_TRUE(is_one_of(strict, {Errc::protocol_error, Errc::connection_failed, Errc::server_error}))
        << strict.message();
    EXPECT_THAT(strict.message(), HasSubstr("is it another kind of server?"));
}

TEST(StrangeServer, one_that_greets_like_a_mail_server_is_told) {
    Peer peer([](const std::string& line) { return line.empty() ? "220 mail ready\r\n" : "502 unknown\r\n"; });
    const auto [put, strict] = expect_service_without(redis_tier("redis://" + peer.address()));
    EXPECT_TRUE(is_one_of(strict, {Errc::protocol_error, Errc::connection_failed})) << strict.message();
    const auto [memcached_put, memcached_strict] = expect_service_without(memcached_tier(peer.address()));
    EXPECT_TRUE(is_one_of(memcached_strict, {Errc::protocol_error, Errc::connection_failed}))
        << memcached_strict.message();
}

TEST(StrangeServer, one_that_accepts_and_never_answers_costs_the_tiers_timeout_and_no_more) {
    Peer peer([](const std::string&) { return std::string(); });
    for (const bool redis : {true, false}) {
        const auto began = std::chrono::steady_clock::now();
        const auto [put, strict] = expect_service_without(redis ? redis_tier("redis://" + peer.address(), 50ms)
                                                                : memcached_tier(peer.address(), 50ms));
        EXPECT_TRUE(is_one_of(strict, {Errc::timeout, Errc::connection_failed})) << strict.message();
        EXPECT_LT(std::chrono::steady_clock::now() - began, patience) << "some call did not end at its deadline";
    }
}

TEST(StrangeServer, a_call_ends_at_its_own_deadline_though_the_tier_would_wait_longer) {
    Peer peer([](const std::string&) { return std::string(); });
    auto options = texts({redis_tier("redis://" + peer.address(), 1h), memcached_tier(peer.address(), 1h)});
    options.timeouts.close = 50ms;
    const auto cache = made(std::move(options));
    const auto found = cache.try_get("key", {.timeout = 50ms});
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error(), Errc::timeout);
    EXPECT_THAT(found.error().message(), AllOf(HasSubstr("50 ms"), HasSubstr("CallOptions::timeout")));
    const auto put = cache.put("key", "value", {.timeout = 50ms});
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error(), Errc::timeout);
    EXPECT_THAT(put.error().message(), HasSubstr("may succeed"));
}

TEST(StrangeServer, one_that_closes_in_mid_reply_costs_no_lookup) {
    Peer peer([](const std::string& line) {
        if (line.empty()) return std::string();
        return line.starts_with("*") ? std::string("$100\r\nhalf a v") : Peer::hang_up;
    });
    const auto [put, strict] = expect_service_without(redis_tier("redis://" + peer.address()));
    EXPECT_TRUE(is_one_of(strict, {Errc::connection_lost, Errc::connection_failed, Errc::protocol_error}))
        << strict.message();

    Peer half_a_memcached([](const std::string& line) {
        if (line.starts_with("mg tiercel:ping ")) return std::string("EN O1\r\n");
        if (line.starts_with("mn")) return std::string("MN\r\n");
        if (line.starts_with("mg")) return std::string("VA 100 c1 t-1\r\nhalf a v");
        return line.empty() ? std::string() : Peer::hang_up;
    });
    const auto [memcached_put, memcached_strict] =
        expect_service_without(memcached_tier(half_a_memcached.address(), 1s));
    EXPECT_TRUE(is_one_of(memcached_strict,
                          {Errc::connection_lost, Errc::connection_failed, Errc::protocol_error, Errc::timeout}))
        << memcached_strict.message();
}

} // namespace
} // namespace tiercel::test
