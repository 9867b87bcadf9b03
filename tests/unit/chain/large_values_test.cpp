// What a tier does with values over its backend's limit when it may split them.
#include "scripted.hpp"

#include "wire/manifest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tiercel::testing::chain {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t limit = 1000;

struct Splitting : Harness {
    Splitting() { backend->can.max_value_bytes = limit; }
    C::Options options() {
        auto options = Harness::options();
        options.tiers[0].large_values = LargeValues::split;
        options.tiers[0].max_ttl = 1h;
        return options;
    }
    C made() { return make(options()); }
    std::vector<Bytes> chunk_keys() const {
        std::vector<Bytes> keys;
        for (const auto& [key, stored] : backend->data)
            if (is_chunk(key)) keys.push_back(key);
        return keys;
    }
    static bool is_chunk(BytesView key) { return key.starts_with(BytesView("test:\0chunk:", 12)); }
    TierStats stats(const C& cache) const { return cache.stats().tiers.at(0); }
};

std::string large(std::size_t size = 4500) {
    std::string text(size, 'a');
    for (std::size_t i = 0; i < size; ++i)
        text[i] = static_cast<char>('a' + (i / 7) % 26);
    return text;
}

TEST(LargeValue, is_stored_in_chunks_and_read_by_another_process) {
    Splitting h;
    const auto writer = h.made();
    const auto report = writer.put("k", large());
    ASSERT_TRUE(report);
    EXPECT_TRUE(report->complete());
    EXPECT_EQ(h.chunk_keys().size(), 5u);
    for (const auto& [key, stored] : h.backend->data)
        EXPECT_LE(stored.value.size(), limit);
    EXPECT_EQ(h.stats(writer).split_puts, 1u);
    EXPECT_EQ(h.stats(writer).puts, 1u);
    EXPECT_EQ(h.stats(writer).too_large, 0u);

    const auto reader = h.made();
    EXPECT_EQ(text(reader.get("k")), large());
    EXPECT_EQ(h.stats(reader).split_reads, 1u);
    EXPECT_EQ(h.stats(reader).hits, 1u);
}

TEST(LargeValue, costs_a_second_round_trip_and_small_ones_do_not) {
    Splitting h;
    const auto writer = h.made();
    ASSERT_TRUE(writer.put_many({{"a", large()}, {"b", large(2000)}, {"c", "small"}, {"d", "small"}}).at(0));
    const auto reader = h.made();
    ASSERT_TRUE(reader.get("c"));
    EXPECT_EQ(h.backend->get.calls, 1);
    const auto found = reader.get_many(std::vector<std::string>{"a", "b", "d"});
    EXPECT_EQ(text(found.at(0)), large());
    EXPECT_EQ(text(found.at(1)), large(2000));
    EXPECT_EQ(text(found.at(2)), "small");
    EXPECT_EQ(h.backend->get.calls, 3) << "one for the batch, one for all its chunks";
}

TEST(LargeValue, of_too_many_chunks_is_skipped_and_leaves_no_older_one) {
    Splitting h;
    const auto cache = h.made();
    ASSERT_TRUE(cache.put("k", large()));
    const auto report = cache.put("k", std::string(limit * wire::most_chunks, 'v'));
    EXPECT_EQ(report->tiers.at(0).kind, TierOutcome::Kind::too_large);
    EXPECT_EQ(h.stats(cache).too_large, 1u);
    EXPECT_FALSE(h.backend->data.contains("test:k"));
}

TEST(LargeValue, over_the_caches_own_cap_is_skipped) {
    Splitting h;
    auto options = h.options();
    options.max_value_bytes = 4499;
    const auto cache = Harness::make(std::move(options));
    EXPECT_EQ(cache.put("k", large())->tiers.at(0).kind, TierOutcome::Kind::too_large);
    EXPECT_EQ(cache.put("k", large(4499))->tiers.at(0).kind, TierOutcome::Kind::done);
    EXPECT_EQ(text(cache.get("k", past_memory())), large(4499));
}

TEST(LargeValue, larger_than_the_readers_cap_is_not_even_asked_for) {
    Splitting h;
    ASSERT_TRUE(h.made().put("k", large()));
    auto options = h.options();
    options.max_value_bytes = 4499;
    const auto reader = Harness::make(std::move(options));
    EXPECT_FALSE(reader.get("k"));
    EXPECT_EQ(h.backend->get.calls, 1);
    EXPECT_EQ(defects(reader.stats(), "bad_manifest"), 1u);
}

TEST(LargeValue, with_a_chunk_evicted_is_a_counted_miss_and_loaded_anew) {
    Splitting h;
    h.source.rows["k"] = "from the source";
    ASSERT_TRUE(h.made().put("k", large()));
    h.backend->data.erase(h.chunk_keys().at(3));
    const auto reader = h.made();
    EXPECT_EQ(text(reader.get_or_load("k")), "from the source");
    EXPECT_EQ(h.stats(reader).split_incomplete, 1u);
    EXPECT_EQ(h.stats(reader).misses, 1u);
    EXPECT_EQ(h.stats(reader).error_count(), 0u);
}

TEST(LargeValue, with_a_damaged_chunk_is_a_counted_defect) {
    Splitting h;
    ASSERT_TRUE(h.made().put("k", large()));
    h.backend->data.at(h.chunk_keys().at(1)).value[500] ^= 1;
    const auto reader = h.made();
    EXPECT_FALSE(reader.get("k"));
    EXPECT_EQ(defects(reader.stats(), "bad_chunks"), 1u);
}

TEST(LargeValue, whose_chunks_server_is_down_is_a_failure_and_never_nothing) {
    Splitting h;
    h.source.rows["k"] = "from the source";
    ASSERT_TRUE(h.made().put_many({{"k", large()}, {"l", "small"}}).at(0));
    const auto lost = h.chunk_keys().at(2);
    h.backend->unreachable = [&](BytesView key) { return key == lost; };
    const auto reader = h.made();
    const auto found = reader.get_or_load_many(std::vector<std::string>{"k", "l"});
    EXPECT_EQ(text(found.at(0)), "from the source");
    EXPECT_EQ(text(found.at(1)), "small");
    EXPECT_EQ(errors(reader.stats(), Errc::connection_failed), 1u);
    EXPECT_EQ(h.stats(reader).split_incomplete, 0u);
    EXPECT_EQ(text(h.made().get_or_load("k", strict())), "connection_failed");
}

TEST(LargeValue, that_cannot_be_stored_whole_gets_no_manifest) {
    Splitting h;
    const auto cache = h.made();
    ASSERT_TRUE(cache.put("k", "old"));
    int seen = 0;
    h.backend->unreachable = [&](BytesView key) { return Splitting::is_chunk(key) && ++seen == 3; };
    const auto reports = cache.put_many({{"k", large()}, {"l", "small"}});
    EXPECT_EQ(reports.at(0)->tiers.at(0).kind, TierOutcome::Kind::queued);
    EXPECT_EQ(*reports.at(0)->tiers.at(0).error, Errc::connection_failed);
    EXPECT_EQ(reports.at(1)->tiers.at(0).kind, TierOutcome::Kind::done);
    EXPECT_FALSE(wire::looks_like_manifest(h.backend->data.at("test:k").value));
    EXPECT_TRUE(h.chunk_keys().empty()) << "chunks that nobody will ask for";
    EXPECT_EQ(text(cache.get("k", past_memory())), "(nothing)") << "the older value is not believed";
}

TEST(LargeValue, is_read_within_one_deadline_for_both_round_trips) {
    Splitting h;
    ASSERT_TRUE(h.made().put("k", large()));
    const auto reader = h.made();
    h.backend->get.before.shut();
    Caught<Harness::Read> caught;
    reader.async_get_or_load("k", within(10s), h.into(caught));
    h.idle();
    ASSERT_EQ(h.backend->get.before.waiting(), 1u);
    h.runtime->advance(30ms);
    h.backend->get.before.open();
    h.backend->get.before.shut();
    h.idle();
    ASSERT_EQ(h.backend->get.before.waiting(), 1u) << "the second round trip";
    EXPECT_EQ(caught.calls, 0);
    h.runtime->advance(19ms);
    EXPECT_EQ(caught.calls, 0);
    h.runtime->advance(2ms); // the tier's 50 ms
    EXPECT_EQ(caught.calls, 1);
    EXPECT_EQ(errors(reader.stats(), Errc::timeout), 1u);
}

TEST(LargeValue, announced_by_a_hostile_manifest_makes_nobody_ask_for_it) {
    Splitting h;
    const auto reader = h.made();
    ASSERT_FALSE(reader.get("first")); // has asked for the marker of clear()
    const wire::Manifest billion_chunks{1'000'000'000, 1, {}, 0}, terabyte{std::uint64_t{1} << 40, 1u << 30, {}, 0};
    for (const auto& manifest : {billion_chunks, terabyte}) {
        h.backend->data["test:k"].value = wire::write_manifest(manifest);
        h.backend->get.calls = 0;
        h.backend->get.keys = 0;
        EXPECT_FALSE(reader.get("k"));
        EXPECT_EQ(h.backend->get.calls, 1);
        EXPECT_LE(h.backend->get.keys, 2u);
    }
    EXPECT_EQ(defects(reader.stats(), "bad_manifest"), 2u);
}

TEST(LargeValue, announced_by_many_hostile_manifests_is_asked_for_some_at_a_time) {
    Splitting h;
    std::vector<std::string> keys;
    for (int i = 0; i < 10; ++i) {
        keys.push_back("k" + std::to_string(i));
        h.backend->data["test:" + keys.back()].value =
            wire::write_manifest({wire::most_chunks * 1000, 1000, {static_cast<std::uint64_t>(i), 0}, 0});
    }
    const auto reader = h.made();
    for (const auto& found : reader.get_many(keys))
        EXPECT_FALSE(found);
    EXPECT_EQ(h.backend->get.calls, 1 + 3) << "4,096 chunks at a time";
    EXPECT_EQ(h.stats(reader).split_incomplete, 10u);
}

TEST(LargeValue, gives_way_to_a_small_one_an_erasure_and_a_clear) {
    Splitting h;
    const auto cache = h.made();
    ASSERT_TRUE(cache.put("k", large()));
    ASSERT_TRUE(cache.put("k", "small"));
    EXPECT_EQ(text(h.made().get("k")), "small");
    ASSERT_TRUE(cache.put("k", large()));
    EXPECT_EQ(text(h.made().get("k")), large());
    ASSERT_TRUE(cache.invalidate("k"));
    EXPECT_FALSE(h.made().get("k"));
    ASSERT_TRUE(cache.put("k", large()));
    ASSERT_TRUE(cache.clear());
    EXPECT_FALSE(h.made().get("k"));
}

TEST(LargeValue, and_its_chunks_have_an_end_in_the_tier) {
    Splitting h;
    auto options = h.options();
    options.expiry.ttl.reset();
    const auto cache = Harness::make(std::move(options));
    ASSERT_TRUE(cache.put("k", large()));
    ASSERT_EQ(h.backend->data.size(), 6u);
    const auto manifest_ends = h.backend->data.at("test:k").expires;
    EXPECT_EQ(manifest_ends - h.runtime->now(), 1h);
    for (const auto& key : h.chunk_keys())
        EXPECT_GT(h.backend->data.at(key).expires, manifest_ends);
}

TEST(LargeValue, in_chunks_is_a_miss_to_who_skips_such_values) {
    Splitting h;
    ASSERT_TRUE(h.made().put("k", large()));
    const auto skips = Harness::make(h.Harness::options());
    EXPECT_FALSE(skips.get("k"));
    EXPECT_EQ(defects(skips.stats(), "not_ours"), 1u);
}

TEST(LargeValue, keys_of_chunks_are_carried_by_a_backend_of_few_characters) {
    Splitting h;
    h.backend->can.max_key_bytes = 250;
    h.backend->can.binary_keys = false;
    ASSERT_TRUE(h.made().put("k", large()));
    ASSERT_EQ(h.backend->data.size(), 6u);
    for (const auto& [key, stored] : h.backend->data) {
        EXPECT_LE(key.size(), 250u);
        EXPECT_TRUE(std::all_of(key.begin(), key.end(), [](char c) { return c >= 0x21 && c <= 0x7e; })) << key;
    }
    EXPECT_EQ(text(h.made().get("k")), large());
}

TEST(LargeValue, options_that_contradict_splitting_are_refused_by_name) {
    Splitting h;
    auto options = h.options();
    options.tiers[0].max_ttl.reset();
    const auto endless = Harness::C::create(options);
    ASSERT_FALSE(endless);
    EXPECT_EQ(endless.error(), Errc::invalid_option);
    EXPECT_THAT(endless.error().message(), HasSubstr("CacheOptions::tiers[0].large_values is split"));
    EXPECT_THAT(endless.error().message(), HasSubstr("tiers[0].max_ttl"));
    h.backend->can.max_value_bytes = 47;
    const auto narrow = Harness::C::create(h.options());
    ASSERT_FALSE(narrow);
    EXPECT_THAT(narrow.error().message(), HasSubstr("no more than 47 bytes"));
}

TEST(LargeValue, is_whole_where_the_backend_has_no_limit) {
    Splitting h;
    h.backend->can.max_value_bytes = 0;
    const auto cache = h.made();
    ASSERT_TRUE(cache.put("k", large()));
    EXPECT_EQ(h.backend->data.size(), 1u);
    EXPECT_EQ(text(h.made().get("k")), large());
}

} // namespace
} // namespace tiercel::testing::chain
