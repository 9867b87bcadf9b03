#include "memory/shard.hpp"

#include "planted_bug.hpp"

#include <algorithm>
#include <new>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tiercel::memory {
namespace {

/// Entries looked at by one insert, and by one step of expire(): they bound how long the lock is held for expiry.
constexpr std::uint32_t insert_sweep = 16;
constexpr std::uint32_t expire_sweep = 256;
/// The same for entries that leave in one step of a bound that shrinks.
constexpr std::uint32_t bounds_step = 256;

/// In inserts.
constexpr std::uint64_t ask_uses_every = 256;

} // namespace

Shard::Shard(const ShardOptions& options)
    : expiry_(options.expiry),
      clock_(*options.clock),
      held_{Table(options.holds_key, options.max_entries), nullptr, nullptr},
      options_(options) {
    held_.policy = make_policy(*options_.policy, options.first);
    uses_.set(held_.policy->uses());
}

void Shard::SharedUses::set(const Uses& uses) noexcept {
    count_to.store(uses.count_to, std::memory_order_relaxed);
    sample.store(uses.sample, std::memory_order_relaxed);
    told.store(uses.told, std::memory_order_relaxed);
}

std::unique_ptr<Policy> Shard::make_policy(const PolicyKind& kind, const Policy* first) const {
    auto policy = first != nullptr ? first->sibling() : nullptr;
    if (policy == nullptr) policy = kind.make();
    policy->set_capacity(options_.max_entries == no_bound ? 0 : options_.max_entries);
    return policy;
}

void Shard::ask_uses() noexcept {
    const std::lock_guard lock(mutex_);
    if (!closed_) uses_.set(held_.policy->uses());
}

/// Of one that can die; a use puts a sliding expiry off.
bool Shard::is_alive_when_used(Entry& entry) const noexcept {
    if (planted(Bug::expired_entry_is_found)) return true;
    if (!expiry_.slides()) return is_surely_alive(entry) || entry.expires > now();
    const Nanos time = now();
    if (expiry_.fresh_until(entry) <= time) return false;
    mark_used(entry, time);
    return true;
}

/// Forward only, however late this reader comes.
void Shard::mark_used(Entry& entry, Nanos time) const noexcept {
    auto used = entry.last_used.load(std::memory_order_relaxed);
    while (used < time && !entry.last_used.compare_exchange_weak(used, time, std::memory_order_relaxed)) {
    }
}

void Shard::tell_policy(Entry& entry, Uses::Told told) noexcept {
    std::unique_lock lock(mutex_, std::defer_lock);
    if (told == Uses::Told::all) {
        lock.lock();
    } else if (!lock.try_lock()) {
        return;
    }
    if (held_.table.has(entry)) held_.policy->on_hit(entry);
}

/// By a clock that is cheap to read, and may be behind.
bool Shard::is_surely_alive(const Entry& entry) const noexcept {
    constexpr Nanos lag = std::chrono::nanoseconds(spi::Clock::coarse_lag).count();
    return entry.expires > lag && entry.expires - lag > detail::to_nanos(clock_.coarse_now());
}

bool Shard::drop_dead(Entry& entry, Departures& departures) noexcept {
    const std::lock_guard lock(mutex_);
    if (!held_.table.has(entry) || !is_dead(entry)) return false;
    remove(entry, Exit::dropped, RemovalCause::expired, departures);
    return true;
}

EntryPtr Shard::peek(KeyRef key) const noexcept {
    const Epochs::Pin pin;
    EntryPtr entry = held_.table.find(key);
    return entry == nullptr || !is_fresh(*entry) ? nullptr : entry;
}

EntryPtr Shard::use_stale(KeyRef key) noexcept {
    EntryPtr entry = [&] {
        const Epochs::Pin pin;
        return held_.table.find(key);
    }();
    if (entry == nullptr || is_dead(*entry)) return nullptr;
    if (expiry_.slides()) mark_used(*entry, now());
    if (const auto most = uses_.count_to.load(std::memory_order_relaxed); most != 0) entry->count_use(most);
    if (const auto told = uses_.told.load(std::memory_order_relaxed); told != Uses::Told::none)
        tell_policy(*entry, told);
    return entry;
}

Insert Shard::insert(EntryPtr entry, const std::atomic<std::uint64_t>& fence, std::uint64_t began,
                     Departures& departures) {
    const std::lock_guard lock(mutex_);
    if (closed_) return Insert::closed;
    if (fence.load(std::memory_order_acquire) > began && !planted(Bug::superseded_entry_is_inserted)) {
        ++counts_.fenced;
        return Insert::fenced;
    }
    if (entry->weight > options_.max_weight) {
        ++counts_.too_heavy;
        if (Entry* const old = held_.table.held(entry->ref()))
            remove(*old, Exit::dropped, is_dead(*old) ? RemovalCause::expired : RemovalCause::size, departures);
        return Insert::too_heavy;
    }

    const bool can_die = expiry_.can_die(*entry);
    if (held_.wheel != nullptr || can_die) {
        const Nanos time = detail::to_nanos(clock_.coarse_now());
        if (held_.wheel == nullptr) held_.wheel = std::make_unique<TimingWheel>(time, expiry_);
        if (time != held_.swept) {
            std::uint32_t budget = insert_sweep;
            sweep(time, budget, departures);
            if (budget != 0) held_.swept = time;
        }
        if (can_die) held_.wheel->reserve_one();
    }

    Entry* old = held_.table.held(entry->ref()); // after the sweep, which may have taken it
    if (old != nullptr && is_outdated(*entry, *old)) return Insert::outdated;
    if (old != nullptr && is_dead(*old)) { // the dead leave nothing to inherit
        remove(*old, Exit::dropped, RemovalCause::expired, departures);
        old = nullptr;
    }
    Entry& fresh = *entry;
    if (old == nullptr) {
        held_.table.reserve_one();
        held_.policy->prepare(fresh.hash); // the last step that may throw
        make_room_for(1, fresh.weight, nullptr, departures);
    }
    if (expiry_.slides()) fresh.last_used.store(now(), std::memory_order_relaxed);
    const bool dies = can_die && expiry_.deadline(fresh) != never;
    fresh.publish();
    if (old == nullptr) {
        held_.policy->on_insert(fresh);
        held_.table.insert(std::move(entry));
        if (dies) held_.wheel->schedule(fresh);
    } else {
        held_.policy->on_replace(*old, fresh);
        if (dies) held_.wheel->replace(*old, fresh);
        leave(held_.table.exchange(*old, std::move(entry)), RemovalCause::replaced, departures);
        make_room_for(0, fresh.weight, &fresh, departures);
    }
    held_.weight += fresh.weight;
    if (++counts_.inserts % ask_uses_every == 0) uses_.set(held_.policy->uses());
    return Insert::stored;
}

bool Shard::erase(KeyRef key, RemovalCause cause, Departures& departures) noexcept {
    const std::lock_guard lock(mutex_);
    Entry* const entry = held_.table.held(key);
    if (entry == nullptr) return false;
    const bool was_dead = is_dead(*entry);
    remove(*entry, Exit::dropped, was_dead ? RemovalCause::expired : cause, departures);
    return !was_dead;
}

bool Shard::set_bounds(std::uint64_t max_entries, std::uint64_t max_weight, Departures& departures) {
    const std::lock_guard lock(mutex_);
    if (closed_) return true;
    held_.policy->set_capacity(max_entries == no_bound ? 0 : max_entries); // may throw, and then nothing has changed
    options_.max_entries = max_entries;
    options_.max_weight = max_weight;
    uses_.set(held_.policy->uses());
    for (std::uint32_t left = 0; !has_room_for(0, 0); ++left) {
        if (left == bounds_step) return false;
        evict(nullptr, departures);
    }
    return true;
}

void Shard::set_policy(const PolicyKind& kind, const Policy* first, Departures& departures) {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    std::vector<Entry*> order;
    order.reserve(held_.table.size());
    auto fresh = make_policy(kind, first);
    options_.policy = &kind;
    (void)held_.policy->walk([&](const Entry& entry) { order.push_back(const_cast<Entry*>(&entry)); });
    bool fits = true; // for lack of memory, the rest leaves
    for (Entry* const entry : order) {
        try {
            if (fits) fresh->prepare(entry->hash);
        } catch (const std::bad_alloc&) {
            fits = false;
        }
        if (!fits) {
            remove(*entry, Exit::dropped, RemovalCause::size, departures);
            continue;
        }
        held_.policy->on_remove(*entry, Exit::dropped);
        entry->set_uses(0);
        fresh->on_insert(*entry);
    }
    held_.policy = std::move(fresh);
    uses_.set(held_.policy->uses());
}

void Shard::clear(RemovalCause cause, Departures& departures) {
    std::unique_lock lock(mutex_);
    if (closed_) return;
    Contents contents{Table(options_.holds_key, options_.max_entries),
                      make_policy(*options_.policy, held_.policy.get()), nullptr};
    exchange_all(contents, cause);
    lock.unlock();
    contents.depart(cause, departures);
}

void Shard::close(Departures& departures) noexcept {
    std::unique_lock lock(mutex_);
    closed_ = true;
    Contents contents{Table(options_.holds_key, 0), nullptr, nullptr}; // a closed shard has no use for a policy
    exchange_all(contents, RemovalCause::closed);
    lock.unlock();
    contents.depart(RemovalCause::closed, departures);
}

bool Shard::expire(Nanos time, Departures& departures) noexcept {
    const std::lock_guard lock(mutex_);
    if (held_.wheel == nullptr) return false;
    std::uint32_t budget = expire_sweep;
    sweep(time, budget, departures);
    return budget == 0;
}

void Shard::add_to(StoreStats& stats) const {
    const std::lock_guard lock(mutex_);
    stats.inserts += counts_.inserts;
    stats.fenced += counts_.fenced;
    stats.too_heavy += counts_.too_heavy;
    stats.entries += held_.table.size();
    stats.weight += held_.weight;
    if (options_.max_entries != no_bound) stats.max_entries += options_.max_entries;
    if (options_.max_weight != no_bound) stats.max_weight += options_.max_weight;
    for (std::size_t cause = 0; cause < removal_cause_count; ++cause)
        stats.removals[cause] += counts_.removals[cause];
}

void Shard::Contents::swap(Contents& other) noexcept {
    table.swap(other.table);
    policy.swap(other.policy);
    wheel.swap(other.wheel);
    std::swap(weight, other.weight);
    std::swap(swept, other.swept);
}

void Shard::Contents::depart(RemovalCause cause, Departures& departures) noexcept {
    policy.reset(); // unlinks the hook of every entry
    wheel.reset();  // their timers' numbers mean nothing any more
    table.drain([&](EntryPtr entry) { departures.add(std::move(entry), cause); });
}

/// Everything leaves, into `contents`, in O(1).
void Shard::exchange_all(Contents& contents, RemovalCause cause) noexcept {
    held_.swap(contents);
    counts_.removals[static_cast<std::size_t>(cause)] += contents.table.size();
}

Nanos Shard::now() const noexcept {
    return detail::to_nanos(clock_.now());
}

/// Past its life already when it comes, and no newer than what is there.
bool Shard::is_outdated(const Entry& entry, const Entry& old) const noexcept {
    return expiry_.keep_stale != 0 && old.version >= entry.version && !is_fresh(entry) && !is_dead(old);
}

bool Shard::is_fresh(const Entry& entry) const noexcept {
    if (!expiry_.can_die(entry) || (!expiry_.slides() && is_surely_alive(entry))) return true;
    return expiry_.fresh_until(entry) > now();
}

bool Shard::is_dead(const Entry& entry) const noexcept {
    if (!expiry_.can_die(entry) || (!expiry_.slides() && is_surely_alive(entry))) return false;
    return expiry_.deadline(entry) <= now();
}

bool Shard::has_room_for(std::uint64_t entries, std::uint64_t weight) const noexcept {
    return held_.table.size() + entries <= options_.max_entries && held_.weight <= options_.max_weight &&
           weight <= options_.max_weight - held_.weight;
}

void Shard::make_room_for(std::uint64_t entries, std::uint64_t weight, const Entry* spared,
                          Departures& departures) noexcept {
    while (!has_room_for(entries, weight))
        evict(spared, departures);
}

void Shard::evict(const Entry* spared, Departures& departures) noexcept {
    Entry& victim = *held_.policy->victim(spared);
    remove(victim, Exit::evicted, is_dead(victim) ? RemovalCause::expired : RemovalCause::size, departures);
}

void Shard::remove(Entry& entry, Exit why, RemovalCause cause, Departures& departures) noexcept {
    held_.policy->on_remove(entry, why);
    leave(held_.table.take(entry), cause, departures);
}

/// The rest of leaving, for one that is out of table and policy.
void Shard::leave(EntryPtr entry, RemovalCause cause, Departures& departures) noexcept {
    if (held_.wheel != nullptr) held_.wheel->cancel(*entry);
    held_.weight -= entry->weight;
    ++counts_.removals[static_cast<std::size_t>(cause)];
    if (cause == RemovalCause::replaced && planted(Bug::replaced_value_is_not_told_of)) return;
    departures.add(std::move(entry), cause);
}

void Shard::sweep(Nanos time, std::uint32_t& budget, Departures& departures) noexcept {
    while (Entry* const entry = held_.wheel->next_due(time, budget))
        remove(*entry, Exit::dropped, RemovalCause::expired, departures);
}

std::string Shard::check_invariants(const std::function<bool(std::uint64_t)>& belongs) const {
    const std::lock_guard lock(mutex_);
    std::unordered_map<const Entry*, int> in_policy;
    std::unordered_map<const Entry*, int> in_wheel;
    if (held_.policy != nullptr)
        if (std::string broken = held_.policy->walk([&](const Entry& entry) { ++in_policy[&entry]; }); !broken.empty())
            return broken;
    if (held_.wheel != nullptr)
        if (std::string broken = held_.wheel->walk([&](const Entry& entry) { ++in_wheel[&entry]; }); !broken.empty())
            return broken;

    std::string broken;
    std::uint64_t weight = 0;
    std::size_t mortal = 0;
    std::size_t seen = 0;
    held_.table.for_each([&](const Entry& entry) {
        ++seen;
        weight += entry.weight;
        if (!belongs(entry.hash)) broken = "shard: an entry belongs to another shard";
        if (held_.table.held(entry.ref()) != &entry) broken = "table: an entry is not found by key";
        if (!held_.table.has(entry)) broken = "table: an entry is not found by itself";
        if (in_policy[&entry] != 1) broken = "policy: an entry of the table is not in it once";
        const bool dies = expiry_.deadline(entry) != never;
        mortal += dies ? 1 : 0;
        if (dies && in_wheel[&entry] != 1) broken = "wheel: an entry that can die is not in it once";
    });
    if (!broken.empty()) return broken;
    if (seen != held_.table.size()) return "table: it does not hold as many entries as it counts";
    if (in_policy.size() != held_.table.size()) return "policy: holds an entry that the table does not";
    if (in_wheel.size() != mortal) return "wheel: holds an entry that the table does not, or that cannot die";
    if (weight != held_.weight) return "shard: the weights do not add up";
    if (held_.table.size() > options_.max_entries) return "shard: more entries than the bound";
    if (weight > options_.max_weight) return "shard: more weight than the bound";
    return {};
}

} // namespace tiercel::memory
