// LeaseOptions over real servers: caches that stand for processes, and a process that dies.
#include "integration/cache/texts.hpp"
#include "support/wait_until.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <fstream>
#include <iostream>
#include <mutex>
#include <optional>
#include <sstream>
#include <thread>

namespace tiercel::test {
namespace {

constexpr auto load_bound = 60s; // of a load that this test holds up, on an overloaded machine

/// A source of truth whose loads can be held up, for several caches.
class SharedSource {
public:
    explicit SharedSource(std::string value) : value_(std::move(value)) {}
    ~SharedSource() { let_go(); }

    Loader<std::string, std::string> loader() {
        return [this](const std::string&) -> Result<std::optional<std::string>> {
            std::unique_lock lock(mutex_);
            auto answer = value_; // what it reads is of now, whenever it answers
            ++loads_;
            changed_.notify_all();
            changed_.wait_for(lock, load_bound, [this] { return !held_; });
            return std::optional<std::string>(std::move(answer));
        };
    }
    void hold() {
        const std::lock_guard lock(mutex_);
        held_ = true;
    }
    void let_go() {
        const std::lock_guard lock(mutex_);
        held_ = false;
        changed_.notify_all();
    }
    void becomes(std::string value) {
        const std::lock_guard lock(mutex_);
        value_ = std::move(value);
    }
    int loads() {
        const std::lock_guard lock(mutex_);
        return loads_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::string value_;
    int loads_ = 0;
    bool held_ = false;
};

class Leases : public ::testing::TestWithParam<const char*> {
protected:
    Leases() {
        if (GetParam() == std::string_view("redis")) {
            redis_.emplace();
        } else {
            memcached_.emplace();
        }
    }
    TierOptions tier() const { return redis_ ? redis_tier(redis_->url()) : memcached_tier(memcached_->address()); }
    std::string address() const { return redis_ ? redis_->url() : memcached_->address(); }

    Texts leasing(SharedSource& source, LeaseOptions leases, std::chrono::nanoseconds ttl = 1h) const {
        auto options = texts({tier()});
        options.tiers[0].leases = leases;
        options.expiry.ttl = ttl;
        options.loader = source.loader();
        options.timeouts.source = load_bound;
        return made(std::move(options));
    }

    std::optional<RedisServer> redis_;
    std::optional<MemcachedServer> memcached_;
};

TEST_P(Leases, of_eight_caches_one_loads_each_time_that_the_value_expires) {
    SharedSource source("v");
    std::vector<Texts> caches;
    for (int i = 0; i < 8; ++i)
        caches.push_back(leasing(source, {.ttl = load_bound, .wait = load_bound}, 3s));
    const auto waits = [&] {
        std::uint64_t sum = 0;
        for (const auto& cache : caches)
            sum += cache.stats().tiers[0].leases.waits;
        return sum;
    };
    const CallOptions below{.skip = Skip::memory()};
    constexpr std::uint64_t rounds = 3;
    for (std::uint64_t round = 1; round <= rounds; ++round) {
        source.hold();
        std::atomic<int> right{0};
        std::vector<std::thread> callers;
        for (auto& cache : caches) {
            callers.emplace_back([&] {
                const auto found = cache.get_or_load("k", below);
                right += found && *found && **found == "v" ? 1 : 0;
            });
        }
        EXPECT_TRUE(wait_until([&] { return waits() == 7 * round; }));
        source.let_go();
        for (auto& caller : callers)
            caller.join();
        EXPECT_EQ(right, 8);
        EXPECT_TRUE(wait_until([&] { return !caches.front().get("k", below); })) << "it should have expired";
    }
    std::cout << "8 caches over " << GetParam() << ", " << rounds << " expiries: " << source.loads() << " loads\n";
    EXPECT_EQ(source.loads(), static_cast<int>(rounds));
}

TEST_P(Leases, an_erase_by_another_cache_voids_the_fill) {
    SharedSource source("old");
    const auto loading = leasing(source, {.ttl = load_bound, .wait = patience});
    const auto erasing = leasing(source, {.ttl = load_bound, .wait = patience});
    source.hold();
    std::thread caller([&] {
        const auto found = loading.get_or_load("k");
        EXPECT_TRUE(found && *found && **found == "old") << "it had begun before";
    });
    EXPECT_TRUE(wait_until([&] { return source.loads() == 1; }));
    source.becomes("new");
    const auto erased = erasing.invalidate("k");
    EXPECT_TRUE(erased && erased->complete());
    source.let_go();
    caller.join();
    EXPECT_TRUE(wait_until([&] { return loading.stats().tiers[0].leases.lost == 1; }));
    EXPECT_FALSE(erasing.get("k"));
    EXPECT_EQ(**erasing.get_or_load("k"), "new");
}

TEST_P(Leases, what_another_cache_puts_meanwhile_stays) {
    SharedSource source("old");
    const auto loading = leasing(source, {.ttl = load_bound, .wait = patience});
    const auto writing = leasing(source, {.ttl = load_bound, .wait = patience});
    source.hold();
    std::thread caller([&] { EXPECT_TRUE(loading.get_or_load("k")); });
    EXPECT_TRUE(wait_until([&] { return source.loads() == 1; }));
    const auto put = writing.put("k", "new");
    EXPECT_TRUE(put && put->complete());
    source.let_go();
    caller.join();
    EXPECT_TRUE(wait_until([&] { return loading.stats().tiers[0].leases.lost == 1; }));
    EXPECT_EQ(*loading.get("k", {.skip = Skip::memory()}), "new");
}

TEST_P(Leases, a_stale_value_is_served_beside_a_lease_and_comes_back_when_the_load_fails) {
    SharedSource source("v");
    auto options = texts({tier()});
    options.tiers[0].leases = {.ttl = load_bound, .wait = patience};
    options.expiry.ttl = 1s;
    options.stale.keep = 1h;
    options.loader = source.loader();
    ASSERT_TRUE(made(options).get_or_load("k"));
    std::atomic<bool> fail{false};
    std::atomic<bool> begun{false};
    options.loader = [&](const std::string&) -> Result<std::optional<std::string>> {
        begun = true;
        EXPECT_TRUE(wait_until([&] { return fail.load(); }, load_bound));
        return Error(Errc::loader_failed, "as the test says");
    };
    const auto failing = made(options);
    ASSERT_TRUE(wait_until([&] {
        const auto found = failing.get("k");
        return found && found.is_stale();
    }));
    ASSERT_TRUE(failing.get_or_load("k"));
    ASSERT_TRUE(wait_until([&] { return begun.load(); }));
    const auto other = made(options);
    EXPECT_EQ(*other.get("k"), "v");
    EXPECT_TRUE(other.get("k").is_stale());
    fail = true;
    EXPECT_TRUE(wait_until([&] { return failing.stats().tiers[0].leases.released == 1; }));
    EXPECT_EQ(*made(options).get("k"), "v");
}

TEST_P(Leases, a_process_that_is_killed_while_it_loads_has_its_lease_taken_over) {
    TempDir directory;
    const auto log = directory.path() / "log";
    ChildProcess holder({TIERCEL_LEASE_HOLDER, GetParam(), address()}, log);
    const auto says = [&](std::string_view words) {
        std::ifstream file(log);
        std::ostringstream text;
        text << file.rdbuf();
        return text.str().find(words) != std::string::npos;
    };
    ASSERT_TRUE(wait_until([&] { return says("loading"); }));
    SharedSource source("v");
    const auto cache = leasing(source, {.ttl = patience, .wait = load_bound});
    std::thread caller([&] {
        const auto found = cache.get_or_load("k", {.timeout = load_bound});
        EXPECT_TRUE(found && *found && **found == "v");
    });
    EXPECT_TRUE(wait_until([&] { return cache.stats().tiers[0].leases.waits == 1; }));
    EXPECT_EQ(source.loads(), 0) << "the other process is at it";
    holder.kill9();
    caller.join();
    EXPECT_EQ(source.loads(), 1);
    EXPECT_EQ(cache.stats().tiers[0].leases.waits_over, 0U);
    EXPECT_TRUE(wait_until([&] { return cache.stats().tiers[0].puts == 1; })) << "by the lease that it took";
}

INSTANTIATE_TEST_SUITE_P(RealServers, Leases, ::testing::Values("redis", "memcached"),
                         [](const auto& tested) { return std::string(tested.param); });

} // namespace
} // namespace tiercel::test
