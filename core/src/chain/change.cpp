#include "change.hpp"

#include "planted_bug.hpp"

namespace tiercel::chain {

namespace asio = boost::asio;

namespace {

bool is_failed(const TierOutcome& outcome) {
    return outcome.kind == TierOutcome::Kind::failed;
}

} // namespace

void Change::encode_keys() {
    if (chain_->tiers.empty()) return;
    for (auto& item : items_)
        item.key = chain_->wire_key(*item.entry);
}

void Change::report_skipped() {
    for (auto& item : items_) {
        for (const auto& tier : chain_->tiers)
            item.report.tiers.push_back({tier->name(), TierOutcome::Kind::skipped, {}});
    }
}

void Change::leave() {
    const auto scope = chain_->scope;
    chain_.reset();
    scope->end();
}

void Change::raise(Item& item) {
    if (!chain_->tiers.empty())
        item.raised = chain_->fences->raise(item.entry->hash);
    else
        item.raised = chain_->fences->stamp();
    if (item.flight && planted(Bug::write_leaves_loads)) return;
    chain_->flights.supersede(item.entry->ref(), item.flight.get());
}

asio::awaitable<void> Change::change_tiers(std::vector<WireValue> values) {
    struct Begun {
        Tier::PendingOutcomes stores, erases;
        std::vector<std::size_t> stored, erased;
    };
    std::vector<Begun> begun(chain_->tiers.size());
    std::size_t last = 0;
    for (std::size_t t = 0; t < begun.size(); ++t) {
        if (!options_.skip.has_tier(t)) last = t;
    }
    for (std::size_t t = 0; t < begun.size(); ++t) {
        if (options_.skip.has_tier(t)) continue;
        std::vector<Tier::Store> stores;
        std::vector<const WireKey*> erases;
        for (std::size_t i = 0; i < items_.size(); ++i) {
            auto& item = items_[i];
            if (!item.key) continue;
            if (!values.empty() && !item.refused) {
                stores.push_back({&*item.key, &values[i], item.entry->hash, t == last});
                begun[t].stored.push_back(i);
            } else {
                erases.push_back(&*item.key);
                begun[t].erased.push_back(i);
            }
        }
        if (!stores.empty()) begun[t].stores = chain_->tiers[t]->begin_write(stores, SteadyTime::max());
        if (!erases.empty()) begun[t].erases = chain_->tiers[t]->begin_erase(erases, SteadyTime::max());
    }
    for (std::size_t t = 0; t < begun.size(); ++t) {
        const auto& name = chain_->tiers[t]->name();
        if (options_.skip.has_tier(t)) {
            for (auto& item : items_)
                item.report.tiers.push_back({name, TierOutcome::Kind::skipped, {}});
            continue;
        }
        if (begun[t].stores) co_await collect(*begun[t].stores, begun[t].stored);
        if (begun[t].erases) co_await collect(*begun[t].erases, begun[t].erased);
        for (auto& item : items_) {
            if (!item.key) item.report.tiers.push_back({name, TierOutcome::Kind::failed, item.key.error()});
        }
    }
}

asio::awaitable<void> Change::collect(Signal<Tier::Outcomes>& signal, const std::vector<std::size_t>& which) {
    auto outcomes = co_await signal.wait();
    for (std::size_t n = 0; n < which.size(); ++n)
        items_[which[n]].report.tiers.push_back(std::move(outcomes[n]));
}

void Change::settle(Item& item) {
    if (chain_->tiers.empty()) return;
    auto& outcomes = item.report.tiers;
    std::optional<std::size_t> farthest;
    bool all_told = true;
    for (std::size_t t = 0; t < outcomes.size(); ++t) {
        if (is_failed(outcomes[t])) {
            farthest = t;
        } else if (outcomes[t].kind != TierOutcome::Kind::done &&
                   outcomes[t].kind != TierOutcome::Kind::too_large) { // which was erased
            all_told = false;
        }
    }
    if (item.flight && !item.refused && item.report.complete() && all_told) {
        for (const auto& repairs : chain_->repairs)
            repairs->has_newer(*item.key, item.entry->version);
    }
    if (farthest && item.key && chain_->scope->open()) {
        for (std::size_t t = 0; t <= *farthest; ++t) {
            if (!is_failed(outcomes[t])) continue;
            outcomes[t].kind = TierOutcome::Kind::queued;
            if (t == *farthest && all_told) {
                chain_->repairs[t]->owe({*item.key, item.entry->hash, item.raised});
            } else {
                chain_->repairs[t]->owe_erasure(*item.key, item.raised);
            }
        }
        if (all_told) return;
    }
    const bool no_tier_can_hold_it = !item.key && item.key.error() == Errc::invalid_key;
    chain_->fences->settle(item.entry->hash, item.raised, (!farthest && all_told) || no_tier_can_hold_it);
}

} // namespace tiercel::chain
