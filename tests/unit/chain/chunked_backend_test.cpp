// What a backend is with ChunkedBackend around it, and what the one inside then holds. The rest is in tests/contract.

#include "chain/chunked_backend.hpp"

#include <tiercel/memory_backend.hpp>
#include <tiercel/testing/manual_clock.hpp>
#include <tiercel/testing/run.hpp>
#include <tiercel/testing/virtual_runtime.hpp>

#include <gtest/gtest.h>

#include <array>

namespace tiercel::chain {
namespace {

using namespace std::chrono_literals;
using spi::Conditional;
using testing::run;

constexpr std::size_t chunk = 100;
constexpr std::size_t most = 10'000;

/// Bytes that differ along the way, so that a chunk in another's place shows.
std::string text(std::size_t size, char flavour = 'a') {
    std::string text(size, flavour);
    for (std::size_t i = 0; i < size; ++i)
        text[i] = static_cast<char>(flavour + static_cast<char>((i / chunk + i) % 20));
    return text;
}

class ChunkedValues : public ::testing::Test {
protected:
    spi::CallContext call() const { return {clock->now() + 1h}; }
    spi::Lookup get(BytesView key) {
        const std::array keys{key};
        return std::move(run(chunked.get_many(keys, call())).front());
    }
    /// The value, or what there is instead.
    std::string read(BytesView key) {
        const auto found = get(key);
        if (!found) return std::string(to_string(found.error().code()));
        return *found ? (*found)->value : "(nothing)";
    }
    std::string put(BytesView key, BytesView value, std::optional<std::chrono::milliseconds> ttl = {}) {
        const std::array items{spi::PutItem{key, value, ttl}};
        const auto stored = run(chunked.put_many(items, call()));
        return stored.front() ? "done" : std::string(to_string(stored.front().error().code()));
    }
    std::string touch(BytesView key, std::chrono::milliseconds ttl) {
        const std::array keys{key};
        const auto touched = run(chunked.touch_many(keys, ttl, call()));
        return !touched.front() ? "failed" : *touched.front() ? "true" : "false";
    }
    Conditional put_if_absent(BytesView key, BytesView value) {
        return run(chunked.put_if_absent({key, value, {}}, call())).value();
    }
    Conditional put_if_version(BytesView key, BytesView value, spi::Version version) {
        return run(chunked.put_if_version({key, value, {}}, version, call())).value();
    }

    // Past the layer:
    std::vector<Bytes> stored_keys(BytesView prefix) { return run(inner->scan(prefix, "", call())).value().keys; }
    std::vector<Bytes> chunk_keys() { return stored_keys(BytesView("p:\0chunk:", 9)); }
    Bytes stored(BytesView key) {
        const std::array keys{key};
        return run(inner->get_many(keys, call())).front().value().value().value;
    }
    void store(BytesView key, BytesView value) {
        const std::array items{spi::PutItem{key, value, {}}};
        ASSERT_TRUE(run(inner->put_many(items, call())).front());
    }
    void lose(BytesView key) {
        const std::array keys{key};
        ASSERT_TRUE(run(inner->erase_many(keys, call())).front().value());
    }

    std::shared_ptr<testing::ManualClock> clock = std::make_shared<testing::ManualClock>();
    std::shared_ptr<spi::Backend> inner = memory_backend::create({.clock = clock}).value();
    ChunkedBackend chunked{
        inner,
        std::make_shared<testing::VirtualRuntime>(),
        {.chunk_bytes = chunk, .max_value_bytes = most, .key_prefix = "p:", .max_life = std::chrono::hours(1)}};
};

TEST_F(ChunkedValues, come_back_at_every_size_around_the_chunks_edges) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, chunk - 1, chunk, chunk + 1, 2 * chunk - 1,
                                   2 * chunk, 2 * chunk + 1, most - 1, most}) {
        ASSERT_EQ(put("k", text(size)), "done") << size;
        ASSERT_EQ(read("k"), text(size)) << size;
    }
    EXPECT_EQ(chunked.counts().puts, 6u);
    EXPECT_EQ(chunked.counts().reads, 6u);
}

TEST_F(ChunkedValues, up_to_the_chunk_size_are_stored_as_they_are) {
    ASSERT_EQ(put("k", text(chunk)), "done");
    EXPECT_EQ(stored("k"), text(chunk));
    EXPECT_TRUE(chunk_keys().empty());
}

TEST_F(ChunkedValues, over_the_cap_are_refused_and_leave_nothing) {
    EXPECT_EQ(chunked.capabilities().max_value_bytes, most);
    EXPECT_EQ(put("k", text(most + 1)), "value_too_large");
    EXPECT_TRUE(stored_keys("").empty());
}

TEST_F(ChunkedValues, of_more_chunks_than_may_be_are_refused) {
    ChunkedBackend fine(inner, std::make_shared<testing::VirtualRuntime>(),
                        {.chunk_bytes = 2, .max_value_bytes = most, .key_prefix = "f:", .max_life = 1h});
    EXPECT_EQ(fine.capabilities().max_value_bytes, 2 * wire::most_chunks);
}

TEST_F(ChunkedValues, that_look_like_a_manifest_are_not_taken_for_one) {
    const auto impostor = wire::write_manifest(wire::describe_chunks("v", 1, {}));
    for (const Bytes& value : {impostor, Bytes("\xC8"), Bytes("\xC8 and some words")}) {
        ASSERT_EQ(put("k", value), "done");
        EXPECT_EQ(read("k"), value);
    }
}

TEST_F(ChunkedValues, large_and_small_share_a_batch) {
    const std::vector<std::string> values{text(250, 'a'), "small", text(1000, 'b'), "", text(101, 'c')};
    const std::vector<std::string> keys{"a", "b", "c", "d", "e"};
    std::vector<spi::PutItem> items;
    for (std::size_t i = 0; i < keys.size(); ++i)
        items.push_back({keys[i], values[i], {}});
    items.push_back({"too large", BytesView(), {}});
    const auto giant = text(most + 1);
    items.back().value = giant;
    const auto results = run(chunked.put_many(items, call()));
    ASSERT_EQ(results.size(), 6u);
    for (std::size_t i = 0; i < keys.size(); ++i)
        EXPECT_TRUE(results[i]) << i;
    EXPECT_EQ(results[5].error(), Errc::value_too_large);

    const std::vector<BytesView> asked{"e", "missing", "d", "c", "b", "a", "c"};
    const auto found = run(chunked.get_many(asked, call()));
    ASSERT_EQ(found.size(), 7u);
    EXPECT_FALSE(found[1].value());
    const std::array<std::size_t, 7> which{4, 0, 3, 2, 1, 0, 2};
    for (std::size_t i = 0; i < asked.size(); ++i) {
        if (i == 1) continue;
        EXPECT_EQ(found[i].value().value().value, values[which[i]]) << i;
    }
}

TEST_F(ChunkedValues, with_a_chunk_lost_are_missed) {
    for (std::size_t n = 0; n < 3; ++n) {
        ASSERT_EQ(put("k", text(250)), "done");
        lose(chunk_keys().at(n));
        EXPECT_EQ(read("k"), "(nothing)");
        for (const auto& key : chunk_keys())
            lose(key);
    }
    EXPECT_EQ(chunked.counts().incomplete, 3u);
    EXPECT_EQ(chunked.counts().reads, 0u);
}

TEST_F(ChunkedValues, with_a_chunk_changed_are_missed) {
    for (const auto& other : {text(100, 'x'), text(99), text(101), std::string()}) {
        ASSERT_EQ(put("k", text(250)), "done");
        store(chunk_keys().at(1), other);
        EXPECT_EQ(read("k"), "(nothing)");
        for (const auto& key : chunk_keys())
            lose(key);
    }
    EXPECT_EQ(chunked.counts().bad_chunks, 4u);
}

TEST_F(ChunkedValues, with_two_chunks_exchanged_are_missed) {
    ASSERT_EQ(put("k", text(300)), "done");
    const auto keys = chunk_keys();
    const auto first = stored(keys[0]), second = stored(keys[1]);
    store(keys[0], second);
    store(keys[1], first);
    EXPECT_EQ(read("k"), "(nothing)");
}

TEST_F(ChunkedValues, of_two_writers_never_mix) {
    ASSERT_EQ(put("k", text(250, 'a')), "done");
    const auto first = stored("k");
    ASSERT_EQ(put("k", text(250, 'k')), "done");
    EXPECT_EQ(chunk_keys().size(), 6u) << "the chunks of each write have keys of their own";
    EXPECT_EQ(read("k"), text(250, 'k'));
    store("k", first); // as if the first writer's manifest came last
    EXPECT_EQ(read("k"), text(250, 'a'));
}

TEST_F(ChunkedValues, under_a_manifest_that_is_none_are_missed) {
    ASSERT_EQ(put("k", text(250)), "done");
    const auto record = stored("k");
    store("k", BytesView(record).substr(0, 20));
    EXPECT_EQ(read("k"), "(nothing)");
    auto changed = record;
    changed[8] = static_cast<char>(changed[8] ^ 1);
    store("k", changed);
    EXPECT_EQ(read("k"), "(nothing)");
    store("k", wire::write_manifest({std::uint64_t{1} << 40, 0xffff'ffff, {}, 0}));
    EXPECT_EQ(read("k"), "(nothing)");
    EXPECT_EQ(chunked.counts().bad_manifest, 3u);
}

TEST_F(ChunkedValues, give_way_to_small_ones_and_back) {
    ASSERT_EQ(put("k", text(250)), "done");
    ASSERT_EQ(put("k", "small"), "done");
    EXPECT_EQ(read("k"), "small");
    ASSERT_EQ(put("k", text(350)), "done");
    EXPECT_EQ(read("k"), text(350));
}

TEST_F(ChunkedValues, are_gone_when_erased_though_their_chunks_wait_for_their_end) {
    ASSERT_EQ(put("k", text(250), 10s), "done");
    const std::array<BytesView, 2> keys{"k", "other"};
    const auto erased = run(chunked.erase_many(keys, call()));
    EXPECT_TRUE(erased[0].value());
    EXPECT_FALSE(erased[1].value());
    EXPECT_EQ(read("k"), "(nothing)");
    EXPECT_EQ(chunk_keys().size(), 3u);
    clock->advance(13s);
    EXPECT_TRUE(chunk_keys().empty());
}

TEST_F(ChunkedValues, leave_at_their_time_before_their_chunks_do) {
    ASSERT_EQ(put("k", text(250), 10s), "done");
    EXPECT_EQ(get("k").value().value().remaining_ttl, 10s);
    clock->advance(10s);
    EXPECT_EQ(read("k"), "(nothing)");
    EXPECT_EQ(chunk_keys().size(), 3u);
    EXPECT_EQ(chunked.counts().incomplete, 0u);
}

TEST_F(ChunkedValues, without_an_end_get_one) {
    ASSERT_EQ(put("for ever", text(250)), "done");
    ASSERT_EQ(put("long", text(250), 48h), "done");
    EXPECT_EQ(get("for ever").value().value().remaining_ttl, 1h);
    EXPECT_EQ(get("long").value().value().remaining_ttl, 1h);
    ASSERT_EQ(put("small", "v"), "done");
    EXPECT_FALSE(get("small").value().value().remaining_ttl);
    clock->advance(1h + 3s);
    EXPECT_EQ(stored_keys("").size(), 1u) << "chunks stay for ever";
}

TEST_F(ChunkedValues, are_touched_with_their_chunks) {
    ASSERT_EQ(put("k", text(250), 10s), "done");
    ASSERT_EQ(put("small", "v", 10s), "done");
    EXPECT_EQ(touch("k", 10min), "true");
    EXPECT_EQ(touch("small", 10min), "true");
    EXPECT_EQ(touch("missing", 10min), "false");
    clock->advance(9min);
    EXPECT_EQ(read("k"), text(250));
    EXPECT_EQ(read("small"), "v");
    EXPECT_EQ(touch("k", 48h), "true");
    EXPECT_EQ(get("k").value().value().remaining_ttl, 1h);
}

TEST_F(ChunkedValues, with_a_chunk_gone_are_not_there_to_be_touched) {
    ASSERT_EQ(put("k", text(250), 10s), "done");
    lose(chunk_keys().at(2));
    EXPECT_EQ(touch("k", 10min), "false");
}

TEST_F(ChunkedValues, are_listed_once_and_their_chunks_never) {
    ASSERT_EQ(put("p:large", text(250)), "done");
    ASSERT_EQ(put("p:small", "v"), "done");
    const auto page = run(chunked.scan("p:", "", call())).value();
    EXPECT_EQ(page.keys, (std::vector<Bytes>{"p:large", "p:small"}));
}

TEST_F(ChunkedValues, have_the_version_of_their_manifest) {
    ASSERT_EQ(put("k", text(250)), "done");
    const auto version = get("k").value().value().version;
    EXPECT_EQ(put_if_version("k", text(350), version), Conditional::stored);
    EXPECT_EQ(put_if_version("k", text(450), version), Conditional::conflict);
    EXPECT_EQ(read("k"), text(350));
    EXPECT_EQ(put_if_version("other", text(450), version), Conditional::absent);
    EXPECT_EQ(chunk_keys().size(), 3u + 4u) << "what was not stored left its chunks";
}

TEST_F(ChunkedValues, are_put_if_absent_once) {
    EXPECT_EQ(put_if_absent("k", text(250)), Conditional::stored);
    EXPECT_EQ(put_if_absent("k", text(350)), Conditional::conflict);
    EXPECT_EQ(put_if_absent("k", "small"), Conditional::conflict);
    EXPECT_EQ(read("k"), text(250));
    EXPECT_EQ(chunk_keys().size(), 3u) << "what was not stored left its chunks";
}

TEST_F(ChunkedValues, of_which_a_chunk_has_gone_are_absent_to_put_if_absent) {
    for (const auto& next : {std::string("small"), text(350)}) {
        ASSERT_EQ(put("k", text(250)), "done");
        for (const auto& key : chunk_keys())
            lose(key);
        EXPECT_EQ(read("k"), "(nothing)");
        EXPECT_EQ(put_if_absent("k", next), Conditional::stored);
        EXPECT_EQ(put_if_absent("k", "another"), Conditional::conflict);
        EXPECT_EQ(read("k"), next);
    }
}

} // namespace
} // namespace tiercel::chain
