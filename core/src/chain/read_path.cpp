#include "read_path.hpp"

#include "options_check.hpp"
#include "planted_bug.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>

namespace tiercel::chain {

namespace asio = boost::asio;
using detail::Answer;
using detail::EntryPtr;
using std::chrono::nanoseconds;

namespace {

/// One flight on its way down.
struct Item {
    FlightPtr flight;
    EntryPtr entry;
    WireKey key;
    std::optional<nanoseconds> life; ///< of the answer, from answered_at
    SteadyTime answered_at{};
    std::vector<bool> failed;    ///< by tier: it is not worth filling
    std::size_t answered_by = 0; ///< index of the tier, or the number of tiers: the source
    bool fill = false;
};

/// The flights that one call began, descending together.
class Descent : public std::enable_shared_from_this<Descent> {
public:
    Descent(ChainPtr chain, CallOptions options, std::shared_ptr<detail::SourceFunction> loader, bool here,
            SteadyTime deadline)
        : chain_(std::move(chain)),
          options_(options),
          loader_(std::move(loader)),
          here_(here),
          deadline_(deadline),
          began_(chain_->tiers.empty() ? chain_->fences->stamp() : chain_->fences->begin()) {}

    void add(FlightPtr flight, EntryPtr entry) {
        auto& item = items_.emplace_back();
        item.flight = std::move(flight);
        item.entry = std::move(entry);
        item.failed.resize(chain_->tiers.size());
    }

    /// The scope's count for this descent is the caller's gift.
    void start() {
        started_ = chain_->runtime->now();
        for (std::size_t i = 0; i < items_.size(); ++i)
            pending_.push_back(i);
        if (pending_.empty()) {
            end();
            return;
        }
        if (!chain_->has_tiers(options_.skip)) {
            ask_source();
            return;
        }
        encode_keys();
        if (pending_.empty()) {
            end();
            return;
        }
        asio::co_spawn(chain_->runtime->executor_here(), descend(shared_from_this()), asio::detached);
    }

private:
    void encode_keys() {
        std::erase_if(pending_, [this](std::size_t i) {
            auto key = chain_->wire_key(*items_[i].entry);
            if (key) {
                items_[i].key = *std::move(key);
                return false;
            }
            finish(items_[i], std::move(key).error());
            return true;
        });
    }

    static asio::awaitable<void> descend(std::shared_ptr<Descent> self) {
        for (std::size_t t = 0; t < self->chain_->tiers.size() && !self->pending_.empty(); ++t) {
            if (self->options_.skip.has_tier(t)) continue;
            if (self->chain_->scope->over()) break;
            co_await self->ask_tier(t);
        }
        if (!self->pending_.empty()) {
            self->ask_source(); // which sees to the rest
        } else {
            co_await self->fill_tiers();
            self->end();
        }
    }

    asio::awaitable<void> ask_tier(std::size_t t) {
        std::vector<Tier::Lookup> lookups;
        lookups.reserve(pending_.size());
        for (const auto i : pending_)
            lookups.push_back({items_[i].entry, &items_[i].key});
        auto answers = co_await chain_->tiers[t]->read(std::move(lookups), deadline_);

        std::vector<std::size_t> still;
        for (std::size_t n = 0; n < answers.size(); ++n) {
            auto& item = items_[pending_[n]];
            auto& answer = answers[n];
            if (answer.kind == TierAnswer::Kind::hit) {
                item.life = answer.life;
                item.answered_by = t;
                item.fill = true;
                item.entry->expires = chain_->memory_expiry(chain_->runtime->now(), item.life);
                answer_with(item, {Source::Kind::tier, static_cast<std::uint8_t>(t)});
                continue;
            }
            if (answer.kind == TierAnswer::Kind::failed && planted(Bug::tier_failure_is_the_callers)) {
                finish(item, *answer.error);
                continue;
            }
            if (answer.kind == TierAnswer::Kind::failed) {
                item.failed[t] = true;
                const auto refused = chain_->flights.fail_strict(item.flight, *answer.error);
                for (const auto& waiter : refused)
                    waiter.operation->complete(waiter.index, *answer.error);
                if (!item.flight->wanted.load(std::memory_order_relaxed)) continue;
            }
            still.push_back(pending_[n]);
        }
        pending_ = std::move(still);
    }

    void ask_source() {
        if (!loader_ || (!chain_->scope->open() && !planted(Bug::load_begins_after_close))) {
            const auto answer = loader_ ? Result<Answer>(chain_->closed_error()) : Result<Answer>(Answer{});
            for (const auto i : pending_)
                finish(items_[i], answer);
            pending_.clear();
            fill_and_end();
            return;
        }
        std::vector<EntryPtr> entries;
        entries.reserve(pending_.size());
        for (const auto i : pending_)
            entries.push_back(items_[i].entry);
        unloaded_.store(entries.size());
        chain_->loads.add(entries.size());
        chain_->sources->call(loader_, std::move(entries), deadline_, Errc::loader_failed, here_,
                              [self = shared_from_this()](std::size_t n, Result<detail::LoadFacts> facts) {
                                  self->loaded(self->items_[self->pending_[n]], std::move(facts));
                              });
    }

    /// Called for different items concurrently.
    void loaded(Item& item, Result<detail::LoadFacts> facts) {
        auto& chain = *chain_;
        const auto now = chain.runtime->now();
        chain.load_latency.add(now - started_);
        if (!facts && planted(Bug::error_is_cached_as_absence)) facts = detail::LoadFacts{};
        if (!facts) {
            chain.load_failures.add();
            finish(item, std::move(facts).error());
        } else if (chain.scope->over()) {
            finish(item, chain.closed_error());
        } else {
            item.entry->created = detail::to_nanos(now);
            item.entry->version = planted(Bug::fill_has_a_late_stamp) ? chain.fences->stamp() : began_;
            item.answered_by = chain.tiers.size();
            bool cacheable = facts->cacheable && (!facts->ttl || *facts->ttl > nanoseconds::zero());
            if (planted(Bug::uncacheable_is_cached)) cacheable = true;
            if (item.entry->has_value() || planted(Bug::negative_lives_as_long_as_a_value)) {
                item.life = chain.life_of(facts->ttl ? facts->ttl : options_.ttl);
            } else {
                chain.absent.add();
                item.life = std::min(facts->ttl.value_or(chain.options.expiry.negative_ttl), detail::longest_life);
                cacheable = cacheable && *item.life > nanoseconds::zero();
            }
            if (cacheable) {
                item.fill = true;
                item.entry->expires = chain.memory_expiry(now, item.life);
                answer_with(item, {Source::Kind::loader, 0});
            } else {
                finish(item, Answer{item.entry, {Source::Kind::loader, 0}});
            }
        }
        if (unloaded_.fetch_sub(1, std::memory_order_acq_rel) == 1) fill_and_end();
    }

    void answer_with(Item& item, Source source) {
        item.answered_at = chain_->runtime->now();
        if (!options_.skip.has_memory()) chain_->publish(item.entry, item.flight->superseded);
        finish(item, Answer{item.entry, source});
    }

    void finish(const Item& item, const Result<Answer>& answer) {
        for (auto& waiter : chain_->flights.finish(item.flight))
            waiter.operation->complete(waiter.index, answer);
    }

    void fill_and_end() {
        const bool any = std::any_of(items_.begin(), items_.end(), [](const Item& item) { return item.fill; });
        if (!any || !chain_->has_tiers(options_.skip) || chain_->scope->over()) {
            end();
            return;
        }
        asio::co_spawn(
            chain_->runtime->executor_here(),
            [](std::shared_ptr<Descent> self) -> asio::awaitable<void> {
                co_await self->fill_tiers();
                self->end();
            }(shared_from_this()),
            asio::detached);
    }

    /// Puts each answer into the tiers above the one that gave it.
    asio::awaitable<void> fill_tiers() {
        std::vector<WireValue> values(items_.size());
        for (std::size_t i = 0; i < items_.size(); ++i) {
            auto& item = items_[i];
            if (item.answered_by == 0) item.fill = false;
            if (item.fill) values[i] = chain_->wire_value(*item.entry, item.life);
        }
        for (std::size_t t = 0; t < chain_->tiers.size(); ++t) {
            if (options_.skip.has_tier(t)) continue;
            if (chain_->scope->over() && !planted(Bug::fill_begins_after_close)) continue;
            std::vector<Tier::Store> stores;
            std::vector<std::size_t> which;
            for (std::size_t i = 0; i < items_.size(); ++i) {
                const auto& item = items_[i];
                if (!item.fill || item.answered_by <= t || item.failed[t] || !has_life_left(item, values[i])) continue;
                if (is_overtaken(item) && !planted(Bug::overtaken_fill_is_written)) continue;
                stores.push_back({&item.key, &values[i], item.entry->hash});
                which.push_back(i);
            }
            if (stores.empty()) continue;
            const auto signal = chain_->tiers[t]->begin_write(stores, SteadyTime::max());
            co_await signal->wait();
            co_await erase_overtaken(t, which);
        }
    }

    /// The value goes to a tier now, with what is left of its life by now: the tier before may have taken its time.
    bool has_life_left(const Item& item, WireValue& value) const {
        if (!item.life || planted(Bug::fill_has_its_whole_life_again)) return true;
        value.life = *item.life - (chain_->runtime->now() - item.answered_at);
        return *value.life > nanoseconds::zero();
    }

    /// The flight hears of an invalidation only until its waiters are told; the fence stands until this descent ends.
    bool is_overtaken(const Item& item) const {
        return item.flight->superseded.load() != 0 || !chain_->fences->believes(item.entry->hash, item.entry->version);
    }

    asio::awaitable<void> erase_overtaken(std::size_t t, const std::vector<std::size_t>& which) {
        std::vector<const WireKey*> overtaken;
        std::vector<std::uint64_t> hashes;
        for (const auto i : which) {
            if (!is_overtaken(items_[i]) || planted(Bug::overtaken_fill_is_not_erased)) continue;
            overtaken.push_back(&items_[i].key);
            hashes.push_back(items_[i].entry->hash);
        }
        if (overtaken.empty()) co_return;
        const auto signal = chain_->tiers[t]->begin_erase(overtaken, SteadyTime::max());
        const auto outcomes = co_await signal->wait();
        for (std::size_t n = 0; n < hashes.size(); ++n) {
            if (outcomes[n].kind != TierOutcome::Kind::done) chain_->fences->fill_unknown(hashes[n]);
        }
    }

    void end() {
        if (!chain_->tiers.empty()) chain_->fences->end(began_);
        // Nothing of the chain may be held when the scope hears of the end, since the cache may then go.
        const auto scope = chain_->scope;
        chain_.reset();
        scope->end();
    }

    ChainPtr chain_;
    const CallOptions options_;
    const std::shared_ptr<detail::SourceFunction> loader_;
    const bool here_;
    const SteadyTime deadline_;
    const std::uint64_t began_;
    SteadyTime started_{};
    std::vector<Item> items_;
    std::vector<std::size_t> pending_; ///< indices of unanswered items; not changed once the source is asked
    std::atomic<std::size_t> unloaded_{0};
};

Error timeout_error(const Chain& chain, nanoseconds timeout) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
    return Error(Errc::timeout, "cache '" + chain.options.name + "' had no answer within " + std::to_string(ms) +
                                    " ms; what was begun for others goes on (CallOptions::timeout, "
                                    "TimeoutOptions::call)");
}

/// Answers from memory what it can; the rest joins or begins flights, the begun ones into a Descent.
std::shared_ptr<Descent> take_off(const ChainPtr& chain, detail::ReadRequest& request,
                                  const std::shared_ptr<ReadOperation>& operation,
                                  const std::shared_ptr<detail::SourceFunction>& loader) {
    const auto now = chain->runtime->now();
    const auto deadline = chain->after(chain->options.timeouts.source);
    const bool here = chain->options.loading.run_on == RunOn::caller && request.blocking_caller;
    const bool use_memory = !request.options.skip.has_memory();
    const auto kind = request.load ? FlightKind::load : FlightKind::lookup;
    std::shared_ptr<Descent> descent;
    for (std::size_t i = 0; i < request.probes.size(); ++i) {
        const auto& probe = request.probes[i];
        if (use_memory && !request.memory_asked) {
            if (auto entry = chain->store.find(probe->ref())) {
                operation->complete(i, Answer{std::move(entry), {Source::Kind::memory, 0}});
                continue;
            }
        }
        if (!descent) descent = std::make_shared<Descent>(chain, request.options, loader, here, deadline);
        auto joined =
            chain->flights.join(probe, kind, now, deadline,
                                {operation, planted(Bug::waiter_gets_first_place) ? 0 : i, request.options.strictness});
        if (joined.failed) {
            operation->complete(i, *std::move(joined.failed));
            continue;
        }
        if (!joined.owner) {
            if (Sources::is_loading_here(*joined.flight->probe)) {
                operation->complete(i,
                                    Error(Errc::recursive_load,
                                          "the loader asked cache '" + chain->options.name +
                                              "' for the key that it is loading; read that from the source instead"));
            }
            continue;
        }
        // The flight that filled memory since we looked has ended: without a second look the key would load again.
        if (auto entry = use_memory && !planted(Bug::no_second_look) ? chain->store.peek(probe->ref()) : nullptr) {
            for (auto& waiter : chain->flights.finish(joined.flight)) {
                waiter.operation->complete(waiter.index, Answer{entry, {Source::Kind::memory, 0}});
            }
            continue;
        }
        descent->add(std::move(joined.flight), probe);
    }
    return descent;
}

} // namespace

std::optional<Result<Answer>> look_no_further(const Chain& chain, const CallOptions& options) {
    if (!chain.tiers.empty()) return std::nullopt;
    if (!chain.scope->open()) return Result<Answer>(chain.closed_error());
    if (auto refused = check(options)) return Result<Answer>(*std::move(refused));
    return Result<Answer>(Answer{});
}

detail::Cancel read(const ChainPtr& chain, detail::ReadRequest request, std::function<void(detail::Answers)> done) {
    const auto size = request.probes.size();
    if (size == 0) {
        done({});
        return {};
    }
    auto operation = std::make_shared<ReadOperation>(chain->runtime, size, std::move(done));
    const auto loader = request.loader ? request.loader : chain->options.loader;
    if (!chain->scope->begin()) {
        operation->fail(chain->closed_error());
        return {};
    }
    std::optional<Error> refused = check(request.options);
    if (!refused && request.load && !loader) {
        refused = Error(Errc::no_loader, "cache '" + chain->options.name +
                                             "' has no loader; set CacheOptions::loader or pass one with the call");
    }
    if (!refused && chain->flights.waiting() + size > chain->options.loading.max_waiters) {
        refused = Error(Errc::overloaded, std::to_string(chain->options.loading.max_waiters) +
                                              " lookups wait for loads already (LoadingOptions::max_waiters)");
    }
    if (refused) {
        chain->scope->end();
        operation->fail(*refused);
        return {};
    }
    const auto timeout = request.options.timeout.value_or(chain->options.timeouts.call);
    const auto deadline = chain->after(timeout);
    const auto descent = take_off(chain, request, operation, request.load ? loader : nullptr);
    if (descent) {
        descent->start();
    } else {
        chain->scope->end();
    }
    if (operation->over()) return {};
    if (!planted(Bug::read_has_no_deadline)) operation->fail_at(deadline, timeout_error(*chain, timeout));
    chain->reads.add(operation);
    if (!chain->scope->open()) operation->fail(chain->closed_error()); // close() may have missed it
    return [weak = std::weak_ptr(operation)] {
        if (const auto waiting = weak.lock()) {
            waiting->fail(Error(Errc::cancelled, "the caller gave up; what was begun for others goes on"));
        }
    };
}

} // namespace tiercel::chain
