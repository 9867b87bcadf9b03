#include "memory/shard.hpp"

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <utility>

namespace tiercel::memory {
namespace {

/// Entries looked at by one insert, and by one step of expire(): they bound how long the lock is held for expiry.
constexpr std::uint32_t insert_sweep = 16;
constexpr std::uint32_t expire_sweep = 256;

} // namespace

Shard::Shard(const ShardOptions& options)
    : options_(options), held_{Table(options.key_equal), make_policy(), nullptr, 0}, uses_(held_.policy->uses()) {}

std::unique_ptr<Policy> Shard::make_policy() const {
    auto policy = options_.policy.make();
    policy->set_capacity(options_.max_entries == std::numeric_limits<std::uint64_t>::max() ? 0 : options_.max_entries);
    return policy;
}

EntryPtr Shard::find(const Lookup& lookup, Departures& departures) noexcept {
    const std::lock_guard lock(mutex_);
    Entry* entry = held_.table.find(lookup);
    if (entry != nullptr && options_.expiry.can_die(*entry)) {
        const Nanos time = now();
        if (options_.expiry.deadline(*entry) <= time) {
            remove(*entry, Exit::dropped, RemovalCause::expired, departures);
            entry = nullptr;
        } else if (options_.expiry.slides()) {
            entry->last_used.store(time, std::memory_order_relaxed);
        }
    }
    if (entry == nullptr) {
        ++counts_.misses;
        return {};
    }
    if (uses_.count_to != 0) entry->count_use(uses_.count_to);
    if (uses_.told == Uses::Told::all || (uses_.told == Uses::Told::some && (entry->hash & uses_.sample) == 0))
        held_.policy->on_hit(*entry);
    ++counts_.hits;
    return EntryPtr(entry);
}

EntryPtr Shard::peek(const Lookup& lookup) const noexcept {
    const std::lock_guard lock(mutex_);
    Entry* const entry = held_.table.find(lookup);
    return entry == nullptr || is_dead(*entry) ? EntryPtr() : EntryPtr(entry);
}

Insert Shard::insert(EntryPtr entry, std::uint64_t mixed, const std::atomic<std::uint64_t>& fence, std::uint64_t began,
                     Departures& departures) {
    const std::lock_guard lock(mutex_);
    if (closed_) return Insert::closed;
    if (fence.load(std::memory_order_acquire) > began) {
        ++counts_.fenced;
        return Insert::fenced;
    }
    if (entry->weight > options_.max_weight) {
        ++counts_.too_heavy;
        if (Entry* const old = held_.table.find({entry->ref(), mixed}))
            remove(*old, Exit::dropped, is_dead(*old) ? RemovalCause::expired : RemovalCause::size, departures);
        return Insert::too_heavy;
    }

    Nanos time = std::numeric_limits<Nanos>::min(); // nothing dies, and nobody looks
    if (held_.wheel != nullptr || options_.expiry.can_die(*entry)) {
        time = now();
        if (held_.wheel == nullptr) held_.wheel = std::make_unique<TimingWheel>(time, options_.expiry);
        std::uint32_t budget = insert_sweep;
        sweep(time, budget, departures);
    }
    const Entry* const held = held_.table.find({entry->ref(), mixed});
    const bool is_new = held == nullptr || options_.expiry.deadline(*held) <= time; // the dead leave nothing to inherit
    if (is_new) held_.policy->prepare(entry->hash);
    Entry& fresh = *entry;
    EntryPtr old = held_.table.put(std::move(entry)); // the last step that may throw
    if (old != nullptr) {
        if (is_new) {
            held_.policy->on_remove(*old, Exit::dropped);
        } else {
            held_.policy->on_replace(*old, fresh);
        }
        leave(std::move(old), is_new ? RemovalCause::expired : RemovalCause::replaced, departures);
    }
    while (is_full_for(fresh.weight)) {
        Entry& victim = *held_.policy->victim(&fresh);
        const bool was_dead = options_.expiry.deadline(victim) <= time;
        remove(victim, Exit::evicted, was_dead ? RemovalCause::expired : RemovalCause::size, departures);
    }
    if (is_new) held_.policy->on_insert(fresh);
    held_.weight += fresh.weight;
    if (options_.expiry.slides()) fresh.last_used.store(time, std::memory_order_relaxed);
    if (options_.expiry.deadline(fresh) != never) held_.wheel->schedule(fresh);
    ++counts_.inserts;
    return Insert::stored;
}

bool Shard::erase(const Lookup& lookup, RemovalCause cause, Departures& departures) noexcept {
    const std::lock_guard lock(mutex_);
    Entry* const entry = held_.table.find(lookup);
    if (entry == nullptr) return false;
    const bool was_dead = is_dead(*entry);
    remove(*entry, Exit::dropped, was_dead ? RemovalCause::expired : cause, departures);
    return !was_dead;
}

void Shard::clear(RemovalCause cause, Departures& departures) {
    Contents contents{Table(options_.key_equal), make_policy(), nullptr, 0};
    {
        const std::lock_guard lock(mutex_);
        exchange_all(contents, cause);
    }
    contents.depart(cause, departures);
}

void Shard::close(Departures& departures) noexcept {
    Contents contents{Table(options_.key_equal), nullptr, nullptr, 0}; // a closed shard has no use for a policy
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        exchange_all(contents, RemovalCause::closed);
    }
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
    stats.hits += counts_.hits;
    stats.misses += counts_.misses;
    stats.inserts += counts_.inserts;
    stats.fenced += counts_.fenced;
    stats.too_heavy += counts_.too_heavy;
    stats.entries += held_.table.size();
    stats.weight += held_.weight;
    for (std::size_t cause = 0; cause < removal_cause_count; ++cause)
        stats.removals[cause] += counts_.removals[cause];
}

void Shard::Contents::swap(Contents& other) noexcept {
    table.swap(other.table);
    policy.swap(other.policy);
    wheel.swap(other.wheel);
    std::swap(weight, other.weight);
}

void Shard::Contents::depart(RemovalCause cause, Departures& departures) noexcept {
    policy.reset(); // these unlink the hooks of every entry
    wheel.reset();
    table.drain([&](EntryPtr entry) { departures.add(std::move(entry), cause); });
}

/// Everything leaves, into `contents`, in O(1).
void Shard::exchange_all(Contents& contents, RemovalCause cause) noexcept {
    held_.swap(contents);
    counts_.removals[static_cast<std::size_t>(cause)] += contents.table.size();
}

Nanos Shard::now() const noexcept {
    return detail::to_nanos(options_.clock.now());
}

bool Shard::is_dead(const Entry& entry) const noexcept {
    return options_.expiry.can_die(entry) && options_.expiry.deadline(entry) <= now();
}

/// Whether the table, in which the new entry is already counted but not weighed, is over a bound with it.
bool Shard::is_full_for(std::uint64_t weight) const noexcept {
    return held_.table.size() > options_.max_entries || weight > options_.max_weight - held_.weight;
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
    held_.table.for_each([&](const Entry& entry) {
        weight += entry.weight;
        if (!belongs(entry.hash)) broken = "shard: an entry belongs to another shard";
        if (held_.table.find({entry.ref(), mix(entry.hash)}) != &entry) broken = "table: an entry is not found by key";
        if (in_policy[&entry] != 1) broken = "policy: an entry of the table is not in it once";
        const bool dies = options_.expiry.deadline(entry) != never;
        mortal += dies ? 1 : 0;
        if (dies && in_wheel[&entry] != 1) broken = "wheel: an entry that can die is not in it once";
    });
    if (!broken.empty()) return broken;
    if (in_policy.size() != held_.table.size()) return "policy: holds an entry that the table does not";
    if (in_wheel.size() != mortal) return "wheel: holds an entry that the table does not, or that cannot die";
    if (weight != held_.weight) return "shard: the weights do not add up";
    if (held_.table.size() > options_.max_entries) return "shard: more entries than the bound";
    if (weight > options_.max_weight) return "shard: more weight than the bound";
    return {};
}

} // namespace tiercel::memory
