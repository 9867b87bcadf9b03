#include "scenario.hpp"

#include <array>

namespace tiercel::testing::contract {
namespace {

void a_value_leaves_when_its_time_is_over(Subject& subject) {
    const auto key = subject.key("k");
    EXPECT_EQ(describe(subject.put(key, "v", 2s)), "done");
    EXPECT_EQ(subject.text(key), "v");
    EXPECT_TRUE(subject.expires(key));
    EXPECT_EQ(describe(subject.erase(key)), "false");
}

void a_value_without_ttl_stays(Subject& subject) {
    const auto brief_one = subject.key("brief"), lasting = subject.key("lasting");
    EXPECT_EQ(describe(subject.put(lasting, "v")), "done");
    EXPECT_EQ(describe(subject.put(brief_one, "v", brief)), "done");
    EXPECT_TRUE(subject.expires(brief_one));
    EXPECT_EQ(subject.text(lasting), "v");
}

void each_item_of_a_batch_has_its_own_ttl(Subject& subject) {
    const auto brief_one = subject.key("brief"), longer = subject.key("longer"), lasting = subject.key("lasting");
    const std::array items = {spi::PutItem{longer, "v", 1h}, spi::PutItem{brief_one, "v", brief},
                              spi::PutItem{lasting, "v", {}}};
    for (const auto& stored : subject.run(subject.backend().put_many(items, subject.call())))
        EXPECT_EQ(describe(stored), "done");
    EXPECT_TRUE(subject.expires(brief_one));
    EXPECT_EQ(subject.text(longer), "v");
    EXPECT_EQ(subject.text(lasting), "v");
}

void a_put_without_ttl_ends_the_earlier_ttl(Subject& subject) {
    const auto key = subject.key("k"), witness = subject.key("witness");
    EXPECT_EQ(describe(subject.put(key, "v", brief)), "done");
    EXPECT_EQ(describe(subject.put(key, "w")), "done");
    EXPECT_EQ(describe(subject.put(witness, "v", brief)), "done");
    EXPECT_TRUE(subject.expires(witness));
    EXPECT_EQ(subject.text(key), "w");
}

void touch_gives_a_present_key_a_new_life(Subject& subject) {
    const auto touched = subject.key("touched"), witness = subject.key("witness");
    EXPECT_EQ(describe(subject.put(touched, "v", brief)), "done");
    EXPECT_EQ(describe(subject.touch(touched, 1h)), "true");
    EXPECT_EQ(describe(subject.put(witness, "v", brief)), "done");
    EXPECT_TRUE(subject.expires(witness));
    EXPECT_EQ(subject.text(touched), "v");
}

void touch_can_shorten_a_life(Subject& subject) {
    const auto key = subject.key("k");
    EXPECT_EQ(describe(subject.put(key, "v")), "done");
    EXPECT_EQ(describe(subject.touch(key, brief)), "true");
    EXPECT_TRUE(subject.expires(key));
}

void touch_of_a_missing_key_says_so(Subject& subject) {
    const auto key = subject.key("k");
    EXPECT_EQ(describe(subject.touch(key, 1h)), "false");
    EXPECT_EQ(subject.text(key), nothing);
}

void very_long_ttls_are_long(Subject& subject) {
    constexpr auto year = 365 * 24h;
    // Memcached reads more than 30 days as a date, and dates end in 2038 or 2106.
    for (const milliseconds ttl : {milliseconds(30 * 24h), milliseconds(31 * 24h), milliseconds(2 * year),
                                   milliseconds(20 * year), milliseconds(100 * year)}) {
        const auto key = subject.key(std::to_string(ttl.count()));
        EXPECT_EQ(describe(subject.put(key, "v", ttl)), "done") << ttl.count();
        EXPECT_EQ(subject.text(key), "v") << ttl.count();
        EXPECT_EQ(describe(subject.touch(key, ttl)), "true") << ttl.count();
        EXPECT_EQ(subject.text(key), "v") << ttl.count();
    }
}

void the_remaining_ttl_is_told_by_who_can(Subject& subject) {
    const auto mortal = subject.key("mortal"), lasting = subject.key("lasting");
    EXPECT_EQ(describe(subject.put(mortal, "v", 1h)), "done");
    EXPECT_EQ(describe(subject.put(lasting, "v")), "done");
    const auto found = subject.get(mortal);
    ASSERT_TRUE(found.has_value() && found->has_value());
    const auto remaining = (*found)->remaining_ttl;
    if (!subject.can().reads_ttl) {
        EXPECT_FALSE(remaining.has_value());
        return;
    }
    ASSERT_TRUE(remaining.has_value());
    EXPECT_GT(*remaining, 59min);
    EXPECT_LE(*remaining, 1h + 1s);
    EXPECT_FALSE(subject.get(lasting).value().value().remaining_ttl.has_value());
}

constexpr std::array scenarios = {
    TIERCEL_SCENARIO(a_value_leaves_when_its_time_is_over), TIERCEL_SCENARIO(a_value_without_ttl_stays),
    TIERCEL_SCENARIO(each_item_of_a_batch_has_its_own_ttl), TIERCEL_SCENARIO(a_put_without_ttl_ends_the_earlier_ttl),
    TIERCEL_SCENARIO(touch_gives_a_present_key_a_new_life), TIERCEL_SCENARIO(touch_can_shorten_a_life),
    TIERCEL_SCENARIO(touch_of_a_missing_key_says_so),       TIERCEL_SCENARIO(very_long_ttls_are_long),
    TIERCEL_SCENARIO(the_remaining_ttl_is_told_by_who_can),
};

} // namespace

std::span<const Scenario> expiry() {
    return scenarios;
}

} // namespace tiercel::testing::contract
