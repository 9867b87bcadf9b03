#pragma once

#include "naive_cache.hpp"

#include <string>

namespace tiercel::memory::test {

struct StoreOperation {
    enum class Kind : std::uint8_t { find, peek, insert, erase, expire, clear };
    Kind kind = Kind::find;
    std::uint64_t key = 0;
    std::uint64_t weight = 1;
    Nanos time_to_live = never; ///< of an insert; negative: already past
    Nanos advance = 0;          ///< the clock moves by this before it
};

/// A store and a naive cache that do the same, compared after every operation: what is found, and who leaves, in what
/// order and why. Where the store may choose (which of the dead it clears away first), its choice is checked and
/// followed.
class Comparison {
public:
    /// One shard of `options`; its eviction says the policy.
    explicit Comparison(const StoreOptions& options);

    /// The first difference, or empty.
    std::string apply(const StoreOperation& operation);

    /// That both hold the same entries, and that the store's structure is sound.
    std::string compare_contents();

private:
    std::string insert(const StoreOperation& operation);
    std::string find(std::uint64_t key);
    std::string erase(std::uint64_t key);
    std::string expire();
    std::string clear();
    std::string drop_dead(std::uint64_t key);
    bool follow_expired();
    bool next_is(std::uint64_t key, RemovalCause cause);
    std::string nothing_more() const;

    StoreFixture real_;
    NaiveCache naive_;
    std::vector<Departure> departures_; ///< of the operation at hand
    std::size_t seen_ = 0;              ///< how many of these are accounted for
};

} // namespace tiercel::memory::test
