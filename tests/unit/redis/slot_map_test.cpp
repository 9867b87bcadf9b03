#include "slot_map.hpp"

#include "reply_reader.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tiercel::redis {
namespace {

/// The reply that these bytes of the protocol are.
Reply reply_of(const std::string& bytes) {
    ReplyReader reader({.max_reply_bytes = std::size_t{64} << 20});
    std::vector<Reply> replies;
    const auto fed = reader.feed(bytes, replies);
    EXPECT_TRUE(fed) << fed.error().message();
    EXPECT_EQ(replies.size(), 1U);
    return std::move(replies.at(0));
}

std::string bulk(const std::string& text) {
    return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}
std::string number(long long value) {
    return ":" + std::to_string(value) + "\r\n";
}
std::string array(const std::vector<std::string>& elements) {
    std::string bytes = "*" + std::to_string(elements.size()) + "\r\n";
    for (const auto& element : elements)
        bytes += element;
    return bytes;
}
std::string node(const std::string& host, long long port) {
    return array({bulk(host), number(port), bulk("09dbe9720cda62f7865eabc5fd8857c5d2678366"), array({})});
}
std::string range(long long first, long long last, const std::vector<std::string>& nodes) {
    std::vector<std::string> elements{number(first), number(last)};
    elements.insert(elements.end(), nodes.begin(), nodes.end());
    return array(elements);
}

Result<SlotMap> parse(const std::string& bytes) {
    return SlotMap::parse(reply_of(bytes), "asked.host");
}

std::string owner(const SlotMap& map, Slot slot) {
    const auto index = map.owner(slot);
    return index ? map.nodes().at(*index).text() : "(nobody)";
}

const std::string three_masters =
    array({range(0, 5460, {node("a", 1), node("a", 11)}), range(5461, 10922, {node("b", 2), node("b", 12)}),
           range(10923, 16383, {node("c", 3)})});

TEST(SlotMap, knows_the_owner_of_each_slot) {
    const auto map = parse(three_masters);
    ASSERT_TRUE(map);
    EXPECT_TRUE(map->covers_all());
    EXPECT_EQ(owner(*map, 0), "a:1");
    EXPECT_EQ(owner(*map, 5460), "a:1");
    EXPECT_EQ(owner(*map, 5461), "b:2");
    EXPECT_EQ(owner(*map, 16383), "c:3");
    EXPECT_FALSE(map->owner(16384));
    EXPECT_EQ(map->masters(), (std::vector<NodeAddress>{{"a", 1}, {"b", 2}, {"c", 3}}));
    EXPECT_TRUE(map->names({"a", 11}));
    EXPECT_FALSE(map->names({"a", 2}));
}

TEST(SlotMap, takes_the_host_that_was_asked_for_an_empty_or_null_one) {
    const auto map = parse(array({range(0, 1, {node("", 1)}), range(2, 3, {array({"$-1\r\n", number(2)})})}));
    ASSERT_TRUE(map);
    EXPECT_EQ(owner(*map, 0), "asked.host:1");
    EXPECT_EQ(owner(*map, 3), "asked.host:2");
}

TEST(SlotMap, leaves_what_a_node_without_a_host_has_without_an_owner) {
    const auto map =
        parse(array({range(0, 1, {node("?", 1), node("b", 2)}), range(2, 3, {node("a", 1), node("?", 2)})}));
    ASSERT_TRUE(map);
    EXPECT_EQ(owner(*map, 0), "(nobody)");
    EXPECT_EQ(owner(*map, 2), "a:1");
    EXPECT_FALSE(map->covers_all());
}

TEST(SlotMap, of_a_node_that_knows_no_slots_is_not_ready) {
    const auto map = parse("*0\r\n");
    ASSERT_FALSE(map);
    EXPECT_EQ(map.error().code(), Errc::not_ready);
}

TEST(SlotMap, refuses_what_is_no_answer_to_cluster_slots) {
    const std::string a = node("a", 1);
    std::vector<std::string> many;
    for (int i = 0; i < 1100; ++i)
        many.push_back(node("h" + std::to_string(i), 1));
    const std::vector<std::string> rubbish = {
        "+OK\r\n",
        ":1\r\n",
        "$-1\r\n",
        "*-1\r\n",
        array({"+OK\r\n"}),
        array({array({})}),
        array({range(0, 1, {})}),
        array({range(-1, 1, {a})}),
        array({range(0, 16384, {a})}),
        array({range(2, 1, {a})}),
        array({range(0, 9'223'372'036'854'775'807, {a})}),
        array({array({bulk("0"), bulk("1"), a})}),
        array({range(0, 10, {a}), range(10, 20, {a})}),
        array({range(0, 10, {a}), range(0, 10, {a})}),
        array({range(0, 1, {node("a", 0)})}),
        array({range(0, 1, {node("a", -7000)})}),
        array({range(0, 1, {node("a", 65536)})}),
        array({range(0, 1, {node("a b", 1)})}),
        array({range(0, 1, {node(std::string(1000, 'h'), 1)})}),
        array({range(0, 1, {array({bulk("a")})})}),
        array({range(0, 1, {array({number(1), number(1)})})}),
        array({range(0, 1, {array({bulk("a"), bulk("1")})})}),
        array({range(0, 1, {array({array({array({array({})})}), number(1)})})}),
        array({range(0, 1, {a, "+OK\r\n"})}),
        array({range(0, 1, many)}),
    };
    for (const auto& bytes : rubbish) {
        const auto map = parse(bytes);
        ASSERT_FALSE(map) << bytes.substr(0, 100);
        EXPECT_EQ(map.error().code(), Errc::protocol_error) << bytes.substr(0, 100);
    }
}

TEST(SlotMap, is_corrected_slot_by_slot) {
    auto map = *parse(three_masters);
    EXPECT_TRUE(map.move(7, {"c", 3}));
    EXPECT_TRUE(map.move(8, {"d", 4}));
    EXPECT_FALSE(map.move(16384, {"d", 4}));
    EXPECT_EQ(owner(map, 6), "a:1");
    EXPECT_EQ(owner(map, 7), "c:3");
    EXPECT_EQ(owner(map, 8), "d:4");
    EXPECT_TRUE(map.covers_all());
    EXPECT_EQ(map.masters().size(), 4U);
}

TEST(SlotMap, takes_no_node_too_many) {
    SlotMap map;
    for (std::size_t i = 0; i < SlotMap::max_nodes; ++i)
        ASSERT_TRUE(map.move(0, {"h" + std::to_string(i), 1}));
    EXPECT_FALSE(map.move(0, {"another", 1}));
    EXPECT_EQ(owner(map, 0), "h1023:1");
}

TEST(SlotMap, is_like_another_if_each_slot_has_the_same_owner) {
    const auto one = *parse(three_masters);
    auto other = *parse(array(
        {range(10923, 16383, {node("c", 3)}), range(0, 5460, {node("a", 1)}), range(5461, 10922, {node("b", 2)})}));
    EXPECT_TRUE(one.has_same_owners(other));
    EXPECT_TRUE(other.has_same_owners(one));
    other.move(5461, {"c", 3});
    EXPECT_FALSE(one.has_same_owners(other));
    EXPECT_FALSE(other.has_same_owners(one));
    EXPECT_FALSE(one.has_same_owners(SlotMap()));
    EXPECT_FALSE(SlotMap().has_same_owners(one));
    EXPECT_TRUE(SlotMap().has_same_owners(SlotMap()));
}

std::vector<std::string> replicas(const SlotMap& map, const NodeAddress& master) {
    std::vector<std::string> names;
    for (const auto& address : map.replicas_of(master))
        names.push_back(address.text());
    return names;
}

TEST(SlotMap, knows_the_replicas_of_each_master) {
    const auto map = parse(three_masters);
    ASSERT_TRUE(map);
    EXPECT_EQ(replicas(*map, {"a", 1}), std::vector<std::string>{"a:11"});
    EXPECT_EQ(replicas(*map, {"b", 2}), std::vector<std::string>{"b:12"});
    EXPECT_TRUE(replicas(*map, {"c", 3}).empty());
    EXPECT_TRUE(replicas(*map, {"a", 11}).empty()) << "it is one itself";
    EXPECT_TRUE(replicas(*map, {"d", 4}).empty());
}

TEST(SlotMap, knows_each_replica_once_and_not_too_many) {
    std::vector<std::string> nodes{node("a", 1), node("a", 1), node("a", 2), node("a", 2)};
    for (int port = 100; port < 200; ++port)
        nodes.push_back(node("r", port));
    const auto map = parse(array({range(0, 1, nodes), range(5, 6, nodes), range(7, 7, {node("?", 7), node("b", 8)})}));
    ASSERT_TRUE(map) << map.error().message();
    const auto all = map->replicas_of({"a", 1});
    EXPECT_EQ(all.size(), 16U);
    EXPECT_EQ(all.front().text(), "a:2");
    EXPECT_EQ(all[1].text(), "r:100");
}

} // namespace
} // namespace tiercel::redis
