// Acknowledged writes that outlive the process: what the chain makes of a journal.
#include "scripted_journal.hpp"

#include <gtest/gtest.h>

namespace tiercel::testing::chain {
namespace {

using Put = Result<WriteReport>;

TEST(WriteBehindJournal, a_put_is_in_the_journal_before_it_is_acknowledged_and_until_the_source_has_it) {
    Journalled h;
    h.source.gate.shut();
    const auto cache = Harness::make(h.journalled());
    const auto report = cache.put("k", "v");
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_EQ(report->source, SourceOutcome::in_journal);
    EXPECT_EQ(h.journal->rows.size(), 1u);
    h.runtime->advance(1s);
    EXPECT_EQ(h.journal->rows.size(), 1u) << "the source has not answered";
    h.source.gate.open();
    h.runtime->advance(1s);
    EXPECT_EQ(h.source.rows["k"], "v");
    EXPECT_TRUE(h.journal->rows.empty());
    EXPECT_EQ(cache.stats().write_behind->journal_records, 1u);
    EXPECT_EQ(cache.stats().write_behind->pending_bytes, 0u);
}

TEST(WriteBehindJournal, a_put_that_the_journal_does_not_take_fails_and_is_never_seen) {
    Journalled h;
    const auto cache = Harness::make(h.journalled());
    h.source.rows["k"] = "old";
    EXPECT_EQ(text(cache.get_or_load("k")), "old");
    h.journal->append_failure = Error(Errc::writer_failed, "disk full");
    const auto report = cache.put("k", "new");
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error(), Errc::writer_failed);
    EXPECT_NE(report.error().message().find("disk full"), std::string::npos);
    EXPECT_EQ(text(cache.get("k")), "old") << "what was there is as true as before";
    h.runtime->advance(1min);
    EXPECT_EQ(h.source.rows["k"], "old");
    EXPECT_EQ(cache.stats().write_behind->journal_failures, 1u);
    h.journal->append_failure.reset();
    EXPECT_TRUE(cache.put("k", "new"));
}

TEST(WriteBehindJournal, a_removal_listener_may_put_and_wait_for_the_acknowledgement) {
    Journalled h;
    std::optional<Harness::C> cache;
    std::optional<Put> inner;
    auto options = h.journalled();
    options.memory.on_removal = [&](const std::string&, const Handle<std::string>&, RemovalCause cause) {
        if (cause == RemovalCause::replaced && !inner) inner = cache->put("replaced", "yes");
    };
    cache.emplace(Harness::make(std::move(options)));
    const auto began = h.runtime->now();
    ASSERT_TRUE(cache->put("k", "1"));
    ASSERT_TRUE(cache->put("k", "2"));
    ASSERT_TRUE(inner);
    EXPECT_TRUE(*inner) << inner->error().message();
    EXPECT_EQ(h.runtime->now(), began) << "nobody waited for a timeout";
    EXPECT_EQ(h.journal->rows["replaced"].value, "yes");
    EXPECT_TRUE(cache->close());
}

TEST(WriteBehindJournal, puts_that_come_together_are_appended_together) {
    Journalled h;
    const auto cache = Harness::make(h.journalled());
    Caught<Put> puts;
    for (int i = 0; i < 100; ++i)
        cache.async_put(std::to_string(i), "v", {}, h.into(puts));
    h.idle();
    EXPECT_EQ(puts.calls, 100);
    EXPECT_LE(h.journal->appends.size(), 2u);
}

TEST(WriteBehindJournal, what_a_process_left_is_read_and_written_and_seen_by_lookups_at_once) {
    Journalled h;
    h.journal->rows = {{"a", {"3", 7}}, {"b", {"2", 5}}};
    h.source.rows = {{"a", "old"}, {"b", "old"}};
    const auto cache = Harness::make(h.journalled());
    EXPECT_EQ(text(cache.get_or_load("a")), "3");
    EXPECT_EQ(h.source.loads, 0);
    ASSERT_TRUE(cache.put("b", "3"));
    EXPECT_GT(h.journal->rows["b"].sequence, 7u);
    h.runtime->advance(1s);
    EXPECT_EQ(h.source.rows["a"], "3");
    EXPECT_EQ(h.source.rows["b"], "3");
    EXPECT_TRUE(h.journal->rows.empty());
    EXPECT_EQ(cache.stats().write_behind->recovered, 2u);
}

TEST(WriteBehindJournal, more_than_fits_the_queue_is_recovered_all_the_same_and_new_puts_wait) {
    Journalled h;
    for (std::uint64_t i = 0; i < 50; ++i)
        h.journal->rows[std::to_string(i)] = {"v", i + 1};
    h.source.gate.shut();
    auto options = h.journalled();
    options.write_behind.max_writes = 10;
    const auto cache = Harness::make(std::move(options));
    Caught<Put> put;
    cache.async_put("new", "v", {}, h.into(put));
    h.idle();
    EXPECT_EQ(put.calls, 0);
    EXPECT_EQ(cache.stats().pressure.pending_writes, 50u);
    h.source.gate.open();
    h.runtime->advance(1s);
    EXPECT_EQ(put.calls, 1);
    EXPECT_EQ(h.source.rows.size(), 51u);
}

TEST(WriteBehindJournal, tiers_do_not_keep_what_the_recovered_writes_replace) {
    Journalled h;
    ASSERT_TRUE(Harness::make(h.options()).put("k", "older, from before the kill"));
    h.journal->rows = {{"k", {"new", 1}}};
    auto options = h.journalled();
    options.tiers = h.options().tiers;
    const auto cache = Harness::make(std::move(options));
    h.runtime->advance(1s);
    EXPECT_EQ(h.source.rows["k"], "new");
    EXPECT_EQ(text(cache.get_or_load("k", past_memory())), "new");
    EXPECT_EQ(text(Harness::make(h.options()).get_or_load("k")), "new");
}

TEST(WriteBehindJournal, recovered_keys_are_erased_from_the_tiers_in_portions_and_none_is_believed_before) {
    Journalled h;
    ASSERT_TRUE(Harness::make(h.options()).put("2499", "older, from before the kill"));
    for (std::uint64_t i = 0; i < 2'500; ++i)
        h.journal->rows[std::to_string(i)] = {"new", i + 1};
    auto options = h.journalled();
    options.tiers = h.options().tiers;
    options.write_behind.max_batch = 10'000;
    h.backend->erase.before.shut();
    const auto before = h.backend->erase;
    const auto cache = Harness::make(std::move(options));
    h.runtime->advance(10ms);
    EXPECT_GT(h.backend->erase.calls - before.calls, 1);
    EXPECT_EQ(h.backend->erase.keys - before.keys, 2'500u);
    h.source.rows["2499"] = "new";
    EXPECT_EQ(text(cache.get_or_load("2499", past_memory())), "new");
    h.backend->erase.before.open();
    h.runtime->advance(1s);
    EXPECT_EQ(h.source.rows.size(), 2'500u);
    EXPECT_TRUE(h.backend->data.empty());
}

TEST(WriteBehindJournal, a_value_that_its_codec_does_not_read_is_counted_and_left_there) {
    auto runtime = std::make_shared<VirtualRuntime>();
    auto journal = std::make_shared<ScriptedJournal>();
    journal->rows = {{"1", {"not four bytes", 1}}, {"not a number", {"....", 2}}};
    journal->damaged = 3;
    CacheOptions<int, std::uint32_t> options;
    options.name = "numbers";
    options.runtime = runtime;
    options.writer = [](int, std::uint32_t) { ADD_FAILURE(); };
    options.write_behind.acknowledge = Acknowledge::journal;
    options.write_behind.journal = std::shared_ptr<spi::Journal>(journal);
    const auto cache = Cache<int, std::uint32_t>::create(std::move(options));
    ASSERT_TRUE(cache);
    runtime->advance(1s);
    EXPECT_EQ(cache->stats().write_behind->unreadable, 5u);
    EXPECT_EQ(cache->stats().write_behind->recovered, 0u);
    EXPECT_EQ(journal->rows.size(), 2u);
}

TEST(WriteBehindJournal, a_record_that_cannot_be_removed_is_removed_later) {
    Journalled h;
    h.journal->remove_failure = Error(Errc::writer_failed, "I/O error");
    const auto cache = Harness::make(h.journalled());
    ASSERT_TRUE(cache.put("k", "v"));
    h.runtime->advance(1s);
    EXPECT_EQ(h.source.rows["k"], "v");
    EXPECT_EQ(h.journal->rows.size(), 1u);
    EXPECT_EQ(cache.stats().write_behind->pending, 0u);
    h.journal->remove_failure.reset();
    h.runtime->advance(1s);
    EXPECT_TRUE(h.journal->rows.empty());
}

TEST(WriteBehindJournal, a_put_while_its_record_is_being_removed_stays_in_the_journal) {
    Journalled h;
    h.journal->remove_failure = Error(Errc::writer_failed, "I/O error");
    const auto cache = Harness::make(h.journalled());
    ASSERT_TRUE(cache.put("k", "1"));
    h.runtime->advance(1s);
    h.source.failure = Error(Errc::writer_failed, "down");
    Caught<Put> put;
    cache.async_put("k", "2", {}, h.into(put));
    h.journal->remove_failure.reset();
    h.runtime->advance(1s);
    ASSERT_EQ(put.calls, 1);
    EXPECT_EQ(h.journal->rows["k"].value, "2");
}

TEST(WriteBehindJournal, a_write_given_up_leaves_the_journal) {
    Journalled h;
    auto options = h.journalled();
    options.write_behind.max_attempts = 1;
    const auto cache = Harness::make(std::move(options));
    h.source.failure = Error(Errc::writer_failed, "never");
    ASSERT_TRUE(cache.put("k", "v"));
    h.runtime->advance(1s);
    EXPECT_EQ(cache.stats().write_behind->dropped, 1u);
    EXPECT_TRUE(h.journal->rows.empty());
}

TEST(WriteBehindJournal, bytes_are_bounded_and_a_write_over_the_bound_is_refused) {
    Journalled h;
    h.source.gate.shut();
    auto options = h.journalled();
    options.write_behind.max_bytes = 100;
    const auto cache = Harness::make(std::move(options));
    ASSERT_TRUE(cache.put("a", std::string(60, 'v')));
    const auto large = cache.put("b", std::string(101, 'v'));
    ASSERT_FALSE(large);
    EXPECT_EQ(large.error(), Errc::value_too_large);
    const auto full = cache.put("c", std::string(60, 'v'), within(1s));
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error(), Errc::overloaded);
    EXPECT_TRUE(cache.put("d", "small"));
    h.source.gate.open();
    h.runtime->advance(1s);
    EXPECT_TRUE(cache.put("c", std::string(60, 'v'), within(1s)));
}

TEST(WriteBehindJournal, a_write_over_the_bound_is_refused_at_once_while_others_wait_and_holds_up_nobody) {
    Journalled h;
    h.source.gate.shut();
    auto options = h.journalled();
    options.write_behind.max_bytes = 100;
    options.write_behind.delay = 0s;
    const auto cache = Harness::make(std::move(options));
    ASSERT_TRUE(cache.put("a", std::string(80, 'v')));
    Caught<Put> waits, large, small;
    cache.async_put("b", std::string(60, 'v'), within(1min), h.into(waits));
    h.idle();
    cache.async_put("c", std::string(101, 'v'), within(1min), h.into(large));
    h.idle();
    ASSERT_EQ(large.calls, 1);
    EXPECT_EQ(large.value->error(), Errc::value_too_large);
    cache.async_put("d", "small", within(1min), h.into(small));
    h.source.gate.open();
    h.runtime->advance(1s);
    EXPECT_EQ(waits.calls, 1);
    EXPECT_EQ(small.calls, 1);
    EXPECT_EQ(h.source.rows.size(), 3u);
}

TEST(WriteBehindJournal, a_pending_key_does_not_outgrow_the_bound_and_makes_room_when_it_shrinks) {
    Journalled h;
    h.source.gate.shut();
    auto options = h.journalled();
    options.write_behind.max_bytes = 100;
    const auto cache = Harness::make(std::move(options));
    ASSERT_TRUE(cache.put("a", std::string(40, 'v')));
    ASSERT_TRUE(cache.put("b", std::string(40, 'v')));
    const auto grown = cache.put("a", std::string(80, 'v'), within(1s));
    ASSERT_FALSE(grown);
    EXPECT_EQ(grown.error(), Errc::overloaded);
    EXPECT_LE(cache.stats().write_behind->pending_bytes, 100u);
    ASSERT_TRUE(cache.put("a", std::string(40, 'w'))) << "as much as before";
    Caught<Put> waits;
    cache.async_put("c", std::string(40, 'v'), within(1min), h.into(waits));
    h.idle();
    EXPECT_EQ(waits.calls, 0);
    ASSERT_TRUE(cache.put("b", "v"));
    h.idle();
    EXPECT_EQ(waits.calls, 1);
    EXPECT_LE(cache.stats().write_behind->pending_bytes, 100u);
}

TEST(WriteBehindJournal, a_journal_that_cannot_be_begun_is_an_error_of_create) {
    Journalled h;
    h.journal->begin_failure = Error(Errc::invalid_option, "of another cache");
    const auto refused = Harness::C::create(h.journalled());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message(), "of another cache");
    EXPECT_EQ(h.journal->ended, 0);
    auto options = h.journalled();
    options.write_behind.journal = Error(Errc::corrupt, "is no journal");
    const auto unopened = Harness::C::create(std::move(options));
    ASSERT_FALSE(unopened);
    EXPECT_EQ(unopened.error(), Errc::corrupt);
    auto unused = h.journalled();
    unused.write_behind.acknowledge = Acknowledge::memory;
    EXPECT_EQ(Harness::C::create(std::move(unused)).error(), Errc::invalid_option);
}

/// A key whose copies find no memory while told so.
struct Scarce {
    static inline bool no_memory = false;
    int number = 0;

    Scarce(int value) : number(value) {}
    Scarce(const Scarce& other) : number(other.number) {
        if (no_memory) throw std::bad_alloc();
    }
    Scarce(Scarce&&) noexcept = default;
    Scarce& operator=(const Scarce&) = delete;
    friend bool operator==(const Scarce&, const Scarce&) = default;
};

} // namespace
} // namespace tiercel::testing::chain

template <>
struct std::hash<tiercel::testing::chain::Scarce> {
    std::size_t operator()(const tiercel::testing::chain::Scarce& key) const noexcept {
        return static_cast<std::size_t>(key.number);
    }
};
template <>
struct tiercel::KeyCodec<tiercel::testing::chain::Scarce> {
    static Result<void> encode(const tiercel::testing::chain::Scarce& key, Bytes& out) {
        return KeyCodec<int>::encode(key.number, out);
    }
    static Result<tiercel::testing::chain::Scarce> decode(BytesView bytes) {
        const auto number = KeyCodec<int>::decode(bytes);
        if (!number) return number.error();
        return tiercel::testing::chain::Scarce(*number);
    }
};

namespace tiercel::testing::chain {
namespace {

TEST(WriteBehindJournal, a_record_that_there_is_no_memory_for_is_not_taken_for_an_unreadable_one) {
    auto journal = std::make_shared<ScriptedJournal>();
    journal->rows = {{"1", {"v", 1}}};
    const auto create = [&] {
        CacheOptions<Scarce, std::string> options;
        options.name = "scarce";
        options.runtime = std::make_shared<VirtualRuntime>();
        options.writer = [](const Scarce&, const std::string&) {};
        options.write_behind.acknowledge = Acknowledge::journal;
        options.write_behind.journal = std::shared_ptr<spi::Journal>(journal);
        return Cache<Scarce, std::string>::create(std::move(options));
    };
    Scarce::no_memory = true;
    EXPECT_THROW((void)create(), std::bad_alloc);
    Scarce::no_memory = false;
    const auto cache = create();
    ASSERT_TRUE(cache) << cache.error().message();
    EXPECT_EQ(cache->stats().write_behind->recovered, 1u);
}

struct Uncoded {
    int number = 0;
};

TEST(WriteBehindJournal, types_without_codecs_are_refused) {
    CacheOptions<int, Uncoded> options;
    options.name = "uncoded";
    options.writer = [](int, const Uncoded&) {};
    options.write_behind.acknowledge = Acknowledge::journal;
    options.write_behind.journal = std::shared_ptr<spi::Journal>(std::make_shared<ScriptedJournal>());
    const auto cache = Cache<int, Uncoded>::create(std::move(options));
    ASSERT_FALSE(cache);
    EXPECT_EQ(cache.error(), Errc::invalid_option);
    EXPECT_NE(cache.error().message().find("write_behind.journal needs codecs"), std::string::npos);
}

} // namespace
} // namespace tiercel::testing::chain
