#pragma once

#include "measurement.hpp"

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tiercel::bench::peers {

/// What a contender stands for in the report's ratios.
enum class Role : std::uint8_t {
    tiercel,         ///< the one that is compared
    tiercel_batches, ///< the same, asked for many keys at once
    tiercel_ttls,    ///< the same, with a TTL for each value
    tiercel_policy,  ///< the same, with another eviction policy
    peer,            ///< evicts
    limit,           ///< never evicts
};

/// A contender whose type is forgotten: one virtual call a measurement, none inside.
/// Thread safety: none; a measurement starts and ends threads of its own.
template <class K>
class Runner {
public:
    virtual ~Runner() = default;
    virtual bool does(Workload workload) const = 0;
    /// Puts all of the numbers below `count`.
    virtual void fill(std::uint64_t count) = 0;
    /// Gets, and inserts what it misses, `blocks` blocks of the draws.
    virtual void warm(const Draws<K>& draws, std::size_t blocks) = 0;
    /// How many of the numbers below `count` are there.
    virtual std::uint64_t resident(std::uint64_t count) = 0;
    /// Goes on in the draws where the last measurement of this contender ended.
    virtual Sample measure(Workload workload, const Draws<K>& draws, unsigned threads,
                           std::chrono::nanoseconds duration) = 0;
};

template <class K>
K key_of(std::uint64_t number) {
    if constexpr (std::same_as<K, std::string>)
        return string_key(number);
    else
        return number;
}

template <class K, Contender<K> C>
class RunnerOf final : public Runner<K> {
public:
    template <class... Args>
    explicit RunnerOf(Args&&... args) : cache_(std::forward<Args>(args)...) {}

    bool does(Workload workload) const override {
        switch (workload) {
        case Workload::hits:
            return true;
        case Workload::hit_latency:
        case Workload::mixed_95_5:
            return !Batches<C, K>;
        case Workload::mixed_50_50:
        case Workload::put_existing:
            return Puts<C, K>;
        case Workload::put_at_capacity:
            return Puts<C, K> && Evicts<C>;
        case Workload::erase:
            return Erases<C, K>;
        }
        return false;
    }

    void fill(std::uint64_t count) override {
        for (std::uint64_t number = 0; number < count; ++number) {
            const auto key = key_of<K>(number);
            if (cache_.get(key) == 0) cache_.insert(key);
        }
    }

    void warm(const Draws<K>& draws, std::size_t blocks) override {
        typename Draws<K>::Reader keys(draws, cursor_);
        for (std::size_t block = 0; block < blocks; ++block) {
            for (const auto& key : keys.next()) {
                if (cache_.get(key) == 0) cache_.insert(key);
            }
        }
    }

    std::uint64_t resident(std::uint64_t count) override {
        std::uint64_t there = 0;
        for (std::uint64_t number = 0; number < count; ++number)
            there += cache_.get(key_of<K>(number)) != 0 ? 1 : 0;
        return there;
    }

    Sample measure(Workload workload, const Draws<K>& draws, unsigned threads,
                   std::chrono::nanoseconds duration) override {
        switch (workload) {
        case Workload::hits:
            return steps(draws, threads, duration,
                         [this](auto keys, Coin&, Tally& tally) { get_block(cache_, keys, tally); });
        case Workload::hit_latency:
            return steps(draws, threads, duration,
                         [this](auto keys, Coin&, Tally& tally) { get_block_timed(cache_, keys, tally); });
        case Workload::mixed_95_5:
            return mixed(draws, threads, duration, 5);
        case Workload::mixed_50_50:
            return mixed(draws, threads, duration, 50);
        case Workload::put_existing:
        case Workload::put_at_capacity:
            if constexpr (Puts<C, K>) {
                return steps(draws, threads, duration,
                             [this](auto keys, Coin&, Tally& tally) { put_block(cache_, keys, tally); });
            }
            break;
        case Workload::erase:
            if constexpr (Erases<C, K>) return erase_all(draws);
            break;
        }
        return {};
    }

private:
    Sample mixed(const Draws<K>& draws, unsigned threads, std::chrono::nanoseconds duration, unsigned percent) {
        return steps(
            draws, threads, duration,
            [this](auto keys, Coin& coin, Tally& tally) { mixed_block(cache_, keys, coin, tally); }, percent);
    }

    template <class Block>
    Sample steps(const Draws<K>& draws, unsigned threads, std::chrono::nanoseconds duration, Block block,
                 unsigned put_percent = 0) {
        const auto seed = coins_ += threads;
        const auto run = run_steps(threads, duration, [&](unsigned thread) {
            return [&block, keys = typename Draws<K>::Reader(draws, cursor_),
                    coin = Coin(seed + thread, put_percent)](Tally& tally) mutable { block(keys.next(), coin, tally); };
        });
        return run.sample();
    }

    Sample erase_all(const Draws<K>& draws) {
        typename Draws<K>::Cursor from_the_start, once_more;
        typename Draws<K>::Reader inserted(draws, from_the_start), keys(draws, once_more);
        for (std::size_t block = 0; block < draws.blocks(); ++block) {
            for (const auto& key : inserted.next())
                cache_.insert(key);
        }
        const auto started = std::chrono::steady_clock::now();
        for (std::size_t block = 0; block < draws.blocks(); ++block) {
            if constexpr (Erases<C, K>) {
                for (const auto& key : keys.next())
                    cache_.erase(key);
            }
        }
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
        return {.per_second = static_cast<double>(draws.blocks() * block_size) / took.count()};
    }

    C cache_;
    typename Draws<K>::Cursor cursor_;
    std::uint64_t coins_ = 0;
};

/// How to make a contender.
template <class K>
struct Entrant {
    std::string name;
    Role role;
    /// From the most entries that it is to hold.
    std::function<std::unique_ptr<Runner<K>>(std::size_t)> make;
};

/// All of them; tiercel once more for each of the eviction policies named.
template <class K>
std::vector<Entrant<K>> entrants(const std::vector<std::string>& policies);

} // namespace tiercel::bench::peers
