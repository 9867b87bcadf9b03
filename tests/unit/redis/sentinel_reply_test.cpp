#include "sentinel_reply.hpp"

#include <gtest/gtest.h>

namespace tiercel::redis {
namespace {

Reply text_of(Reply::Kind kind, std::string text) {
    Reply reply;
    reply.kind = kind;
    reply.text = std::move(text);
    return reply;
}
Reply bulk(std::string text) {
    return text_of(Reply::Kind::bulk, std::move(text));
}
Reply error(std::string text) {
    return text_of(Reply::Kind::error, std::move(text));
}
Reply number(long long value) {
    Reply reply;
    reply.kind = Reply::Kind::integer;
    reply.integer = value;
    return reply;
}
Reply array(std::vector<Reply> elements) {
    Reply reply;
    reply.kind = Reply::Kind::array;
    reply.elements = std::move(elements);
    return reply;
}
Reply bulks(const std::vector<std::string>& texts) {
    Reply reply = array({});
    for (const auto& text : texts)
        reply.elements.push_back(bulk(text));
    return reply;
}

Result<SentinelAnswer> answer(const Reply& address, const Reply& details) {
    return parse_sentinel_answer(address, details, "sentinel");
}
Reply details_with(const std::string& epoch) {
    return bulks({"name", "mymaster", "config-epoch", epoch, "num-slaves", "2"});
}

TEST(SentinelAnswer, is_the_address_and_the_epoch) {
    const auto told = answer(bulks({"10.0.0.1", "6379"}), details_with("17"));
    ASSERT_TRUE(told) << told.error().message();
    EXPECT_EQ(told->master, (NodeAddress{"10.0.0.1", 6379}));
    EXPECT_EQ(told->epoch, 17U);
}

TEST(SentinelAnswer, of_an_unknown_name_says_which_option_to_check) {
    const auto told = answer({}, error("ERR No such master with that name"));
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().code(), Errc::invalid_option);
    EXPECT_NE(told.error().message().find("SentinelOptions::master_name"), std::string::npos);
}

TEST(SentinelAnswer, of_a_plain_redis_says_that_it_is_no_sentinel) {
    const auto told = answer(error("ERR unknown command 'SENTINEL', with args beginning with: "), {});
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().code(), Errc::unsupported);
}

TEST(SentinelAnswer, without_permission_is_an_error_of_that_kind) {
    EXPECT_EQ(answer(error("NOPERM no"), error("NOPERM no")).error().code(), Errc::permission_denied);
    EXPECT_EQ(answer(bulks({"h", "1"}), error("NOPERM no")).error().code(), Errc::permission_denied);
    EXPECT_EQ(answer(error("NOAUTH no"), error("NOAUTH no")).error().code(), Errc::authentication_failed);
}

TEST(SentinelAnswer, that_cannot_be_is_a_protocol_error) {
    const Reply good_address = bulks({"host", "6379"});
    const Reply good_details = details_with("1");
    const std::vector<Reply> bad_addresses = {
        bulks({}),
        bulks({"host"}),
        bulks({"host", "6379", "more"}),
        bulks({"", "6379"}),
        bulks({"host", "0"}),
        bulks({"host", "65536"}),
        bulks({"host", "-1"}),
        bulks({"host", "99999999999999999999"}),
        bulks({"host", ""}),
        bulks({"host", "6379 "}),
        bulks({"ho st", "6379"}),
        bulks({"host\r\n", "6379"}),
        bulks({std::string(256, 'h'), "6379"}),
        bulks({"?", "6379"}),
        array({bulk("host"), number(6379)}),
        array({bulks({"host"}), bulk("6379")}),
        bulk("host"),
        number(1),
        text_of(Reply::Kind::status, "OK"),
    };
    for (const auto& address : bad_addresses)
        EXPECT_EQ(answer(address, good_details).error().code(), Errc::protocol_error);
    const std::vector<Reply> bad_details = {
        {},
        bulk("config-epoch"),
        bulks({}),
        bulks({"config-epoch"}),
        bulks({"name", "mymaster"}),
        details_with("-1"),
        details_with(""),
        details_with("18446744073709551616"),
        array({bulk("config-epoch"), number(1)}),
        array({number(1), bulk("x")}),
    };
    for (const auto& details : bad_details)
        EXPECT_EQ(answer(good_address, details).error().code(), Errc::protocol_error);
}

TEST(MasterRole, is_known_by_its_first_word) {
    EXPECT_TRUE(parse_master_role(array({bulk("master"), number(0), array({})}), "server"));
    for (const char* role : {"slave", "sentinel", "Master", ""})
        EXPECT_EQ(parse_master_role(array({bulk(role)}), "server").error().code(), Errc::read_only) << role;
    EXPECT_EQ(parse_master_role(array({}), "server").error().code(), Errc::protocol_error);
    EXPECT_EQ(parse_master_role(array({number(1)}), "server").error().code(), Errc::protocol_error);
    EXPECT_EQ(parse_master_role(bulk("master"), "server").error().code(), Errc::protocol_error);
    EXPECT_EQ(parse_master_role(error("NOPERM no"), "server").error().code(), Errc::permission_denied);
}

Result<SentinelNews> news(const Reply& reply) {
    return parse_sentinel_news(reply, "mymaster", "sentinel");
}

TEST(SentinelNews, tells_our_master_from_others) {
    const auto switched = [](const std::string& payload) { return bulks({"message", "+switch-master", payload}); };
    EXPECT_EQ(news(switched("mymaster 127.0.0.1 1 127.0.0.1 2")).value(), SentinelNews::switched);
    EXPECT_EQ(news(switched("mymaster2 127.0.0.1 1 127.0.0.1 2")).value(), SentinelNews::other);
    EXPECT_EQ(news(switched("my mymaster 1 127.0.0.1 2")).value(), SentinelNews::other);
    EXPECT_EQ(news(switched("")).value(), SentinelNews::other);
}

TEST(SentinelNews, knows_the_replies_of_a_subscribed_connection) {
    EXPECT_EQ(news(array({bulk("subscribe"), bulk("+switch-master"), number(1)})).value(), SentinelNews::subscribed);
    EXPECT_EQ(news(bulks({"pong", ""})).value(), SentinelNews::pong);
    EXPECT_EQ(news(error("NOPERM no")).error().code(), Errc::permission_denied);
    EXPECT_EQ(news(error("ERR unknown command 'x'")).error().code(), Errc::unsupported);
    for (const auto& bad : {array({}), bulks({"message"}), bulks({"message", "+switch-master"}), number(1),
                            array({bulk("message"), bulk("+switch-master"), number(1)}), bulks({"a", "b", "c"})})
        EXPECT_EQ(news(bad).error().code(), Errc::protocol_error);
}

} // namespace
} // namespace tiercel::redis
