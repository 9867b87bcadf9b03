#include "write_path.hpp"

#include "change.hpp"
#include "planted_bug.hpp"

#include <tiercel/spi/run_loop.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include <boost/unordered/unordered_flat_map.hpp>

#include <algorithm>
#include <thread>

namespace tiercel::chain {

namespace asio = boost::asio;
using detail::Caller;
using detail::EntryPtr;
using std::chrono::nanoseconds;

namespace {

/// The epoch of a write that nothing can overtake.
const std::atomic<std::uint64_t> nothing_newer{0};

class Erasure final : public Change {
public:
    using Change::Change;

    void start(std::vector<EntryPtr> probes, Caller) {
        for (auto& probe : probes) {
            const auto index = items_.size();
            items_.push_back({std::move(probe), index, nullptr, WireKey{}, 0, std::nullopt, false, {}});
        }
        encode_keys();
        for (auto& item : items_) {
            raise(item);
            if (planted(Bug::invalidation_leaves_memory)) continue;
            item.report.in_memory = chain_->store.erase(item.entry->ref());
        }
        if (!chain_->has_tiers(options_.skip)) {
            report_skipped();
            finish();
            return;
        }
        asio::co_spawn(
            chain_->runtime->executor_here(),
            [](std::shared_ptr<Erasure> self) -> asio::awaitable<void> {
                co_await self->change_tiers({});
                self->finish();
            }(std::static_pointer_cast<Erasure>(shared_from_this())),
            asio::detached);
    }

private:
    void finish() {
        for (std::size_t i = 0; i < items_.size(); ++i) {
            settle(items_[i]);
            operation_->complete(i, judged(std::move(items_[i].report), options_.strictness));
        }
        leave();
    }
};

class WriteThrough final : public Change {
public:
    using Change::Change;

    /// Writes of one key follow one another within a call too: the second one of a key is in the second round, and so
    /// on, and each round begins when the one before it has ended.
    void start(std::vector<EntryPtr> entries, Caller caller) {
        if (caller == Caller::blocked) blocked_ = std::this_thread::get_id();
        deadline_ = chain_->after(options_.timeout.value_or(chain_->options.timeouts.call));
        std::vector<std::shared_ptr<WriteThrough>> rounds{self()};
        boost::unordered_flat_map<std::uint64_t, std::size_t> round_of;
        for (std::size_t i = 0; i < entries.size(); ++i) {
            const auto hash = entries[i]->hash;
            const auto round = round_of[hash]++;
            if (round == rounds.size()) {
                rounds.push_back(std::make_shared<WriteThrough>(chain_, options_, operation_));
                rounds.back()->deadline_ = deadline_;
                rounds[round - 1]->next_ = rounds.back();
            }
            rounds[round]->items_.push_back({std::move(entries[i]), i, nullptr, WireKey{}, 0, std::nullopt, false, {}});
            if (!planted(Bug::writes_do_not_follow_one_another)) rounds[round]->locked_.push_back(hash);
        }
        for (const auto& round : rounds)
            std::sort(round->locked_.begin(), round->locked_.end());
        begin();
    }

private:
    void begin() {
        chain_->key_locks.lock(locked_, [self = self()] { self->write_source(); });
    }

    std::shared_ptr<WriteThrough> self() { return std::static_pointer_cast<WriteThrough>(shared_from_this()); }

    void write_source() {
        encode_keys();
        std::vector<EntryPtr> entries;
        std::vector<std::size_t> asked; // entries[i] is of items_[asked[i]]
        for (std::size_t i = 0; i < items_.size(); ++i) {
            auto& item = items_[i];
            if (!item.key) {
                item.refused = item.key.error(); // before the source has it: no tier could ever hold it
            } else if (chain_->options.writer && chain_->scope->over()) {
                item.refused = chain_->closed_error();
            } else if (chain_->options.writer) {
                entries.push_back(item.entry);
                asked.push_back(i);
            }
        }
        if (entries.empty()) {
            change();
            return;
        }
        unwritten_.store(entries.size());
        if (chain_->write_behind) {
            for (const auto i : asked)
                write_behind(items_[i]);
            return;
        }
        auto probes = entries;
        chain_->key_writes.add(entries.size());
        const bool here = chain_->options.loading.run_on == RunOn::caller && blocked_ == std::this_thread::get_id();
        auto on_settled = [self = self(), asked = std::move(asked)](std::size_t i,
                                                                    const Result<detail::LoadFacts>& facts) {
            self->written(self->items_[asked[i]], facts);
        };
        auto on_late = [chain = chain_, probes = std::move(probes)](std::size_t i) {
            // It was reported as unknown, and its key dropped.
            if (!planted(Bug::late_write_is_not_dropped)) drop_doubtful(chain, probes[i]);
        };
        chain_->sources->call({.function = chain_->options.writer,
                               .entries = std::move(entries),
                               .deadline = chain_->after(chain_->options.timeouts.source),
                               .thrown = Errc::writer_failed,
                               .here = here,
                               .on_settled = std::move(on_settled),
                               .on_late = std::move(on_late)});
    }

    /// The source gets it later. Who is refused has changed nothing.
    void write_behind(Item& item) {
        WriteBehind::Put put;
        put.entry = item.entry;
        put.deadline = deadline_;
        put.operation = operation_;
        put.index = item.index;
        put.on_taken = [self = self(), &item](const Result<void>& taken) {
            if (taken) {
                item.report.source = self->chain_->write_behind->outcome();
            } else {
                item.refused = taken.error();
                item.untouched = true;
            }
            if (self->unwritten_.fetch_sub(1, std::memory_order_acq_rel) == 1) self->change_behind();
        };
        if (chain_->write_behind->journalled()) {
            auto value = chain_->journal_value(*item.entry);
            if (!value) {
                put.on_taken(value.error());
                return;
            }
            put.key = item.key->bytes;
            put.value = *std::move(value);
        }
        chain_->write_behind->accept(std::move(put));
    }

    /// Not on the journal's worker, for whom others wait: a weigher or removal listener may take its time, or put.
    void change_behind() {
        const auto& options = chain_->options;
        if (!chain_->write_behind->journalled()) {
            change();
        } else if (!(options.on_removal || options.weigher) ||
                   !chain_->runtime->run_blocking([self = self()] { self->change(); })) {
            asio::post(chain_->runtime->executor_here(), [self = self()] { self->change(); });
        }
    }

    /// Called for different items concurrently.
    void written(Item& item, const Result<detail::LoadFacts>& facts) {
        if (!facts) {
            chain_->write_failures.add();
            item.refused = facts.error();
        }
        item.report.source = SourceOutcome::written;
        if (unwritten_.fetch_sub(1, std::memory_order_acq_rel) == 1) change();
    }

    /// The source has spoken: from here on older values are out.
    void change() {
        leave_untouched();
        const auto now = chain_->runtime->now();
        lives_.resize(items_.size());
        for (std::size_t i = 0; i < items_.size(); ++i) {
            auto& item = items_[i];
            item.flight = chain_->flights.begin_write(item.entry);
            raise(item);
            item.entry->created = detail::to_nanos(now);
            item.entry->version = item.raised;
            lives_[i] = chain_->life_of(options_.ttl);
            item.entry->expires = chain_->memory_expiry(now, lives_[i]);
            if (item.refused && !planted(Bug::refused_write_keeps_memory)) chain_->store.erase(item.entry->ref());
        }
        if (!chain_->has_tiers(options_.skip)) {
            report_skipped();
            finish();
            return;
        }
        asio::co_spawn(
            chain_->runtime->executor_here(),
            [](std::shared_ptr<WriteThrough> writing) -> asio::awaitable<void> {
                std::vector<WireValue> values;
                values.reserve(writing->items_.size());
                for (std::size_t i = 0; i < writing->items_.size(); ++i) {
                    const auto& item = writing->items_[i];
                    values.push_back(item.refused ? WireValue{}
                                                  : writing->chain_->wire_value(*item.entry, writing->lives_[i]));
                }
                co_await writing->change_tiers(std::move(values));
                writing->finish();
            }(self()),
            asio::detached);
    }

    void leave_untouched() {
        std::erase_if(items_, [this](Item& item) {
            if (item.untouched) operation_->complete(item.index, *std::move(item.refused));
            return item.untouched;
        });
    }

    void finish() {
        for (auto& item : items_) {
            if (!item.refused && !chain_->tiers.empty() && item.flight->superseded.load() != 0) erase_overtaken(item);
            settle(item);
            if ((item.refused && !planted(Bug::refused_write_is_published)) || options_.skip.has_memory()) {
                if (!planted(Bug::refused_write_keeps_memory)) chain_->store.erase(item.entry->ref());
            } else {
                const bool heedless = planted(Bug::overtaken_write_is_published);
                item.report.in_memory = chain_->publish(item.entry, heedless ? nothing_newer : item.flight->superseded);
                chain_->failing.succeeded(item.entry->hash);
            }
            chain_->flights.finish(item.flight);
        }
        {
            const spi::RunLoop::Away away; // what follows is other callers' work
            chain_->key_locks.unlock(locked_);
        }
        for (std::size_t i = 0; i < items_.size(); ++i) {
            auto& item = items_[i];
            operation_->complete(item.index, item.refused && !planted(Bug::refused_write_is_a_success)
                                                 ? Result<WriteReport>(*std::move(item.refused))
                                                 : judged(std::move(item.report), options_.strictness));
        }
        if (next_) {
            // It inherits the scope's count. Posted: there may be as many rounds as writes.
            asio::post(chain_->runtime->executor_here(), [next = std::move(next_)] { next->begin(); });
        } else {
            leave();
        }
    }

    /// Invalidated while the tiers were taking it: whether they erased or stored last is not known.
    void erase_overtaken(Item& item) {
        if (planted(Bug::overtaken_write_is_not_erased)) return;
        for (auto& tier : item.report.tiers) {
            if (tier.kind == TierOutcome::Kind::done) tier = overtaken(tier.tier);
        }
        (void)erase(chain_, {item.entry}, {}, [](const detail::Reports&) {});
    }

    static TierOutcome overtaken(const std::string& tier) {
        return {tier, TierOutcome::Kind::failed,
                Error(Errc::cancelled, "the key was invalidated while it was being written")};
    }

    SteadyTime deadline_{};              ///< of a put that waits for room
    std::thread::id blocked_;            ///< the thread that waits for this write, if any
    std::shared_ptr<WriteThrough> next_; ///< the next round
    std::vector<std::uint64_t> locked_;
    std::vector<std::optional<nanoseconds>> lives_;
    std::atomic<std::size_t> unwritten_{0};
};

/// What writes and erasures have in common before and after they start.
template <class Work>
detail::Cancel run(const ChainPtr& chain, std::vector<EntryPtr> entries, CallOptions options, Caller caller,
                   std::function<void(detail::Reports)> done) {
    if (entries.empty()) {
        done({});
        return {};
    }
    auto operation = std::make_shared<WriteOperation>(chain->runtime, entries.size(), std::move(done));
    if (!chain->scope->begin()) {
        operation->fail(chain->closed_error());
        return {};
    }
    if (const auto refused = check(options)) {
        chain->scope->end();
        operation->fail(*refused);
        return {};
    }
    const auto timeout = options.timeout.value_or(chain->options.timeouts.call);
    const auto deadline = chain->after(timeout);
    std::make_shared<Work>(chain, options, operation)->start(std::move(entries), caller);
    if (operation->over()) return {};
    if (!planted(Bug::write_has_no_deadline)) operation->fail_at(deadline, write_timeout_error(*chain, timeout));
    chain->writes.add(operation);
    if (chain->scope->over()) operation->fail(chain->closed_error()); // close() may have missed it
    return [weak = std::weak_ptr(operation)] {
        if (const auto waiting = weak.lock()) {
            waiting->fail(Error(Errc::cancelled, "the caller gave up; the write goes on and may succeed"));
        }
    };
}

} // namespace

detail::Cancel write(const ChainPtr& chain, std::vector<EntryPtr> entries, CallOptions options, Caller caller,
                     std::function<void(detail::Reports)> done) {
    if (chain->key_locks.waiting() >= chain->options.loading.max_waiting) {
        done(detail::Reports(entries.size(),
                             Error(Errc::overloaded, std::to_string(chain->options.loading.max_waiting) +
                                                         " writes wait for an earlier one of their key already "
                                                         "(LoadingOptions::max_waiting)")));
        return {};
    }
    return run<WriteThrough>(chain, std::move(entries), options, caller, std::move(done));
}

detail::Cancel erase(const ChainPtr& chain, std::vector<EntryPtr> probes, CallOptions options,
                     std::function<void(detail::Reports)> done) {
    return run<Erasure>(chain, std::move(probes), options, Caller::free, std::move(done));
}

void drop_doubtful(const ChainPtr& chain, const EntryPtr& probe) {
    const auto closed = std::make_shared<std::atomic<bool>>(false); // on the spot, if at all
    (void)erase(chain, {probe}, {}, [closed](const detail::Reports& reports) {
        closed->store(!reports.front() && reports.front().error() == Errc::closed, std::memory_order_relaxed);
    });
    if (!closed->load(std::memory_order_relaxed)) return;
    chain->flights.supersede(probe->ref());
    if (!chain->tiers.empty()) (void)chain->fences->raise(probe->hash);
}

std::optional<Result<WriteReport>> write_here(Chain& chain, EntryPtr& entry, const CallOptions& options) {
    if (!chain.tiers.empty() || chain.options.writer || options.skip.has_memory()) return std::nullopt;
    if (auto refused = check(options)) return *std::move(refused);
    const Scope::Brief work(*chain.scope);
    if (!work) return chain.closed_error();
    const auto life = chain.life_of(options.ttl);
    const bool can_expire = life || chain.options.max_memory_ttl;
    const auto now = can_expire ? chain.runtime->now() : chain.runtime->coarse_now();
    entry->created = detail::to_nanos(now);
    entry->expires = chain.memory_expiry(now, life);
    // What is being loaded is older; what begins to load from here on may well be newer.
    chain.flights.supersede(entry->ref());
    WriteReport report;
    report.in_memory = chain.publish(std::move(entry), nothing_newer);
    return report;
}

std::optional<Result<WriteReport>> erase_here(Chain& chain, detail::KeyRef key, const CallOptions& options) {
    if (!chain.tiers.empty()) return std::nullopt;
    if (auto refused = check(options)) return *std::move(refused);
    const Scope::Brief work(*chain.scope);
    if (!work) return chain.closed_error();
    chain.flights.supersede(key);
    WriteReport report;
    report.in_memory = chain.store.erase(key);
    return report;
}

} // namespace tiercel::chain
