#include <tiercel/cache.hpp>
#include <tiercel/memory_backend.hpp>

#include <gmock/gmock.h>

#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

namespace tiercel {
namespace {

using ::testing::HasSubstr;

using Texts = Cache<int, std::string>;

/// The source of truth, which takes no odd keys.
struct Database {
    std::mutex mutex;
    std::map<int, std::string> rows;

    bool write(int key, const std::string& value) {
        if (key % 2) return false;
        const std::lock_guard lock(mutex);
        rows[key] = value;
        return true;
    }
};

class WriterForms : public ::testing::Test {
protected:
    Texts made(Writer<int, std::string> writer) {
        Texts::Options options;
        options.name = "texts";
        options.tiers = {{.backend = backend}};
        options.writer = std::move(writer);
        return Texts::create(std::move(options)).value();
    }
    void expect_writes_even_keys(const Texts& cache, const std::string& words) {
        ASSERT_TRUE(cache.put(2, "two"));
        EXPECT_EQ(database.rows[2], "two");
        EXPECT_EQ(*cache.get(2), "two");

        const auto refused = cache.put(3, "three");
        ASSERT_FALSE(refused) << "success was claimed for a write that failed";
        EXPECT_EQ(refused.error(), Errc::writer_failed);
        EXPECT_THAT(refused.error().message(), HasSubstr(words));
        EXPECT_FALSE(cache.get(3));
        EXPECT_FALSE(cache.get(3, {.skip = Skip::memory()}));
    }
    void expect_batches_fail_by_key(const Texts& cache) {
        const auto reports = cache.put_many({{4, "four"}, {5, "five"}, {6, "six"}});
        ASSERT_EQ(reports.size(), 3U);
        EXPECT_TRUE(reports[0]);
        EXPECT_FALSE(reports[1]);
        EXPECT_TRUE(reports[2]);
        EXPECT_EQ(database.rows[6], "six");
        EXPECT_EQ(*cache.get(4), "four");
        EXPECT_FALSE(cache.get(5));
    }

    std::shared_ptr<spi::Backend> backend = memory_backend::create().value();
    Database database;
};

TEST_F(WriterForms, one_write_with_a_result) {
    const auto cache = made([&](const int& key, const std::string& value) -> Result<void> {
        if (!database.write(key, value)) return Error(Errc::writer_failed, "odd");
        return {};
    });
    expect_writes_even_keys(cache, "odd");
    expect_batches_fail_by_key(cache);
}

TEST_F(WriterForms, one_write_that_may_throw) {
    const auto cache = made([&](int key, const std::string& value) {
        if (!database.write(key, value)) throw std::runtime_error("odd");
    });
    expect_writes_even_keys(cache, "the writer threw: odd");
    expect_batches_fail_by_key(cache);
}

TEST_F(WriterForms, many_writes) {
    int calls = 0;
    const auto cache = made([&](std::span<const Write<int, std::string>> writes) {
        ++calls;
        std::vector<Result<void>> results;
        for (const auto& write : writes) {
            if (database.write(write.key, write.value)) {
                results.emplace_back();
            } else {
                results.emplace_back(Error(Errc::writer_failed, "odd"));
            }
        }
        return results;
    });
    expect_writes_even_keys(cache, "odd");
    EXPECT_EQ(calls, 2);
    expect_batches_fail_by_key(cache);
    EXPECT_EQ(calls, 3);
}

TEST_F(WriterForms, many_writes_that_throw_all_fail) {
    const auto cache = made([](std::span<const Write<int, std::string>>) -> std::vector<Result<void>> {
        throw std::runtime_error("disk full");
    });
    for (const auto& report : cache.put_many({{2, "two"}, {4, "four"}})) {
        ASSERT_FALSE(report);
        EXPECT_EQ(report.error(), Errc::writer_failed);
        EXPECT_THAT(report.error().message(), HasSubstr("disk full"));
    }
    EXPECT_FALSE(cache.get(2));
}

TEST_F(WriterForms, a_batch_writer_that_gives_the_wrong_number_of_results_is_told_so) {
    const auto cache = made([](std::span<const Write<int, std::string>>) { return std::vector<Result<void>>(1); });
    for (const auto& report : cache.put_many({{2, "two"}, {4, "four"}})) {
        ASSERT_FALSE(report);
        EXPECT_THAT(report.error().message(), HasSubstr("gave 1 results for 2 writes; give one for each"));
    }
}

TEST_F(WriterForms, a_put_drops_an_older_value_even_if_the_source_refuses_it) {
    bool broken = false;
    const auto cache = made([&](int, const std::string&) {
        if (broken) throw std::runtime_error("down");
    });
    ASSERT_TRUE(cache.put(2, "old"));
    broken = true;
    ASSERT_FALSE(cache.put(2, "new"));
    EXPECT_FALSE(cache.get(2)) << "nobody knows what the source holds";
}

TEST_F(WriterForms, the_last_of_several_writes_of_one_key_in_a_batch_is_the_one_that_stays) {
    std::vector<std::string> written;
    const auto cache = made([&](int, const std::string& value) {
        const std::lock_guard lock(database.mutex);
        written.push_back(value);
    });
    for (int round = 0; round < 50; ++round) {
        const auto tag = std::to_string(round);
        written.clear();
        const auto reports = cache.put_many({{2, "a" + tag}, {4, "x" + tag}, {2, "b" + tag}, {2, "c" + tag}});
        ASSERT_EQ(reports.size(), 4U);
        for (const auto& report : reports)
            EXPECT_TRUE(report);
        EXPECT_EQ(*cache.get(2), "c" + tag);
        const auto in_tier = cache.get(2, {.skip = Skip::memory()});
        ASSERT_TRUE(in_tier);
        EXPECT_EQ(*in_tier, "c" + tag);
        std::erase(written, "x" + tag);
        EXPECT_EQ(written.back(), "c" + tag) << "the source has another value than the cache";
    }
}

} // namespace
} // namespace tiercel
