#include "rocksdb_contender.hpp"
#include "runner.hpp"
#include "sharded_lru.hpp"
#include "sharded_map.hpp"
#include "tbb_contender.hpp"
#include "tiercel_contender.hpp"

namespace tiercel::bench::peers {
namespace {

template <class K, template <class> class C>
Entrant<K> entrant(std::string name, Role role) {
    return {std::move(name), role, [](std::size_t max_entries) -> std::unique_ptr<Runner<K>> {
                return std::make_unique<RunnerOf<K, C<K>>>(max_entries);
            }};
}

} // namespace

template <class K>
std::vector<Entrant<K>> entrants(const std::vector<std::string>& policies) {
    std::vector<Entrant<K>> all = {
        entrant<K, TiercelContender>("tiercel", Role::tiercel),
        entrant<K, TiercelBatches>("tiercel-batches", Role::tiercel_batches),
        entrant<K, TiercelTtls>("tiercel-ttls", Role::tiercel_ttls),
        entrant<K, RocksDbHyperClock>("rocksdb-hcc", Role::peer),
        entrant<K, RocksDbLru>("rocksdb-lru", Role::peer),
        entrant<K, TbbLru>("tbb-lru", Role::peer),
        entrant<K, ShardedLru>("mutex-lru-64", Role::peer),
        entrant<K, ShardedMap>("limit-map-64", Role::limit),
    };
    for (const auto& policy : policies) {
        all.push_back({"tiercel-" + policy, Role::tiercel_policy,
                       [policy](std::size_t max_entries) -> std::unique_ptr<Runner<K>> {
                           return std::make_unique<RunnerOf<K, TiercelContender<K>>>(max_entries,
                                                                                     eviction::named(policy).value());
                       }});
    }
    return all;
}

template std::vector<Entrant<std::uint64_t>> entrants(const std::vector<std::string>&);
template std::vector<Entrant<std::string>> entrants(const std::vector<std::string>&);

} // namespace tiercel::bench::peers
