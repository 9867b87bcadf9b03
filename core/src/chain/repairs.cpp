#include "repairs.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <utility>

namespace tiercel::chain {

namespace asio = boost::asio;
using std::chrono::nanoseconds;

namespace {

/// Keys of one round trip.
constexpr std::size_t batch_keys = 512;

} // namespace

Repairs::Repairs(std::shared_ptr<Tier> tier, std::shared_ptr<Fences> fences, std::shared_ptr<spi::Runtime> runtime,
                 std::shared_ptr<Scope> scope, std::shared_ptr<Events> events)
    : tier_(std::move(tier)),
      fences_(std::move(fences)),
      runtime_(std::move(runtime)),
      scope_(std::move(scope)),
      events_(std::move(events)) {}

void Repairs::add(const WireKey& key, std::shared_ptr<Repair> repair) {
    std::shared_ptr<Repair> older;
    bool begins = false;
    bool full = false;
    {
        const std::lock_guard lock(mutex_);
        const auto ticket = ++last_ticket_;
        const auto place = keys_.find(key.bytes);
        if (place != keys_.end()) {
            older = std::exchange(place->second.repair, std::move(repair));
            place->second.ticket = ticket;
            order_.emplace_back(ticket, key.bytes);
        } else if (keys_.size() < most_keys) {
            keys_.emplace(key.bytes, Waiting{std::move(repair), key, ticket});
            order_.emplace_back(ticket, key.bytes);
        } else {
            full = true;
        }
        // Additions of the same keys leave more in the order than there are keys.
        if (order_.size() > 4 * most_keys) {
            std::erase_if(order_, [this](const auto& entry) {
                const auto at = keys_.find(entry.second);
                return at == keys_.end() || at->second.ticket != entry.first;
            });
        }
        begins = !std::exchange(armed_, true);
    }
    if (older) older->done_at_a_tier(); // the newer addition's fence stands above its own
    if (full) overflow();
    if (begins) arm(first_pause);
}

void Repairs::overflow() {
    const auto stamp = fences_->raise_all(); // which settles all that is fenced
    {
        const std::lock_guard lock(mutex_);
        keys_.clear();
        order_.clear();
        clear_before_ = std::max(clear_before_, stamp);
    }
    overflows_.add();
    events_->tell(RepairsOverflowed{tier_->name()});
}

std::size_t Repairs::waiting() const {
    const std::lock_guard lock(mutex_);
    return keys_.size() + (clear_before_ != 0 ? 1 : 0);
}

void Repairs::arm(nanoseconds pause) {
    const auto shortened =
        static_cast<std::int64_t>(runtime_->random() % static_cast<std::uint64_t>(pause.count() / 2));
    runtime_->call_at(runtime_->now() + pause - nanoseconds(shortened), [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->run();
    });
}

void Repairs::run() {
    if (!scope_->open() || !scope_->begin()) return; // for good: the cache is closed
    if (!tier_->in_use()) {
        scope_->end();
        arm(first_pause); // the breaker has its own pauses
        return;
    }
    auto batch = next_batch();
    if (batch.clear_before == 0 && batch.keys.empty()) {
        scope_->end();
        return;
    }
    asio::co_spawn(runtime_->executor(), work(shared_from_this(), std::move(batch)), asio::detached);
}

Repairs::Batch Repairs::next_batch() {
    const std::lock_guard lock(mutex_);
    Batch batch;
    batch.clear_before = clear_before_;
    if (clear_before_ != 0) return batch;
    for (const auto& [ticket, bytes] : order_) {
        const auto place = keys_.find(bytes);
        if (place == keys_.end() || place->second.ticket != ticket) continue;
        batch.keys.push_back(place->second);
        if (batch.keys.size() == batch_keys) break;
    }
    armed_ = !batch.keys.empty();
    return batch;
}

asio::awaitable<void> Repairs::work(std::shared_ptr<Repairs> self, Batch batch) {
    Tier::PendingOutcomes signal;
    if (batch.clear_before != 0) {
        signal = self->tier_->begin_clear(batch.clear_before, SteadyTime::max());
    } else {
        std::vector<const WireKey*> keys;
        keys.reserve(batch.keys.size());
        for (const auto& waiting : batch.keys)
            keys.push_back(&waiting.key);
        signal = self->tier_->begin_erase(keys, SteadyTime::max());
    }
    const auto outcomes = co_await signal->wait();
    const bool taken = self->settle(batch, outcomes);
    nanoseconds pause{};
    {
        const std::lock_guard lock(self->mutex_);
        self->armed_ = !self->keys_.empty() || self->clear_before_ != 0;
        self->pause_ = taken ? nanoseconds(first_pause) : std::min<nanoseconds>(2 * self->pause_, longest_pause);
        if (self->armed_) pause = self->pause_;
    }
    if (pause != nanoseconds::zero()) self->arm(pause);
    const auto scope = self->scope_;
    self.reset();
    scope->end();
}

bool Repairs::settle(const Batch& batch, const Tier::Outcomes& outcomes) {
    const auto is_done = [&](std::size_t i) { return outcomes[i].kind == TierOutcome::Kind::done; };
    if (batch.clear_before != 0) {
        if (!is_done(0)) return false;
        const std::lock_guard lock(mutex_);
        if (clear_before_ == batch.clear_before) clear_before_ = 0;
        done_.add();
        return true;
    }
    bool all = true;
    std::vector<std::shared_ptr<Repair>> repaired;
    {
        const std::lock_guard lock(mutex_);
        for (std::size_t i = 0; i < batch.keys.size(); ++i) {
            const auto place = keys_.find(batch.keys[i].key.bytes);
            if (!is_done(i)) {
                all = false;
            } else if (place != keys_.end() && place->second.ticket == batch.keys[i].ticket) {
                repaired.push_back(place->second.repair);
                keys_.erase(place);
            }
        }
        while (!order_.empty()) {
            const auto place = keys_.find(order_.front().second);
            if (place != keys_.end() && place->second.ticket == order_.front().first) break;
            order_.pop_front();
        }
    }
    for (const auto& repair : repaired)
        repair->done_at_a_tier();
    done_.add(repaired.size());
    return all;
}

} // namespace tiercel::chain
