#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace tiercel {

namespace memory {
struct PolicyKind;
}

/// Which entry leaves the memory tier when it is full: an opaque value, made by the functions in tiercel::eviction.
/// Thread safety: a value type.
class Eviction {
public:
    std::string_view name() const noexcept;

    /// For the memory tier.
    explicit Eviction(const memory::PolicyKind& kind) noexcept : kind_(&kind) {}
    const memory::PolicyKind& kind() const noexcept { return *kind_; }

private:
    const memory::PolicyKind* kind_;
};

/// Every policy is exact within a shard: a cache with `.memory.shards = 1` follows it to the letter.
/// Entries past their expiry leave for that, and no policy has a say.
namespace eviction {

/// Newcomers are on probation; those that are used twice there, or come back soon after they left and are used more
/// than somebody they challenge, are protected, and as long as there is room for them among the protected all are. How
/// much of the capacity is for probation, and how fast the protected lose their standing, is chosen anew all the time
/// by what does best on a sample of the keys: so it follows recency, frequency, scans and loops, and changes between
/// them. The default. Choose another one where the workload is known and simple, and then to save its memory: 4 bytes
/// an entry for the remembered keys and at most 75 KB a cache, most of it from the first some hundred entries on. A hit
/// is as cheap as clock()'s, up to the eighth. A new value keeps its key's place. O(1) amortised. Our own; the parts
/// are S3-FIFO's queues, LIRS's fill, and a duel of sampled shadows (see core/src/memory/README.md).
Eviction adaptive();

/// The least recently used entry leaves. Choose it when what was used lately will be used again soon, and scans over
/// more keys than fit are rare. O(1).
Eviction lru();

/// The least often used entry leaves; among equals the least recently used one. Counts live and die with the key's
/// stay: a new value keeps its key's count. Choose it when popularity is stable; it is slow to forget yesterday's
/// favourites. O(1) (after Shah, Mitra, Matani, "An O(1) algorithm for implementing the LFU cache eviction scheme",
/// 2010).
Eviction lfu();

/// The oldest value leaves, however often it is used. A new value is young. Choose it when entries lose their worth
/// with age. O(1).
Eviction fifo();

/// The most recently used entry leaves, before the new one enters. Choose it for loops over more keys than fit,
/// where LRU never hits (Chou and DeWitt, "An evaluation of buffer management strategies", VLDB 1985). O(1).
Eviction mru();

/// The oldest value leaves, unless it was used since its turn last came: then it goes round once more. Choose it for
/// LRU's hit ratio, nearly, where readers must not wait: a hit writes a byte, and only if it is the first since.
/// A new value keeps its key's turn. O(1) amortised (Corbato, "A paging experiment with the Multics system", 1968; as
/// FIFO with reinsertion).
Eviction clock();

/// As clock(), but who is spared stays in place, so that newcomers that nobody uses leave at once while the old and
/// used stay. Choose it for skewed popularity, as of web pages and objects; not where large scans or loops are
/// frequent. A hit is as cheap as clock()'s. A new value keeps its key's place. O(1) amortised (Zhang, Yang, Yue,
/// Vigfusson, Rashmi, "SIEVE is simpler than LRU", NSDI 2024).
Eviction sieve();

/// Three queues: newcomers pass through a tenth of the capacity, and only what is used twice there, or comes back soon
/// after it left, gets at the rest. Choose it where many keys are asked for only once. A hit is as cheap as clock()'s,
/// up to the third. A new value keeps its key's place. O(1) amortised; up to 18 bytes an entry for the remembered keys
/// (Yang, Zhang, Qiu, Yue, Rashmi, "FIFO queues are all you need for cache eviction", SOSP 2023).
Eviction s3_fifo();

/// Keeps what was used once lately apart from what was used more often, and learns from the keys that come back after
/// they left how much room to give to which. Choose it for workloads that change between recency and frequency, as of
/// disks and databases. A new value keeps its key's place and is no use. O(1); up to 20 bytes an entry for the
/// remembered keys (Megiddo and Modha, "ARC: a self-tuning, low overhead replacement cache", FAST 2003).
Eviction arc();

/// A small window by last use for newcomers; who falls out of it gets at the rest only if it is used more often, by a
/// sketch that remembers keys for ten times the capacity of requests, than who would have to leave. The window's size
/// adapts to the workload. Choose it for the best hit ratio over all when hits need not be the cheapest; it is slow to
/// adapt where the capacity is large and requests are few. A new value keeps its key's place and is no use. O(1); 8 to
/// 16 bytes an entry for the sketch (Einziger, Friedman, Manes, "TinyLFU: a highly efficient cache admission policy",
/// 2017; Einziger, Eytan, Friedman, Manes, "Adaptive software cache management", Middleware 2018).
Eviction w_tinylfu();

/// The same with a window of 1 % that never changes. Choose it when popularity is skewed and stable, or to compare.
Eviction w_tinylfu_fixed();

/// The names of all policies, as Eviction::name() gives them, for messages and command lines.
std::span<const std::string_view> names() noexcept;

/// The policy of that name; empty if there is none.
std::optional<Eviction> named(std::string_view name) noexcept;

} // namespace eviction
} // namespace tiercel
