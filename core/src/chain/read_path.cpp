#include "read_path.hpp"

#include "descent.hpp"
#include "planted_bug.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace tiercel::chain {

using detail::Answer;
using detail::EntryPtr;
using std::chrono::nanoseconds;

namespace {

Error timeout_error(const Chain& chain, nanoseconds timeout) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
    return Error(Errc::timeout, "cache '" + chain.options.name + "' had no answer within " + std::to_string(ms) +
                                    " ms; what was begun for others goes on (CallOptions::timeout, "
                                    "TimeoutOptions::call)");
}

Error overloaded(const Chain& chain) {
    return Error(Errc::overloaded, std::to_string(chain.options.loading.max_waiters) +
                                       " lookups wait for loads already (LoadingOptions::max_waiters)");
}

/// Flights that nobody waits for: half of the places in the queue for the source stay for those who do.
std::size_t most_background(const Chain& chain) {
    return std::max<std::size_t>(1, chain.options.loading.max_waiting / 2);
}

/// What one caller wants to be different is not for a load that others will see the value of, but for these.
CallOptions background_options(const CallOptions& call) {
    CallOptions options;
    options.ttl = call.ttl;
    options.skip = call.skip;
    return options;
}

using Done = std::function<void(detail::Answers)>;

Done counting_stale(const ChainPtr& chain, Done done) {
    return [weak = std::weak_ptr(chain), done = std::move(done)](detail::Answers answers) {
        if (const auto alive = weak.lock()) {
            for (const auto& answer : answers) {
                if (answer && answer->stale != StaleReason::fresh) {
                    alive->stale_served[static_cast<std::size_t>(answer->stale)].add();
                }
            }
        }
        done(std::move(answers));
    };
}

/// A lookup on its way off: the flights that it begins, for its caller and in the background.
class TakeOff {
public:
    TakeOff(const ChainPtr& chain, const detail::ReadRequest& request, std::shared_ptr<ReadOperation> operation,
            std::shared_ptr<detail::SourceFunction> loader)
        : chain_(chain),
          request_(request),
          operation_(std::move(operation)),
          loader_(std::move(loader)),
          max_staleness_(chain_->max_staleness(request.options)),
          deadline_(chain_->after(chain_->options.timeouts.source)),
          now_(chain_->runtime->now()) {}

    /// Answers from memory what it can; the rest joins or begins flights.
    void look_up() {
        for (std::size_t i = 0; i < request_.probes.size(); ++i)
            look_up(request_.probes[i], i);
    }

    /// The flights descend, those in the background first: a loader on this thread may wait for one of them. Without
    /// any that the caller waits for, the scope's count for the call ends.
    void start() {
        if (background_) background_->start();
        refresh_if_due(chain_, hits_, loader_, request_.options);
        if (waited_for_) {
            waited_for_->start();
        } else {
            chain_->scope->end();
        }
    }

private:
    bool uses_memory() const { return !request_.options.skip.has_memory(); }

    void look_up(const EntryPtr& probe, std::size_t index) {
        if (uses_memory() && !request_.memory_asked) {
            if (auto entry = chain_->store.find(probe->ref())) {
                if (request_.load && chain_->refresh_rule.exists()) hits_.push_back(entry);
                operation_->complete(index, Answer{std::move(entry), {Source::Kind::memory, 0}});
                return;
            }
        }
        Fallback kept;
        if (uses_memory() && chain_->options.stale.keep > nanoseconds::zero()) {
            kept = {chain_->store.use_stale(probe->ref()), {Source::Kind::memory, 0}};
        }
        if (kept.is_within(max_staleness_, now_) && answer_with(kept, probe, index)) return;
        join(probe, index, std::move(kept));
    }

    /// What memory keeps past its life will do. False if something better is to be waited for.
    bool answer_with(const Fallback& kept, const EntryPtr& probe, std::size_t index) {
        if (kept.entry->expires > detail::to_nanos(now_)) { // put there since we looked
            operation_->complete(index, kept.answer(StaleReason::fresh, now_));
            return true;
        }
        if (!request_.load) return false;
        if (chain_->failing.must_wait(probe->hash, now_)) {
            operation_->complete(index, kept.answer(StaleReason::retry_later, now_));
            return true;
        }
        // Under MemoryOptions::max_ttl its life may go on in a tier, which has to be asked first.
        const bool tiers_may_know = chain_->options.max_memory_ttl && chain_->has_tiers_in_use(request_.options.skip);
        if (!chain_->options.stale.while_revalidate || tiers_may_know) return false;
        operation_->complete(index, kept.answer(StaleReason::revalidating, now_));
        revalidate(probe, kept.entry);
        return true;
    }

    void revalidate(const EntryPtr& probe, const EntryPtr& stale) {
        if (!background_) {
            if (!chain_->scope->begin()) return;
            background_ =
                std::make_shared<Descent>(chain_, background_options(request_.options), loader_, false, deadline_);
        }
        auto flight = chain_->flights.begin_refresh(probe, now_, deadline_, most_background(*chain_));
        if (!flight || answer_from_memory(flight)) return;
        chain_->refreshes.add();
        background_->add(std::move(flight), probe, stale);
    }

    /// The flight that filled memory since we looked has ended: without this look the key would load again.
    bool answer_from_memory(const FlightPtr& flight) {
        auto entry =
            uses_memory() && !planted(Bug::no_second_look) ? chain_->store.peek(flight->probe->ref()) : nullptr;
        if (!entry) return false;
        for (auto& waiter : chain_->flights.finish(flight))
            waiter.operation->complete(waiter.index, Answer{entry, {Source::Kind::memory, 0}});
        return true;
    }

    void join(const EntryPtr& probe, std::size_t index, Fallback kept) {
        const bool will_do = kept.is_within(max_staleness_, now_);
        const auto reason = request_.load ? StaleReason::load_slow : StaleReason::not_loaded;
        if (chain_->flights.waiting() >= chain_->options.loading.max_waiters) {
            operation_->complete(index, will_do ? Result<Answer>(kept.answer(reason, now_)) : overloaded(*chain_));
            return;
        }
        if (will_do) operation_->offer(index, kept.answer(reason, now_), kept.until(max_staleness_));
        const auto kind = request_.load ? FlightKind::load : FlightKind::lookup;
        auto joined = chain_->flights.join(probe, kind, now_, deadline_,
                                           {operation_, planted(Bug::waiter_gets_first_place) ? 0 : index,
                                            request_.options.strictness, max_staleness_, kept});
        if (joined.failed) {
            operation_->complete(index, *std::move(joined.failed));
        } else if (joined.answer) {
            operation_->complete(index, *std::move(joined.answer));
        } else if (!joined.owner) {
            if (!Sources::is_loading_here(*joined.flight->probe)) return;
            operation_->complete(
                index,
                Error(Errc::recursive_load, "the loader asked cache '" + chain_->options.name +
                                                "' for the key that it is loading; read that from the source instead"));
        } else if (!answer_from_memory(joined.flight)) {
            if (!waited_for_) {
                const bool here = chain_->options.loading.run_on == RunOn::caller && request_.blocking_caller;
                waited_for_ = std::make_shared<Descent>(chain_, request_.options, loader_, here, deadline_);
            }
            waited_for_->add(std::move(joined.flight), probe, std::move(kept.entry));
        }
    }

    const ChainPtr& chain_;
    const detail::ReadRequest& request_;
    const std::shared_ptr<ReadOperation> operation_;
    const std::shared_ptr<detail::SourceFunction> loader_;
    const nanoseconds max_staleness_;
    const SteadyTime deadline_;
    const SteadyTime now_;
    std::shared_ptr<Descent> waited_for_;
    std::shared_ptr<Descent> background_; ///< has a count of the scope of its own
    std::vector<EntryPtr> hits_;          ///< that may be due to be refreshed
};

} // namespace

std::optional<Result<Answer>> look_no_further(const Chain& chain, const CallOptions& options) {
    if (!chain.tiers.empty() || chain.options.stale.keep > nanoseconds::zero()) return std::nullopt;
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
    if (chain->options.stale.keep > nanoseconds::zero()) done = counting_stale(chain, std::move(done));
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

    if (refused) {
        chain->scope->end();
        operation->fail(*refused);
        return {};
    }
    const auto timeout = request.options.timeout.value_or(chain->options.timeouts.call);
    const auto deadline = chain->after(timeout);
    TakeOff take_off(chain, request, operation, request.load ? loader : nullptr);
    take_off.look_up();
    take_off.start();
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

void refresh_if_due(const ChainPtr& chain, std::span<const EntryPtr> hits,
                    std::shared_ptr<detail::SourceFunction> loader, const CallOptions& call) {
    if (!loader) loader = chain->options.loader;
    if (!loader || hits.empty()) return;
    const auto now = chain->runtime->now();
    const auto deadline = chain->after(chain->options.timeouts.source);
    const auto load_time = chain->load_time.get();
    std::shared_ptr<Descent> descent; ///< has a count of the scope of its own
    for (const auto& hit : hits) {
        const auto random = chain->options.refresh.early > 0 ? chain->runtime->random() : 0;
        const bool due = hit->has_value() && chain->refresh_rule.is_due(hit->created, hit->expires,
                                                                        detail::to_nanos(now), load_time, random);
        if (!due || chain->failing.must_wait(hit->hash, now)) continue;
        const auto probe = chain->options.types.blank_of(*hit);
        auto flight = chain->flights.begin_refresh(probe, now, deadline, most_background(*chain));
        if (!flight) continue;
        if (!descent && chain->scope->begin()) {
            descent = std::make_shared<Descent>(chain, background_options(call), loader, false, deadline);
        }
        if (!descent) {
            for (auto& waiter : chain->flights.finish(flight))
                waiter.operation->complete(waiter.index, chain->closed_error());
            return;
        }
        chain->refreshes.add();
        descent->add(std::move(flight), probe, hit, Tier::Lookup::Refresh{hit->version, load_time, random});
    }
    // Posted: whoever has a hit waits for no codec and no connection.
    if (descent) boost::asio::post(chain->runtime->executor(), [descent] { descent->start(); });
}

} // namespace tiercel::chain
