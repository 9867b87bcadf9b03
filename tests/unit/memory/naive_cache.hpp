#pragma once

#include "test_entry.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string_view>

namespace tiercel::memory::test {

/// What the eviction policies mean, written down as plainly as can be: facts of every entry in a map, and a victim
/// found by looking at all of them.
class NaiveCache {
public:
    struct Item {
        std::uint64_t weight = 0;
        Nanos expires = never;
        Nanos last_used = 0;
        std::uint64_t uses = 1;    ///< insert counts one; a new value of a live key keeps its count
        std::uint64_t touched = 0; ///< when last inserted, replaced or hit, in operations
        std::uint64_t born = 0;    ///< when this value came, in operations
    };

    /// True if `a` is to leave before `b`.
    using Order = std::function<bool(const Item& a, const Item& b)>;

    static Order order(std::string_view policy) {
        if (policy == "lru") return [](const Item& a, const Item& b) { return a.touched < b.touched; };
        if (policy == "mru") return [](const Item& a, const Item& b) { return a.touched > b.touched; };
        if (policy == "fifo") return [](const Item& a, const Item& b) { return a.born < b.born; };
        return [](const Item& a, const Item& b) { return std::pair(a.uses, a.touched) < std::pair(b.uses, b.touched); };
    }

    NaiveCache(std::string_view policy, const StoreOptions& options)
        : leaves_before_(order(policy)),
          max_entries_(options.max_entries ? options.max_entries : UINT64_MAX),
          max_weight_(options.max_weight ? options.max_weight : UINT64_MAX),
          after_access_(options.expire_after_access) {}

    bool holds(std::uint64_t key) const { return items_.contains(key); }
    bool takes(std::uint64_t weight) const { return weight <= max_weight_; }

    bool is_dead(std::uint64_t key, Nanos now) const { return deadline(items_.at(key)) <= now; }

    bool is_full_for(std::uint64_t weight) const {
        std::uint64_t total = weight;
        for (const auto& [key, item] : items_)
            total += item.weight;
        return items_.size() + 1 > max_entries_ || total > max_weight_;
    }

    std::uint64_t victim() const {
        auto first = items_.begin();
        for (auto at = items_.begin(); at != items_.end(); ++at)
            if (leaves_before_(at->second, first->second)) first = at;
        return first->first;
    }

    void hit(std::uint64_t key, Nanos now) {
        Item& item = items_.at(key);
        ++item.uses;
        item.touched = ++operations_;
        item.last_used = now;
    }

    Item remove(std::uint64_t key) {
        const Item item = items_.at(key);
        items_.erase(key);
        return item;
    }

    void insert(const EntryFacts& facts, std::uint64_t uses, Nanos now) {
        const std::uint64_t operation = ++operations_;
        items_[facts.key] = {facts.weight, facts.expires, now, uses, operation, operation};
    }

    const std::map<std::uint64_t, Item>& items() const { return items_; }

    Nanos deadline(const Item& item) const {
        if (!after_access_) return item.expires;
        return std::min(item.expires, item.last_used + after_access_->count());
    }

private:
    Order leaves_before_;
    std::uint64_t max_entries_;
    std::uint64_t max_weight_;
    std::optional<std::chrono::nanoseconds> after_access_;
    std::uint64_t operations_ = 0;
    std::map<std::uint64_t, Item> items_;
};

} // namespace tiercel::memory::test
