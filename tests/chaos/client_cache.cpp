#include "client_cache.hpp"

#include <tiercel/zstd.hpp>

#include <charconv>

namespace tiercel::chaos {

using namespace std::chrono_literals;

ClientCache::ClientCache(Board& board, std::uint32_t place, std::uint32_t index, const CacheSettings& settings,
                         const Result<std::shared_ptr<spi::Backend>>& backend)
    : board_(board),
      maker_{place, board.clients[place].life.load()},
      index_(index),
      settings_(settings),
      bounds_(settings.bounds(board.run)),
      floors_(board.run.keys),
      cache_(made(*this, backend)) {
    for (std::uint32_t key = 0; key < board.run.keys; ++key)
        names_.push_back("k" + std::to_string(key));
}

ClientCache::Texts ClientCache::made(ClientCache& self, const Result<std::shared_ptr<spi::Backend>>& backend) {
    const auto& settings = self.settings_;
    Texts::Options options;
    options.name = "chaos" + std::to_string(self.index_);
    options.memory.max_entries = settings.memory_entries;
    TierOptions tier{.backend = backend};
    if (settings.compression) tier.compressor = zstd::compressor();
    if (settings.leases) tier.leases = {.ttl = 2s, .wait = 300ms};
    options.tiers.push_back(std::move(tier));
    options.expiry.ttl = settings.ttl;
    options.expiry.jitter = 0.1;
    options.stale.keep = settings.keep;
    options.stale.while_revalidate = settings.while_revalidate;
    if (!settings.while_revalidate && settings.keep > 0ms) options.stale.soft_timeout = 100ms;
    options.stale.retry_after = 50ms;
    options.refresh.ahead = settings.refresh_ahead;
    options.timeouts = {.call = call_timeout, .source = source_timeout, .close = close_timeout};
    options.loader = [&self](const std::string& name) { return self.load(name); };
    options.writer = [&self](const std::string&, const std::string& value) -> Result<void> {
        const auto facts = facts_of(value);
        if (facts && self.commit(*facts)) return {};
        return Error(Errc::writer_failed, "the source has a later version");
    };
    return Texts::create(std::move(options)).value();
}

Result<std::optional<std::string>> ClientCache::load(const std::string& name) {
    std::uint32_t key = 0;
    std::from_chars(name.data() + 1, name.data() + name.size(), key);
    auto& totals = board_.clients[maker_.client].totals[index_];
    totals.loads.fetch_add(1, std::memory_order_relaxed);
    if (settings_.source_fails && failing_.fetch_add(1) % 100 == 99) {
        totals.loads_failed.fetch_add(1, std::memory_order_relaxed);
        return Error(Errc::loader_failed, "the source fails now and then");
    }
    const auto now = steady_now();
    const auto version = truth(key).now();
    const Facts facts{index_, key, version.number, version.nonce, maker_, now};
    return std::optional<std::string>(value_of(misbehave(facts).value_or(facts)));
}

std::optional<Facts> ClientCache::misbehave(const Facts& facts) {
    if (maker_.client != 0) return std::nullopt;
    const bool now = loads_.fetch_add(1) % 20 == 19;
    if (board_.run.plant == Plant::wrong_value && now) {
        auto other = facts;
        other.key = (facts.key + 1) % board_.run.keys;
        return other;
    }
    if (board_.run.plant == Plant::stale) {
        const std::lock_guard lock(mutex_);
        const auto first = long_ago_.try_emplace(facts.key, facts).first->second;
        if (now) return first;
    }
    return std::nullopt;
}

void ClientCache::raise_floor(std::uint32_t key, std::uint64_t version) {
    auto floor = floors_[key].load();
    while (floor < version && !floors_[key].compare_exchange_weak(floor, version)) {
    }
}

Judgement ClientCache::judge_value(std::uint32_t key, const Handle<std::string>& found, Nanos began,
                                   std::uint64_t floor) {
    return judge({.cache = index_,
                  .key = key,
                  .value = *found,
                  .marked_stale = found.is_stale(),
                  .began = began,
                  .own_floor = floor,
                  .reader = maker_},
                 truth(key), bounds_);
}

Facts ClientCache::claim(std::uint32_t key, std::uint64_t nonce) {
    return {index_, key, truth(key).claim(), nonce | 1U, maker_, steady_now()};
}

bool ClientCache::commit(const Facts& facts) {
    return truth(facts.key).commit(facts.version, facts.nonce, steady_now());
}

bool ClientCache::close(CacheTotals& totals) {
    const bool in_order = cache_.close().has_value();
    const auto stats = cache_.stats();
    const auto& tier = stats.tiers.front();
    const auto add = [](std::atomic<std::uint64_t>& total, std::uint64_t n) { total.fetch_add(n); };
    add(totals.tier_errors, tier.error_count());
    for (const auto& [name, count] : tier.defects)
        add(totals.defects, count);
    add(totals.breaker_opened, tier.breaker.opened);
    add(totals.skipped, tier.breaker.skipped_lookups);
    add(totals.fenced, tier.fenced);
    add(totals.leases_lost, tier.leases.lost);
    add(totals.repaired, stats.pressure.repaired);
    add(totals.left_behind, stats.left_behind);
    return in_order;
}

} // namespace tiercel::chaos
