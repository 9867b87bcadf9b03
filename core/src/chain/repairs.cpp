#include "repairs.hpp"

#include "planted_bug.hpp"

#include <tiercel/spi/run_loop.hpp>

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

Repairs::Repairs(std::shared_ptr<Tier> tier, std::shared_ptr<Repairs> nearer, std::shared_ptr<Fences> fences,
                 std::shared_ptr<spi::Runtime> runtime, std::shared_ptr<Scope> scope, std::shared_ptr<Events> events)
    : tier_(std::move(tier)),
      nearer_(std::move(nearer)),
      fences_(std::move(fences)),
      runtime_(std::move(runtime)),
      scope_(std::move(scope)),
      events_(std::move(events)) {}

void Repairs::owe(const Repair& repair) {
    const Fenced fenced{repair.hash, repair.raised};
    add(repair.key, &fenced, repair.raised, 0);
}

void Repairs::owe_erasure(const WireKey& key, std::uint64_t raised) {
    add(key, nullptr, raised, 0);
}

void Repairs::has_newer(const WireKey& key, std::uint64_t version) {
    const std::lock_guard lock(mutex_);
    const auto place = keys_.find(key.bytes);
    if (place != keys_.end()) place->second.newer = std::max(place->second.newer, version);
}

void Repairs::add(const WireKey& key, const Fenced* fenced, std::uint64_t raised, std::uint64_t newer) {
    bool full = false;
    bool begins = false;
    {
        const std::lock_guard lock(mutex_);
        full = keys_.find(key.bytes) == keys_.end() &&
               (keys_.size() >= most_keys || bytes_ + key.bytes.size() > most_bytes);
        if (!full) {
            const auto [place, is_new] = keys_.try_emplace(key.bytes);
            auto& owed = place->second;
            if (is_new) {
                owed.fingerprint = key.fingerprint;
                bytes_ += key.bytes.size();
            } else {
                order_.erase(owed.ticket);
            }
            owed.raised = std::max(owed.raised, raised);
            owed.newer = std::max(owed.newer, newer);
            owed.ticket = ++last_ticket_;
            order_.emplace(owed.ticket, &place->first);
            if (fenced != nullptr) owed.fenced.push_back(*fenced);
            begins = begin();
        }
    }
    if (full) {
        overflow();
        if (fenced != nullptr)
            pass_on(
                key,
                {.fingerprint = key.fingerprint, .fenced = {*fenced}, .ticket = 0, .raised = raised, .newer = newer});
    }
    if (begins) arm(first_pause);
}

void Repairs::owe_clear(std::uint64_t stamp) {
    bool begins = false;
    {
        const std::lock_guard lock(mutex_);
        if (planted(Bug::clear_is_not_owed)) return;
        clear_before_ = std::max(clear_before_, stamp);
        begins = begin();
    }
    if (begins) arm(first_pause);
}

/// With the mutex held: whether the caller is to arm.
bool Repairs::begin() {
    return !std::exchange(armed_, true);
}

/// For this process the tier has nothing older than the stamp any more, which is as good as having erased the keys.
void Repairs::overflow() {
    Keys dropped;
    bool is_news = false;
    {
        const std::lock_guard lock(mutex_);
        dropped.swap(keys_);
        order_.clear();
        bytes_ = 0;
        is_news = clear_before_ == 0;
    }
    const auto stamp = fences_->stamp(); // above all that was dropped, and the one that found no room
    tier_->give_up_older(stamp);
    overflows_.add();
    if (is_news) events_->tell(RepairsOverflowed{tier_->name()});
    owe_clear(stamp);
    for (const auto& [bytes, owed] : dropped)
        pass_on({bytes, owed.fingerprint}, owed);
}

/// What waited for this tier goes on: to the next nearer one, or to its fence.
void Repairs::pass_on(const WireKey& key, const Owed& owed) {
    for (const auto& one : owed.fenced) {
        if (nearer_) {
            nearer_->add(key, &one, owed.raised, owed.newer);
        } else {
            fences_->settle(one.hash, one.raised, true);
        }
    }
}

std::size_t Repairs::waiting() const {
    const std::lock_guard lock(mutex_);
    return keys_.size() + (clear_before_ != 0 ? 1 : 0);
}

void Repairs::arm(nanoseconds pause) {
    const auto shortened =
        static_cast<std::int64_t>(runtime_->random() % static_cast<std::uint64_t>(pause.count() / 2));
    const spi::RunLoop::Away away; // whoever waits here may be gone by then
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
        const auto& owed = keys_.at(*bytes);
        batch.keys.push_back({*bytes, owed.fingerprint});
        batch.tickets.push_back(ticket);
        batch.kept.push_back(owed.kept());
        if (batch.keys.size() == batch_keys) break;
    }
    armed_ = !batch.keys.empty();
    return batch;
}

asio::awaitable<void> Repairs::work(std::shared_ptr<Repairs> self, Batch batch) {
    const auto outcomes = co_await repair(self, batch);
    const bool taken = self->settle(batch, outcomes);
    nanoseconds pause{};
    {
        const std::lock_guard lock(self->mutex_);
        self->under_way_.reset();
        self->armed_ = !self->keys_.empty() || self->clear_before_ != 0;
        self->pause_ = taken ? nanoseconds(first_pause) : std::min<nanoseconds>(2 * self->pause_, longest_pause);
        if (self->armed_) pause = self->pause_;
    }
    const bool goes_on = taken || !planted(Bug::repairs_end_with_a_failure);
    if (pause != nanoseconds::zero() && goes_on) self->arm(pause);
    const auto scope = self->scope_;
    self.reset();
    scope->end();
}

asio::awaitable<Tier::Outcomes> Repairs::repair(std::shared_ptr<Repairs> self, const Batch& batch) {
    auto& tier = *self->tier_;
    const Error closed(Errc::closed, "the cache was closed");
    const Tier::Outcomes undone(batch.clear_before != 0 ? 1 : batch.keys.size(),
                                {tier.name(), TierOutcome::Kind::failed, closed});
    if (batch.clear_before != 0) {
        co_await tier.hear_marker(); // another process may have cleared since
        if (!self->scope_->open()) co_return undone;
        const auto signal = tier.begin_clear(batch.clear_before, SteadyTime::max());
        self->begins(signal, 1);
        co_return co_await signal->wait();
    }
    std::vector<const WireKey*> looked_at;
    for (std::size_t i = 0; i < batch.keys.size(); ++i) {
        if (batch.kept[i] != 0) looked_at.push_back(&batch.keys[i]);
    }
    std::vector<std::uint64_t> found;
    if (!looked_at.empty()) found = co_await tier.versions_of(looked_at);
    if (!self->scope_->open()) co_return undone;
    std::vector<const WireKey*> erased;
    std::vector<std::size_t> at; // erased[n] is of batch.keys[at[n]]
    for (std::size_t i = 0, look = 0; i < batch.keys.size(); ++i) {
        const auto version = batch.kept[i] != 0 ? found[look++] : 0;
        if (version != 0 && (version == batch.kept[i] || planted(Bug::repair_leaves_what_it_finds))) continue;
        erased.push_back(&batch.keys[i]);
        at.push_back(i);
    }
    Tier::Outcomes outcomes(batch.keys.size(), {tier.name(), TierOutcome::Kind::done, {}});
    if (erased.empty()) co_return outcomes;
    const auto signal = tier.begin_erase(erased, SteadyTime::max());
    self->begins(signal, erased.size());
    auto taken = co_await signal->wait();
    for (std::size_t n = 0; n < at.size(); ++n)
        outcomes[at[n]] = std::move(taken[n]);
    co_return outcomes;
}

/// From here on give_up() ends it.
void Repairs::begins(const Tier::PendingOutcomes& signal, std::size_t size) {
    {
        const std::lock_guard lock(mutex_);
        under_way_ = signal;
        under_way_size_ = size;
    }
    if (!scope_->open()) give_up(); // close() may have missed it
}

bool Repairs::settle(const Batch& batch, const Tier::Outcomes& outcomes) {
    const auto is_done = [&](std::size_t i) {
        return outcomes[i].kind == TierOutcome::Kind::done || planted(Bug::failed_repair_is_done);
    };
    if (batch.clear_before != 0) {
        if (!is_done(0)) return false;
        const std::lock_guard lock(mutex_);
        if (clear_before_ == batch.clear_before) clear_before_ = 0;
        done_.add();
        return true;
    }
    bool all = true;
    std::vector<std::pair<WireKey, Owed>> repaired;
    {
        const std::lock_guard lock(mutex_);
        for (std::size_t i = 0; i < batch.keys.size(); ++i) {
            if (!is_done(i)) all = false;
            const auto place = keys_.find(batch.keys[i].bytes);
            if (place == keys_.end() || place->second.ticket != batch.tickets[i]) continue; // owed again, or given up
            auto& owed = place->second;
            order_.erase(owed.ticket);
            if (is_done(i)) {
                repaired.emplace_back(batch.keys[i], std::move(owed));
                bytes_ -= place->first.size();
                keys_.erase(place);
            } else {
                owed.ticket = ++last_ticket_;
                order_.emplace(owed.ticket, &place->first);
            }
        }
    }
    for (const auto& [key, owed] : repaired)
        pass_on(key, owed);
    done_.add(repaired.size());
    return all;
}

void Repairs::give_up() {
    Tier::PendingOutcomes under_way;
    std::size_t size = 0;
    {
        const std::lock_guard lock(mutex_);
        under_way = under_way_;
        size = under_way_size_;
    }
    if (!under_way) return;
    const Error why(Errc::closed, "the cache was closed");
    under_way->set(Tier::Outcomes(size, {tier_->name(), TierOutcome::Kind::failed, why}));
}

} // namespace tiercel::chain
