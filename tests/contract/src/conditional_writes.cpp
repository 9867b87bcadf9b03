#include "scenario.hpp"

#include <array>

namespace tiercel::testing::contract {
namespace {

/// True if the scenario goes on; a backend without conditional writes must say so in each call.
bool supported(Subject& subject) {
    if (subject.can().conditional_writes) return true;
    EXPECT_EQ(describe(subject.put_if_absent(subject.key("k"), "v")), "(unsupported)");
    EXPECT_EQ(describe(subject.put_if_version(subject.key("k"), "v", spi::Version(1))), "(unsupported)");
    return false;
}

void put_if_absent_stores_once(Subject& subject) {
    if (!supported(subject)) return;
    const auto key = subject.key("k");
    EXPECT_EQ(describe(subject.put_if_absent(key, "first")), "stored");
    EXPECT_EQ(describe(subject.put_if_absent(key, "second")), "conflict");
    EXPECT_EQ(subject.text(key), "first");
    EXPECT_EQ(describe(subject.erase(key)), "true");
    EXPECT_EQ(describe(subject.put_if_absent(key, "third")), "stored");
    EXPECT_EQ(subject.text(key), "third");
}

void put_if_absent_takes_an_empty_value_for_present(Subject& subject) {
    if (!supported(subject)) return;
    const auto key = subject.key("k");
    EXPECT_EQ(describe(subject.put(key, "")), "done");
    EXPECT_EQ(describe(subject.put_if_absent(key, "v")), "conflict");
    EXPECT_EQ(subject.text(key), "");
}

void put_if_absent_expires_and_may_then_be_won_again(Subject& subject) {
    if (!supported(subject)) return;
    const auto key = subject.key("k");
    EXPECT_EQ(describe(subject.put_if_absent(key, "first", brief)), "stored");
    EXPECT_TRUE(subject.expires(key));
    EXPECT_EQ(describe(subject.put_if_absent(key, "second", 1h)), "stored");
    EXPECT_EQ(subject.text(key), "second");
}

void put_if_version_stores_over_the_version_that_was_read(Subject& subject) {
    if (!supported(subject)) return;
    const auto key = subject.key("k");
    EXPECT_EQ(describe(subject.put(key, "one")), "done");
    const auto version = subject.version(key);
    EXPECT_EQ(subject.version(key), version) << "reading must not change the version";
    EXPECT_EQ(describe(subject.put_if_version(key, "two", version)), "stored");
    EXPECT_EQ(subject.text(key), "two");
    EXPECT_EQ(describe(subject.put_if_version(key, "three", version)), "conflict");
    EXPECT_EQ(subject.text(key), "two");
    EXPECT_EQ(describe(subject.put_if_version(key, "three", subject.version(key))), "stored");
    EXPECT_EQ(subject.text(key), "three");
}

void put_if_version_works_over_put_if_absent(Subject& subject) {
    if (!supported(subject)) return;
    const auto key = subject.key("k");
    EXPECT_EQ(describe(subject.put_if_absent(key, "one")), "stored");
    EXPECT_EQ(describe(subject.put_if_version(key, "two", subject.version(key))), "stored");
    EXPECT_EQ(subject.text(key), "two");
}

void put_if_version_does_not_bring_back_an_erased_key(Subject& subject) {
    if (!supported(subject)) return;
    const auto key = subject.key("k");
    EXPECT_EQ(describe(subject.put(key, "one")), "done");
    const auto version = subject.version(key);
    EXPECT_EQ(describe(subject.erase(key)), "true");
    EXPECT_EQ(describe(subject.put_if_version(key, "two", version)), "absent");
    EXPECT_EQ(subject.text(key), nothing);
}

void put_if_version_sees_a_write_of_the_same_bytes(Subject& subject) {
    if (!supported(subject)) return;
    const auto key = subject.key("k");
    EXPECT_EQ(describe(subject.put(key, "same")), "done");
    const auto version = subject.version(key);
    EXPECT_EQ(describe(subject.put(key, "same")), "done");
    EXPECT_EQ(describe(subject.put_if_version(key, "other", version)), "conflict");
    EXPECT_EQ(subject.text(key), "same");
}

void put_if_version_sees_an_erase_and_the_same_bytes_again(Subject& subject) {
    if (!supported(subject)) return;
    const auto key = subject.key("k");
    EXPECT_EQ(describe(subject.put(key, "same")), "done");
    const auto version = subject.version(key);
    EXPECT_EQ(describe(subject.erase(key)), "true");
    EXPECT_EQ(describe(subject.put_if_absent(key, "same")), "stored");
    EXPECT_EQ(describe(subject.put_if_version(key, "other", version)), "conflict");
    EXPECT_EQ(subject.text(key), "same");
}

void put_if_version_sets_the_ttl(Subject& subject) {
    if (!supported(subject)) return;
    const auto shortened = subject.key("shortened"), prolonged = subject.key("prolonged");
    EXPECT_EQ(describe(subject.put(shortened, "v")), "done");
    EXPECT_EQ(describe(subject.put(prolonged, "v", 3s)), "done");
    EXPECT_EQ(describe(subject.put_if_version(prolonged, "w", subject.version(prolonged))), "stored");
    EXPECT_EQ(describe(subject.put_if_version(shortened, "w", subject.version(shortened), 3s)), "stored");
    EXPECT_TRUE(subject.expires(shortened));
    EXPECT_EQ(subject.text(prolonged), "w");
}

constexpr std::array scenarios = {
    TIERCEL_SCENARIO(put_if_absent_stores_once),
    TIERCEL_SCENARIO(put_if_absent_takes_an_empty_value_for_present),
    TIERCEL_SCENARIO(put_if_absent_expires_and_may_then_be_won_again),
    TIERCEL_SCENARIO(put_if_version_stores_over_the_version_that_was_read),
    TIERCEL_SCENARIO(put_if_version_works_over_put_if_absent),
    TIERCEL_SCENARIO(put_if_version_does_not_bring_back_an_erased_key),
    TIERCEL_SCENARIO(put_if_version_sees_a_write_of_the_same_bytes),
    TIERCEL_SCENARIO(put_if_version_sees_an_erase_and_the_same_bytes_again),
    TIERCEL_SCENARIO(put_if_version_sets_the_ttl),
};

} // namespace

std::span<const Scenario> conditional_writes() {
    return scenarios;
}

} // namespace tiercel::testing::contract
