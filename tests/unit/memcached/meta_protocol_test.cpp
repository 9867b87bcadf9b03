#include "meta_protocol.hpp"

#include "meta_errors.hpp"
#include "meta_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tiercel::memcached {
namespace {

using ::testing::HasSubstr;

class Greeting : public ::testing::Test {
protected:
    Result<void> answer(BytesView bytes) {
        std::vector<Reply> replies;
        if (auto fed = codec->feed(bytes, replies); !fed) return fed;
        for (const auto& reply : replies) {
            if (auto judged = codec->on_greeting_reply(reply); !judged) return judged;
        }
        return {};
    }
    const std::unique_ptr<transport::Codec> codec = MetaProtocol("memcached host:1", 1000).make_codec();
};

TEST_F(Greeting, is_over_when_a_memcached_has_answered) {
    EXPECT_EQ(codec->greeting(), "mg tiercel:ping O1\r\nmn\r\n");
    for (const char* part : {"", "E", "N O1\r\n", "M"}) {
        EXPECT_TRUE(answer(part));
        EXPECT_FALSE(codec->is_greeted());
    }
    EXPECT_TRUE(answer("N\r\n"));
    EXPECT_TRUE(codec->is_greeted());
}

TEST_F(Greeting, does_not_mind_that_somebody_has_such_a_key) {
    EXPECT_TRUE(answer("HD O1\r\nMN\r\n"));
    EXPECT_TRUE(codec->is_greeted());
}

TEST_F(Greeting, is_refused_to_a_server_too_old_to_name_the_request_it_answers) {
    const auto answered = answer("EN\r\nMN\r\n");
    ASSERT_FALSE(answered);
    EXPECT_EQ(answered.error().code(), Errc::unsupported);
    EXPECT_THAT(answered.error().message(), HasSubstr("1.6.18"));
}

TEST_F(Greeting, is_refused_to_who_has_to_log_in) {
    const auto answered = answer("CLIENT_ERROR unauthenticated\r\n");
    ASSERT_FALSE(answered);
    EXPECT_EQ(answered.error().code(), Errc::authentication_failed);
    EXPECT_THAT(answered.error().message(), HasSubstr("connect_sasl"));
}

TEST_F(Greeting, tells_who_is_no_memcached_or_too_old) {
    for (const char* text : {"ERROR\r\n", "EN O1\r\nEN O1\r\n", "VA 2 O1\r\nMN\r\nMN\r\n", "220 mail ready\r\n",
                             "MN\r\n", "EN O1\r\nMN\r\nMN\r\n"}) {
        const auto other = MetaProtocol("memcached host:1", 1000).make_codec();
        std::vector<Reply> replies;
        auto outcome = other->feed(text, replies);
        for (const auto& reply : replies) {
            if (outcome) outcome = other->on_greeting_reply(reply);
        }
        ASSERT_FALSE(outcome) << text;
        EXPECT_EQ(outcome.error().code(), Errc::protocol_error) << text;
        EXPECT_THAT(outcome.error().message(), HasSubstr("is it another kind of server?"));
    }
}

TEST(MetaError, says_what_to_do_and_names_the_server) {
    const auto expect = [](const char* line, Errc code, const char* advice) {
        const auto error = to_error(line, "memcached host:1");
        EXPECT_EQ(error.code(), code) << line;
        EXPECT_THAT(error.message(), HasSubstr("memcached host:1: "));
        EXPECT_THAT(error.message(), HasSubstr(advice));
    };
    expect("ERROR", Errc::protocol_error, "1.6");
    expect("SERVER_ERROR object too large for cache", Errc::value_too_large, "-I");
    expect("SERVER_ERROR out of memory storing object", Errc::out_of_memory, "-m");
    expect("CLIENT_ERROR unauthenticated", Errc::authentication_failed, "-S");
    expect("CLIENT_ERROR bad data chunk", Errc::server_error, "refused: bad data chunk");
    expect("SERVER_ERROR", Errc::server_error, "refused");
    expect("SERVER_ERROR a\x01\xff", Errc::server_error, "refused: a??");
    expect(std::string(too_large_prefix).c_str(), Errc::value_too_large, "max_value_bytes");
}

} // namespace
} // namespace tiercel::memcached
