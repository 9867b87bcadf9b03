#include "change.hpp"
#include "write_path.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace tiercel::chain {

namespace asio = boost::asio;

detail::Cancel clear(const ChainPtr& chain, CallOptions options, std::function<void(Result<WriteReport>)> done) {
    if (!chain->scope->begin()) {
        done(chain->closed_error());
        return {};
    }
    if (const auto refused = check(options)) {
        chain->scope->end();
        done(*refused);
        return {};
    }
    // The tiers' values lose belief first: a lookup that begins after supersede_all() must not find them any more.
    const auto stamp = chain->fences->raise_all();
    chain->flights.supersede_all();
    WriteReport report;
    report.in_memory = chain->store.stats().entries != 0;
    chain->store.clear();
    if (!chain->has_tiers(options.skip)) {
        chain->scope->end();
        done(std::move(report));
        return {};
    }
    auto operation = std::make_shared<WriteOperation>(
        chain->runtime, 1, [done = std::move(done)](detail::Reports reports) { done(std::move(reports.front())); });
    const auto timeout = options.timeout.value_or(chain->options.timeouts.call);
    operation->fail_at(chain->after(timeout), write_timeout_error(*chain, timeout));
    chain->writes.add(operation);
    asio::co_spawn(
        chain->runtime->executor_here(),
        [](ChainPtr owner, std::shared_ptr<WriteOperation> op, CallOptions opts, std::uint64_t at,
           WriteReport told) -> asio::awaitable<void> {
            std::vector<Tier::PendingOutcomes> pending(owner->tiers.size());
            for (std::size_t t = 0; t < pending.size(); ++t) {
                if (!opts.skip.has_tier(t)) pending[t] = owner->tiers[t]->begin_clear(at, SteadyTime::max());
            }
            for (std::size_t t = 0; t < pending.size(); ++t) {
                if (pending[t]) {
                    auto outcomes = co_await pending[t]->wait();
                    told.tiers.push_back(std::move(outcomes.front()));
                    if (told.tiers.back().kind == TierOutcome::Kind::failed && owner->scope->open()) {
                        told.tiers.back().kind = TierOutcome::Kind::queued;
                        owner->repairs[t]->owe_clear(at);
                    }
                } else {
                    told.tiers.push_back({owner->tiers[t]->name(), TierOutcome::Kind::skipped, {}});
                }
            }
            op->complete(0, judged(std::move(told), opts.strictness));
            const auto scope = owner->scope;
            owner.reset();
            scope->end();
        }(chain, operation, options, stamp, std::move(report)),
        asio::detached);
    return [weak = std::weak_ptr(operation)] {
        if (const auto waiting = weak.lock()) {
            waiting->fail(Error(Errc::cancelled, "the caller gave up; the write goes on and may succeed"));
        }
    };
}

} // namespace tiercel::chain
