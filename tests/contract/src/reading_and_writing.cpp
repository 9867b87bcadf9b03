#include "scenario.hpp"

#include <array>
#include <set>

namespace tiercel::testing::contract {
namespace {

void has_a_short_name(Subject& subject) {
    EXPECT_FALSE(subject.backend().name().empty());
    EXPECT_LE(subject.backend().name().size(), 32U);
}

void answers_ping(Subject& subject) {
    EXPECT_EQ(describe(subject.run(subject.backend().ping(subject.call()))), "done");
}

void a_stored_value_comes_back(Subject& subject) {
    const auto key = subject.key("k");
    EXPECT_EQ(describe(subject.put(key, "value")), "done");
    EXPECT_EQ(subject.text(key), "value");
}

void a_value_may_hold_any_bytes(Subject& subject) {
    std::string all;
    for (int round = 0; round < 2; ++round)
        for (int byte = 0; byte < 256; ++byte)
            all += static_cast<char>(byte);
    all += "\r\nEND\r\nSTORED\r\n$-1\r\n";
    const auto key = subject.key("k");
    EXPECT_EQ(describe(subject.put(key, all)), "done");
    EXPECT_EQ(subject.text(key), all);
}

void an_empty_value_is_not_a_missing_one(Subject& subject) {
    const auto key = subject.key("k");
    EXPECT_EQ(describe(subject.put(key, "")), "done");
    const auto found = subject.get(key);
    ASSERT_TRUE(found.has_value());
    ASSERT_TRUE(found->has_value());
    EXPECT_EQ((*found)->value, "");
}

void a_missing_key_is_nothing_and_no_error(Subject& subject) {
    const auto found = subject.get(subject.key("never-written"));
    ASSERT_TRUE(found.has_value());
    EXPECT_FALSE(found->has_value());
}

void a_second_put_replaces_the_first(Subject& subject) {
    const auto key = subject.key("k");
    EXPECT_EQ(describe(subject.put(key, "a rather long first value")), "done");
    EXPECT_EQ(describe(subject.put(key, "second")), "done");
    EXPECT_EQ(subject.text(key), "second");
}

void erase_tells_whether_a_value_was_there(Subject& subject) {
    const auto key = subject.key("k");
    EXPECT_EQ(describe(subject.erase(key)), "false");
    EXPECT_EQ(describe(subject.put(key, "v")), "done");
    EXPECT_EQ(describe(subject.erase(key)), "true");
    EXPECT_EQ(subject.text(key), nothing);
    EXPECT_EQ(describe(subject.erase(key)), "false");
}

void an_empty_batch_gives_no_results(Subject& subject) {
    EXPECT_TRUE(subject.run(subject.backend().get_many({}, subject.call())).empty());
    EXPECT_TRUE(subject.run(subject.backend().put_many({}, subject.call())).empty());
    EXPECT_TRUE(subject.run(subject.backend().erase_many({}, subject.call())).empty());
    EXPECT_TRUE(subject.run(subject.backend().touch_many({}, 1h, subject.call())).empty());
}

void a_batch_answers_in_the_order_of_its_keys(Subject& subject) {
    const auto a = subject.key("a"), b = subject.key("b"), missing = subject.key("missing");
    EXPECT_EQ(describe(subject.put(b, "B")), "done");
    EXPECT_EQ(describe(subject.put(a, "A")), "done");
    const auto found = subject.get_many({b, missing, a});
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found[0].value().value().value, "B");
    EXPECT_FALSE(found[1].value().has_value());
    EXPECT_EQ(found[2].value().value().value, "A");

    const auto erased = subject.erase_many({missing, a, missing, b});
    ASSERT_EQ(erased.size(), 4U);
    EXPECT_EQ(describe(erased[0]) + describe(erased[1]) + describe(erased[2]) + describe(erased[3]),
              "falsetruefalsetrue");
}

void a_key_twice_in_a_batch_is_answered_twice(Subject& subject) {
    const auto a = subject.key("a"), missing = subject.key("missing");
    EXPECT_EQ(describe(subject.put(a, "A")), "done");
    const auto found = subject.get_many({a, missing, a, missing});
    ASSERT_EQ(found.size(), 4U);
    EXPECT_EQ(found[0].value().value().value, "A");
    EXPECT_FALSE(found[1].value().has_value());
    EXPECT_EQ(found[2].value().value().value, "A");
    EXPECT_FALSE(found[3].value().has_value());

    const std::array items = {spi::PutItem{a, "one", {}}, spi::PutItem{a, "two", {}}};
    const auto stored = subject.run(subject.backend().put_many(items, subject.call()));
    ASSERT_EQ(stored.size(), 2U);
    EXPECT_EQ(describe(stored[0]) + describe(stored[1]), "donedone");
    const auto kept = subject.text(a);
    EXPECT_TRUE(kept == "one" || kept == "two") << kept;
}

void a_batch_of_a_thousand_mixes_nothing_up(Subject& subject) {
    constexpr std::size_t count = 1000;
    const auto keys = subject.keys(count);
    std::vector<std::string> values;
    std::vector<spi::PutItem> items;
    for (const auto& key : keys)
        values.push_back(key + " holds this");
    for (std::size_t i = 0; i < count; i += 2)
        items.push_back({keys[i], values[i], {}});
    const auto stored = subject.run(subject.backend().put_many(items, subject.call()));
    ASSERT_EQ(stored.size(), items.size());
    for (const auto& result : stored)
        ASSERT_EQ(describe(result), "done");

    const auto found = subject.get_many(keys);
    ASSERT_EQ(found.size(), count);
    for (std::size_t i = 0; i < count; ++i) {
        ASSERT_TRUE(found[i].has_value()) << i;
        ASSERT_EQ(found[i]->has_value(), i % 2 == 0) << i;
        if (i % 2 == 0) {
            ASSERT_EQ((*found[i])->value, values[i]);
        }
    }
    const auto erased = subject.erase_many(keys);
    ASSERT_EQ(erased.size(), count);
    for (std::size_t i = 0; i < count; ++i)
        ASSERT_EQ(describe(erased[i]), i % 2 == 0 ? "true" : "false") << i;
}

/// All keys under a prefix, by scan; gives up after a thousand pages.
Result<std::multiset<std::string>> scan_all(Subject& subject, const std::string& prefix) {
    std::multiset<std::string> seen;
    std::string cursor;
    for (int page = 0; page < 1000; ++page) {
        auto result = subject.run(subject.backend().scan(prefix, cursor, subject.call()));
        if (!result) return result.error();
        seen.insert(result->keys.begin(), result->keys.end());
        cursor = result->cursor;
        if (cursor.empty()) return seen;
    }
    return Error(Errc::server_error, "the scan does not end");
}

void scan_finds_the_keys_under_a_prefix_or_is_unsupported(Subject& subject) {
    if (!subject.can().scans) {
        EXPECT_EQ(scan_all(subject, subject.key("")).error().code(), Errc::unsupported);
        return;
    }
    std::set<std::string> wanted;
    for (const auto& key : subject.keys(700, "mine*[x]?:")) {
        EXPECT_EQ(describe(subject.put(key, "v")), "done");
        wanted.insert(key);
    }
    EXPECT_EQ(describe(subject.put(subject.key("mineXx1"), "v")), "done");
    EXPECT_EQ(describe(subject.put(subject.key("other"), "v")), "done");
    const auto seen = scan_all(subject, subject.key("mine*[x]?:"));
    ASSERT_TRUE(seen.has_value()) << seen.error().message();
    EXPECT_EQ(std::set<std::string>(seen->begin(), seen->end()), wanted);
    EXPECT_TRUE(scan_all(subject, subject.key("none")).value().empty());
}

constexpr std::array scenarios = {
    TIERCEL_SCENARIO(has_a_short_name),
    TIERCEL_SCENARIO(answers_ping),
    TIERCEL_SCENARIO(a_stored_value_comes_back),
    TIERCEL_SCENARIO(a_value_may_hold_any_bytes),
    TIERCEL_SCENARIO(an_empty_value_is_not_a_missing_one),
    TIERCEL_SCENARIO(a_missing_key_is_nothing_and_no_error),
    TIERCEL_SCENARIO(a_second_put_replaces_the_first),
    TIERCEL_SCENARIO(erase_tells_whether_a_value_was_there),
    TIERCEL_SCENARIO(an_empty_batch_gives_no_results),
    TIERCEL_SCENARIO(a_batch_answers_in_the_order_of_its_keys),
    TIERCEL_SCENARIO(a_key_twice_in_a_batch_is_answered_twice),
    TIERCEL_SCENARIO(a_batch_of_a_thousand_mixes_nothing_up),
    TIERCEL_SCENARIO(scan_finds_the_keys_under_a_prefix_or_is_unsupported),
};

} // namespace

std::span<const Scenario> reading_and_writing() {
    return scenarios;
}

} // namespace tiercel::testing::contract
