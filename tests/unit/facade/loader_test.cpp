#include <tiercel/cache.hpp>

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

namespace tiercel {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

using Texts = Cache<int, std::string>;
using Text = Handle<std::string>;

Texts made(Loader<int, std::string> loader) {
    Texts::Options options;
    options.name = "texts";
    options.loader = std::move(loader);
    return Texts::create(std::move(options)).value();
}

std::string text(int key) {
    return "of " + std::to_string(key);
}

/// A loader that has a value for even keys, through every call that loads.
void expect_loads_even_keys(const Texts& cache) {
    const auto one = cache.get_or_load(2);
    ASSERT_TRUE(one) << one.error().message();
    EXPECT_EQ(**one, "of 2");
    EXPECT_EQ(one->source().kind, Source::Kind::loader);
    const std::vector<int> keys{4, 6, 4, 2};
    const auto many = cache.get_or_load_many(keys);
    for (std::size_t i = 0; i < keys.size(); ++i) {
        ASSERT_TRUE(many[i]) << many[i].error().message();
        EXPECT_EQ(**many[i], text(keys[i]));
    }
    EXPECT_EQ(cache.stats().source.loads, 3U);
}

void expect_odd_keys_are_absent(const Texts& cache) {
    const auto none = cache.get_or_load(3);
    ASSERT_TRUE(none) << none.error().message();
    EXPECT_FALSE(*none);
    EXPECT_TRUE(none->known_absent());
    EXPECT_TRUE(cache.get(3).known_absent()) << "it is remembered";
}

void expect_odd_keys_fail(const Texts& cache, const std::string& words) {
    const auto failed = cache.get_or_load(3);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error(), Errc::loader_failed);
    EXPECT_THAT(failed.error().message(), HasSubstr(words));
    EXPECT_FALSE(cache.get(3));
    EXPECT_FALSE(cache.get(3).known_absent()) << "errors are not cached";
}

Error no_odd_keys() {
    return Error(Errc::loader_failed, "odd");
}

// One key ----------------------------------------------------------------------------------------------------------

TEST(SingleLoader, may_give_a_value) {
    expect_loads_even_keys(made([](int key) { return text(key); }));
}

TEST(SingleLoader, may_give_what_converts_to_a_value) {
    EXPECT_EQ(**made([](int) { return "literal"; }).get_or_load(1), "literal");
}

TEST(SingleLoader, may_be_a_plain_function) {
    expect_loads_even_keys(made(text));
    expect_loads_even_keys(made(&text));
}

TEST(SingleLoader, may_give_an_optional) {
    const auto cache = made([](const int& key) { return key % 2 ? std::nullopt : std::optional(text(key)); });
    expect_loads_even_keys(cache);
    expect_odd_keys_are_absent(cache);
}

TEST(SingleLoader, may_give_loaded) {
    const auto cache = made([](const int& key) {
        return key % 2 ? Loaded<std::string>{} : Loaded<std::string>{.value = text(key), .ttl = 1h};
    });
    expect_loads_even_keys(cache);
    expect_odd_keys_are_absent(cache);
}

TEST(SingleLoader, may_give_a_result_of_a_value) {
    const auto cache = made([](int key) -> Result<std::string> {
        if (key % 2) return no_odd_keys();
        return text(key);
    });
    expect_loads_even_keys(cache);
    expect_odd_keys_fail(cache, "odd");
}

TEST(SingleLoader, may_give_a_result_of_an_optional) {
    const auto cache = made([](int key) -> Result<std::optional<std::string>> {
        if (key < 0) return no_odd_keys();
        return key % 2 ? std::nullopt : std::optional(text(key));
    });
    expect_loads_even_keys(cache);
    expect_odd_keys_are_absent(cache);
    EXPECT_FALSE(cache.get_or_load(-1));
}

TEST(SingleLoader, may_give_a_result_of_loaded) {
    const auto cache = made([](int key) -> Result<Loaded<std::string>> {
        if (key % 2) return no_odd_keys();
        return Loaded<std::string>{.value = text(key)};
    });
    expect_loads_even_keys(cache);
    expect_odd_keys_fail(cache, "odd");
}

TEST(SingleLoader, may_throw) {
    const auto cache = made([](int key) {
        if (key % 2) throw std::runtime_error("odd");
        return text(key);
    });
    expect_loads_even_keys(cache);
    expect_odd_keys_fail(cache, "the loader threw: odd");
}

TEST(SingleLoader, may_ask_by_when_it_is_wanted) {
    std::atomic<std::chrono::nanoseconds> left{}; // of a batch, each key is loaded on a thread
    Texts::Options options;
    options.name = "texts";
    options.timeouts.source = 1h;
    options.loader = [&](int key, const LoadContext& context) {
        left = context.deadline - std::chrono::steady_clock::now();
        return text(key);
    };
    const auto cache = Texts::create(std::move(options)).value();
    expect_loads_even_keys(cache);
    EXPECT_GT(left.load(), 30min);
    EXPECT_LE(left.load(), 1h);
}

TEST(SingleLoader, may_hold_what_can_only_be_moved) {
    auto prefix = std::make_unique<std::string>("of ");
    expect_loads_even_keys(made([prefix = std::move(prefix)](int key) { return *prefix + std::to_string(key); }));
}

TEST(SingleLoader, of_a_call_takes_the_place_of_the_caches_own) {
    const auto cache = made([](int) { return std::string("configured"); });
    EXPECT_EQ(**cache.get_or_load(1, [](int) { return std::string("the call's"); }), "the call's");
    EXPECT_EQ(**cache.get_or_load(2), "configured");
}

TEST(SingleLoader, that_is_none_makes_loading_calls_an_error_that_says_where_to_give_one) {
    const auto cache = made({});
    const auto failed = cache.get_or_load(1);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error(), Errc::no_loader);
    EXPECT_THAT(failed.error().message(), HasSubstr("CacheOptions::loader"));
}

TEST(SingleLoader, may_forbid_caching_what_it_gives) {
    std::atomic<int> calls{0};
    const auto cache = made([&](int key) {
        ++calls;
        return Loaded<std::string>{.value = text(key), .cacheable = false};
    });
    EXPECT_EQ(**cache.get_or_load(2), "of 2");
    EXPECT_EQ(**cache.get_or_load(2), "of 2");
    EXPECT_EQ(calls, 2);
    EXPECT_EQ(cache.stats().memory.entries, 0U);
}

TEST(SingleLoader, may_give_values_that_are_themselves_optional) {
    Cache<int, std::optional<int>>::Options options;
    options.name = "maybes";
    options.loader = [](int key) { return key % 2 ? std::optional<int>() : std::optional<int>(key); };
    const auto cache = Cache<int, std::optional<int>>::create(std::move(options)).value();
    EXPECT_EQ(**cache.get_or_load(2), std::optional(2));
    const auto none = cache.get_or_load(3);
    ASSERT_TRUE(none);
    ASSERT_TRUE(*none) << "an empty value is a value";
    EXPECT_EQ(**none, std::nullopt);
}

// Many keys --------------------------------------------------------------------------------------------------------

/// Batch loaders of every form, over one that is given.
template <class R, class One>
Loader<int, std::string> batch(One one) {
    return [one](std::span<const int> keys) {
        std::vector<R> answers;
        for (const int key : keys)
            answers.push_back(one(key));
        return answers;
    };
}

TEST(BatchLoader, may_give_values) {
    const auto cache = made(batch<std::string>(text));
    expect_loads_even_keys(cache);
    EXPECT_EQ(cache.stats().source.loader_calls, 2U);
}

TEST(BatchLoader, may_give_optionals) {
    const auto cache = made(
        batch<std::optional<std::string>>([](int key) { return key % 2 ? std::nullopt : std::optional(text(key)); }));
    expect_loads_even_keys(cache);
    expect_odd_keys_are_absent(cache);
}

TEST(BatchLoader, may_give_loadeds) {
    const auto cache = made(batch<Loaded<std::string>>(
        [](int key) { return key % 2 ? Loaded<std::string>{} : Loaded<std::string>{.value = text(key)}; }));
    expect_loads_even_keys(cache);
    expect_odd_keys_are_absent(cache);
}

TEST(BatchLoader, may_give_results_each_of_which_may_fail) {
    const auto one = [](int key) -> Result<std::string> {
        if (key % 2) return no_odd_keys();
        return text(key);
    };
    const auto cache = made(batch<Result<std::string>>(one));
    expect_loads_even_keys(cache);
    expect_odd_keys_fail(cache, "odd");
    const std::vector<int> keys{7, 8};
    const auto mixed = cache.get_or_load_many(keys);
    EXPECT_FALSE(mixed[0]);
    EXPECT_EQ(**mixed[1], "of 8") << "one key's failure is another's";
}

TEST(BatchLoader, may_give_results_of_optionals_and_of_loadeds) {
    const auto maybe = made(batch<Result<std::optional<std::string>>>(
        [](int key) { return key % 2 ? std::nullopt : std::optional(text(key)); }));
    expect_loads_even_keys(maybe);
    expect_odd_keys_are_absent(maybe);
    const auto loaded = made(batch<Result<Loaded<std::string>>>([](int key) -> Result<Loaded<std::string>> {
        if (key % 2) return no_odd_keys();
        return Loaded<std::string>{.value = text(key)};
    }));
    expect_loads_even_keys(loaded);
    expect_odd_keys_fail(loaded, "odd");
}

TEST(BatchLoader, may_fail_as_a_whole) {
    const auto cache = made([](std::span<const int> keys) -> Result<std::vector<std::string>> {
        if (keys.front() % 2) return no_odd_keys();
        std::vector<std::string> answers;
        for (const int key : keys)
            answers.push_back(text(key));
        return answers;
    });
    expect_loads_even_keys(cache);
    expect_odd_keys_fail(cache, "odd");
}

TEST(BatchLoader, may_throw) {
    const auto cache = made([](std::span<const int> keys, const LoadContext&) {
        std::vector<std::string> answers;
        for (const int key : keys) {
            if (key % 2) throw std::runtime_error("odd");
            answers.push_back(text(key));
        }
        return answers;
    });
    expect_loads_even_keys(cache);
    expect_odd_keys_fail(cache, "the loader threw: odd");
}

TEST(BatchLoader, that_gives_more_or_fewer_than_it_was_asked_for_is_told_so) {
    for (const std::size_t given : {0U, 1U, 3U}) {
        const auto cache = made([&](std::span<const int>) { return std::vector<std::string>(given, "text"); });
        const std::vector<int> keys{1, 2};
        for (const auto& failed : cache.get_or_load_many(keys)) {
            ASSERT_FALSE(failed);
            EXPECT_EQ(failed.error(), Errc::loader_failed);
            EXPECT_THAT(failed.error().message(), AllOf(HasSubstr("gave " + std::to_string(given) + " results"),
                                                        HasSubstr("for 2 keys; give one for each")));
        }
        EXPECT_FALSE(cache.get(1));
    }
}

TEST(BatchLoader, is_asked_for_each_key_once_however_often_the_call_names_it) {
    std::vector<int> asked;
    const auto cache = made([&](std::span<const int> keys) {
        std::vector<std::string> answers;
        for (const int key : keys) {
            asked.push_back(key);
            answers.push_back(text(key));
        }
        return answers;
    });
    const std::vector<int> keys{1, 2, 1, 3, 2, 1};
    const auto many = cache.get_or_load_many(keys);
    for (std::size_t i = 0; i < keys.size(); ++i)
        EXPECT_EQ(**many[i], text(keys[i]));
    EXPECT_THAT(asked, ::testing::UnorderedElementsAre(1, 2, 3));
}

TEST(BatchLoader, may_give_bools) {
    Cache<int, bool>::Options options;
    options.name = "flags";
    options.loader = [](std::span<const int> keys) {
        std::vector<bool> answers;
        for (const int key : keys)
            answers.push_back(key % 2 == 0);
        return answers;
    };
    const auto cache = Cache<int, bool>::create(std::move(options)).value();
    EXPECT_TRUE(**cache.get_or_load(2));
    EXPECT_FALSE(**cache.get_or_load(3));
}

} // namespace
} // namespace tiercel
