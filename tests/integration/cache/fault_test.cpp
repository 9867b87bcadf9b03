// One tier over a real server, behind a network or with a server that has each of the faults in turn: what callers get
// meanwhile, and that the tier serves again when it is over.
#include "integration/cache/texts.hpp"
#include "support/ask_redis.hpp"
#include "support/fault_proxy.hpp"
#include "support/wait_until.hpp"

#include <tiercel/zstd.hpp>

#include <atomic>
#include <functional>
#include <optional>
#include <tuple>

namespace tiercel::test {
namespace {

/// Long enough for a healthy server to answer most of the time, short enough to run into often.
constexpr auto impatient = 100ms;

enum class Kind { redis, memcached };

/// A server of either kind, and a proxy before it.
class Place {
public:
    explicit Place(Kind kind) {
        if (kind == Kind::redis) {
            redis_.emplace();
        } else {
            memcached_.emplace();
        }
        proxy.emplace(server().port());
    }

    Server& server() { return redis_ ? static_cast<Server&>(*redis_) : *memcached_; }
    /// Over a client that gives up soon what leads nowhere, and is soon back.
    TierOptions tier() const {
        const auto address = "127.0.0.1:" + std::to_string(proxy->port());
        if (!redis_) return over(memcached::connect(address, impatient_client<memcached::Options>()));
        return over(redis::connect("redis://" + address, impatient_client<redis::Options>()));
    }
    void flush() {
        const std::string command = redis_ ? "FLUSHALL" : "flush_all";
        ASSERT_EQ(ask_redis(server().port(), "", command), redis_ ? "+OK" : "OK"); // memcached takes lines, too
    }
    void tell_redis(const std::string& command) { ASSERT_EQ(ask_redis(server().port(), "", command), "+OK"); }
    std::uint64_t redis_memory() {
        const auto memory = ask_redis(server().port(), "", "INFO memory");
        const std::string words = "used_memory:";
        return std::stoull(memory.substr(memory.find(words) + words.size()));
    }

    std::optional<FaultProxy> proxy;

private:
    template <class Options>
    static Options impatient_client() {
        Options options;
        options.connect_timeout = 5 * impatient;
        options.max_silence = 5 * impatient;
        options.reconnect_delay_min = 1ms;
        options.reconnect_delay_max = 10ms;
        return options;
    }
    static TierOptions over(Result<std::shared_ptr<spi::Backend>> backend) {
        return {.backend = std::move(backend), .timeout = impatient};
    }

    std::optional<RedisServer> redis_;
    std::optional<MemcachedServer> memcached_;
};

/// A fault, and what callers of this tier must see of it at least.
struct Fault {
    const char* name;
    std::function<void(Place&)> begin, end;
    bool is_noticed = true; ///< lookups at the tier come to errors, or miss what was there
    bool only_redis = false;
};

const auto healed = [](Place& place) { place.proxy->pass(); };

const Fault faults[] = {
    {"delay_beyond_the_timeout", [](Place& place) { place.proxy->delay(2 * impatient); }, healed},
    {"no_answer", [](Place& place) { place.proxy->swallow_after(0); }, healed},
    {"close_in_mid_reply", [](Place& place) { place.proxy->close_after(20); }, healed},
    {"one_byte_at_a_time", [](Place& place) { place.proxy->slice(); }, healed, false},
    {"corrupt", [](Place& place) { place.proxy->corrupt(1, 40); }, healed},
    {"silence_in_mid_reply", [](Place& place) { place.proxy->swallow_after(20); }, healed},
    {"half_open", [](Place& place) { place.proxy->half_open(); }, healed},
    {"refused", [](Place& place) { place.proxy->refuse(); }, healed},
    {"kill_9", [](Place& place) { place.server().kill9(); }, [](Place& place) { place.server().restart(); }},
    {"sigstop", [](Place& place) { place.server().stop_replying(); }, [](Place& place) { place.server().resume(); }},
    {"restart", [](Place& place) { place.server().restart(); }, [](Place&) {}},
    {"flush_all", [](Place& place) { place.flush(); }, [](Place&) {}},
    {"eviction_by_redis",
     [](Place& place) {
         place.tell_redis("CONFIG SET maxmemory-policy allkeys-random");
         place.tell_redis("CONFIG SET maxmemory " + std::to_string(place.redis_memory()));
     },
     [](Place& place) { place.tell_redis("CONFIG SET maxmemory 0"); }, false, true},
    {"out_of_memory", [](Place& place) { place.tell_redis("CONFIG SET maxmemory 1"); },
     [](Place& place) { place.tell_redis("CONFIG SET maxmemory 0"); }, false, true},
    {"read_only", [](Place& place) { place.tell_redis("REPLICAOF 127.0.0.1 1"); },
     [](Place& place) { place.tell_redis("REPLICAOF NO ONE"); }, false, true},
    {"no_replicas", [](Place& place) { place.tell_redis("CONFIG SET min-replicas-to-write 1"); },
     [](Place& place) { place.tell_redis("CONFIG SET min-replicas-to-write 0"); }, false, true},
};

void PrintTo(const Fault& fault, std::ostream* out) {
    *out << fault.name;
}

class UnderFault : public ::testing::TestWithParam<std::tuple<Kind, Fault>> {
protected:
    UnderFault() : place(std::get<Kind>(GetParam())) {
        for (int i = 0; i < 24; ++i)
            keys.push_back("key " + std::to_string(i));
    }

    Texts cache_over(TierOptions tier) const {
        tier.compressor = zstd::compressor();
        auto options = texts({std::move(tier)});
        options.timeouts.call = patience;
        options.loader = [](const std::string& key) { return value_of(key); };
        return made(std::move(options));
    }
    /// Long enough that corruption meets it, and not to be mistaken for another's.
    static std::string value_of(const std::string& key) {
        std::string value;
        while (value.size() < 600)
            value += key + " has this; ";
        return value;
    }

    /// Looks each key up below memory, alone and in a batch: all must be right. True: the tier answered for all alone.
    bool looked_up(const Texts& cache) const {
        const CallOptions below{.skip = Skip::memory()};
        bool all_from_tier = true;
        for (const auto& key : keys) {
            const auto found = cache.get_or_load(key, below);
            EXPECT_TRUE(found) << found.error().message();
            if (!found || !*found) return false;
            EXPECT_EQ(**found, value_of(key));
            all_from_tier = all_from_tier && found->source() == from_tier(0);
        }
        const auto batch = cache.get_or_load_many(keys, below);
        for (std::size_t i = 0; i < keys.size(); ++i) {
            EXPECT_TRUE(batch[i]) << batch[i].error().message();
            if (batch[i] && *batch[i]) {
                EXPECT_EQ(**batch[i], value_of(keys[i]));
            }
        }
        return all_from_tier;
    }
    static std::uint64_t noticed(const Texts& cache) {
        const auto tier = cache.stats().tiers.at(0);
        std::uint64_t sum = tier.error_count() + tier.misses + tier.breaker.skipped_lookups;
        for (const auto& [name, count] : tier.defects)
            sum += count;
        return sum;
    }

    Place place;
    std::vector<std::string> keys;
    const Fault& fault = std::get<Fault>(GetParam());
};

TEST_P(UnderFault, lookups_give_the_right_values_and_the_tier_serves_again_when_it_is_over) {
    const auto cache = cache_over(place.tier());
    const auto another = cache_over(place.tier()); // stands for another process
    ASSERT_TRUE(wait_until([&] { return looked_up(cache); })) << "the tier should answer before the fault";
    for (int round = 0; round < 2; ++round) {
        const auto before = noticed(cache);
        fault.begin(place);
        for (int i = 0; i < 3; ++i) {
            looked_up(cache);
            looked_up(another);
            for (const auto& key : {keys[0], keys[1]}) {
                const auto put = cache.put(key, value_of(key));
                EXPECT_TRUE(put) << put.error().message();
                const auto invalidated = another.invalidate(keys[2]);
                EXPECT_TRUE(invalidated) << invalidated.error().message();
            }
        }
        if (fault.is_noticed) {
            EXPECT_GT(noticed(cache), before) << "the fault was none";
        }
        fault.end(place);
        EXPECT_TRUE(wait_until([&] { return looked_up(cache); })) << "it is over, and the tier should answer\n"
                                                                  << to_table(cache.stats());
        EXPECT_TRUE(wait_until([&] { return looked_up(another); })) << to_table(another.stats());
    }
}

TEST_P(UnderFault, what_was_put_or_invalidated_is_not_seen_undone_during_it_nor_after_it) {
    auto options = texts({place.tier()});
    options.timeouts.call = patience;
    const auto cache = made(std::move(options));
    const CallOptions below{.skip = Skip::memory()};
    ASSERT_TRUE(wait_until([&] { return cache.put("put", "0")->complete() && cache.put("gone", "0")->complete(); }));
    const auto check = [&](const std::string& newest) {
        if (const auto found = cache.get("put", below)) {
            EXPECT_EQ(*found, newest);
        }
        EXPECT_FALSE(cache.get("gone", below));
    };
    fault.begin(place);
    std::string newest;
    for (int i = 1; i <= 5; ++i) {
        newest = std::to_string(i);
        ASSERT_TRUE(cache.put("put", newest));
        ASSERT_TRUE(cache.invalidate("gone"));
        check(newest);
    }
    fault.end(place);
    EXPECT_TRUE(wait_until([&] {
        check(newest);
        return cache.stats().tiers[0].breaker.state == BreakerState::closed && cache.stats().pressure.repairs == 0;
    }));
    ASSERT_TRUE(wait_until([&] { return cache.put("put", "last")->complete(); }));
    EXPECT_TRUE(wait_until([&] {
        check("last");
        if (!cache.get("put", below)) (void)cache.put("put", "last"); // its repair took it along
        return cache.get("put", below).source() == from_tier(0);
    }));
    check("last");
}

std::vector<std::tuple<Kind, Fault>> each_of(Kind kind) {
    std::vector<std::tuple<Kind, Fault>> all;
    for (const auto& fault : faults) {
        if (kind == Kind::redis || !fault.only_redis) all.emplace_back(kind, fault);
    }
    return all;
}

const auto fault_name = [](const auto& info) { return std::get<1>(info.param).name; };
INSTANTIATE_TEST_SUITE_P(Redis, UnderFault, ::testing::ValuesIn(each_of(Kind::redis)), fault_name);
INSTANTIATE_TEST_SUITE_P(Memcached, UnderFault, ::testing::ValuesIn(each_of(Kind::memcached)), fault_name);

/// Its memory is set when it begins: evictions, or with -M refusals.
class SmallMemcached : public ::testing::TestWithParam<std::vector<std::string>> {};
INSTANTIATE_TEST_SUITE_P(That, SmallMemcached,
                         ::testing::Values(std::vector<std::string>{"-m", "2"},
                                           std::vector<std::string>{"-m", "2", "-M"}),
                         [](const auto& test) { return test.param.size() == 3 ? "refuses" : "evicts"; });

TEST_P(SmallMemcached, costs_loads_and_no_wrong_values) {
    MemcachedServer memcached({.arguments = GetParam()});
    const bool refuses = GetParam().size() == 3;
    std::atomic<int> loads{0};
    auto options = texts({memcached_tier(memcached.address())});
    const auto value_of = [](const std::string& key) { return key + std::string(20'000, 'x') + key; };
    options.loader = [&](const std::string& key) {
        ++loads;
        return value_of(key);
    };
    const auto cache = made(std::move(options));
    const CallOptions below{.skip = Skip::memory()};
    const auto look_all_up = [&] {
        for (int i = 0; i < 400; ++i) {
            const auto key = "key " + std::to_string(i);
            const auto found = cache.get_or_load(key, below);
            ASSERT_TRUE(found) << found.error().message();
            EXPECT_EQ(**found, value_of(key));
        }
    };
    look_all_up();
    EXPECT_EQ(loads, 400);
    look_all_up();
    EXPECT_GT(loads, 400) << "it has not the memory for all of them";
    const auto refusals = errors(cache.stats().tiers[0], Errc::out_of_memory);
    EXPECT_EQ(refusals > 0, refuses) << refusals;
    const auto put = cache.put("key 0", "small");
    ASSERT_TRUE(put);
    EXPECT_EQ(*cache.get("key 0"), "small");
}

} // namespace
} // namespace tiercel::test
