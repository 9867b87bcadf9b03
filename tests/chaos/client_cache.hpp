#pragma once

#include "board.hpp"
#include "judge.hpp"
#include "settings.hpp"

#include <tiercel/cache.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace tiercel::spi {
class Backend;
}

namespace tiercel::chaos {

/// One cache of a client, with its loader and writer over the truth that all clients share, and what this process must
/// not be shown any more.
/// Thread safety: all members may be called concurrently. Lifetime: until it is closed, the board must be there.
class ClientCache {
public:
    using Texts = Cache<std::string, std::string>;

    /// Errors: of Cache::create, as an Exception.
    ClientCache(Board& board, std::uint32_t place, std::uint32_t index, const CacheSettings& settings,
                const Result<std::shared_ptr<spi::Backend>>& backend);

    const Texts& cache() const noexcept { return cache_; }
    const CacheSettings& settings() const noexcept { return settings_; }
    std::uint32_t index() const noexcept { return index_; }
    const std::string& name_of(std::uint32_t key) const { return names_[key]; }
    KeyTruth& truth(std::uint32_t key) noexcept { return board_.truth[index_][key]; }

    /// To be asked before the lookup begins.
    std::uint64_t floor_of(std::uint32_t key) const { return floors_[key].load(); }
    /// This process has put, or seen and invalidated, this version, and was told that it is done.
    void raise_floor(std::uint32_t key, std::uint64_t version);

    Judgement judge_value(std::uint32_t key, const Handle<std::string>& found, Nanos began, std::uint64_t floor);

    /// A version of `key` of one's own, as a value to be put. It begins to be the source's with commit().
    Facts claim(std::uint32_t key, std::uint64_t nonce);
    bool commit(const Facts& facts);

    /// Closes the cache and adds up what it counted. False: something was left behind.
    bool close(CacheTotals& totals);

private:
    static Texts made(ClientCache& self, const Result<std::shared_ptr<spi::Backend>>& backend);
    Result<std::optional<std::string>> load(const std::string& name);
    std::optional<Facts> misbehave(const Facts& facts);

    Board& board_;
    const Maker maker_;
    const std::uint32_t index_;
    const CacheSettings settings_;
    const Bounds bounds_;
    std::vector<std::string> names_;
    std::vector<std::atomic<std::uint64_t>> floors_;
    std::atomic<std::uint64_t> failing_{0}, loads_{0}; ///< count up to the next one that is not as it should be
    std::mutex mutex_;
    std::unordered_map<std::uint32_t, Facts> long_ago_; ///< guarded by mutex_; of Plant::stale
    Texts cache_;
};

} // namespace tiercel::chaos
