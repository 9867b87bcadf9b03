#pragma once

#include <tiercel/call_options.hpp>
#include <tiercel/detail/source_batch.hpp>
#include <tiercel/detail/typed_entry.hpp>
#include <tiercel/handle.hpp>
#include <tiercel/options.hpp>
#include <tiercel/priming.hpp>
#include <tiercel/result.hpp>
#include <tiercel/spi/bytes.hpp>
#include <tiercel/spi/wait_flag.hpp>
#include <tiercel/stats.hpp>
#include <tiercel/write_report.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace tiercel::spi {
class RunLoop;
}

namespace tiercel::detail {

/// What the engine must know of K and V, as functions over the typed entries that hold them.
struct TypeFunctions {
    KeyEqual key_equal = nullptr;
    HoldsKey holds_key = nullptr;
    EntryPtr (*blank_of)(const Entry&) = nullptr;               ///< a blank entry of the same key
    void (*copy_value)(Entry& to, const Entry& from) = nullptr; ///< null if V cannot be copied
    // Null without codecs; then the cache can have no tiers.
    Result<void> (*encode_key)(const Entry&, Bytes&) = nullptr;
    EntryPtr (*decode_key)(BytesView) = nullptr; ///< a blank entry, or null
    Result<void> (*encode_value)(const Entry&, Bytes&) = nullptr;
    Result<void> (*decode_value)(Entry&, BytesView) = nullptr;
    std::uint8_t codec = 0;
    std::uint32_t schema = 0;
};

/// CacheOptions without K and V.
struct EngineOptions {
    std::string name;
    std::uint64_t max_entries = 0;
    std::uint64_t max_weight = 0;
    std::function<std::uint64_t(const Entry&)> weigher;
    Eviction eviction = eviction::adaptive();
    std::uint32_t shards = 0;
    std::optional<std::chrono::nanoseconds> max_memory_ttl;
    std::function<void(const Entry&, RemovalCause)> on_removal;
    bool estimate_capacities = false;
    RecordAccessesOptions record_accesses;
    std::function<void(const Event&)> on_event;
    std::vector<TierOptions> tiers;
    ExpiryOptions expiry;
    StaleOptions stale;
    RefreshOptions refresh;
    TimeoutOptions timeouts;
    LoadingOptions loading;
    WriteBehindOptions write_behind;
    std::shared_ptr<SourceFunction> loader;
    std::shared_ptr<SourceFunction> writer;
    std::size_t max_value_bytes = 0;
    std::size_t max_key_bytes = 0;
    std::shared_ptr<spi::Runtime> runtime;
    TypeFunctions types;
};

/// What one lookup came to: an entry (with or without a value), or null for a miss.
struct Answer {
    EntryPtr entry;
    Source source;
    StaleReason stale = StaleReason::fresh;
};

using Answers = std::vector<Result<Answer>>;
using Reports = std::vector<Result<WriteReport>>;

/// A lookup of one or more keys. `probes` are blank entries with the keys; the engine fills and may publish them.
struct ReadRequest {
    std::vector<EntryPtr> probes;
    CallOptions options;
    bool load = false;                      ///< false: look only
    std::shared_ptr<SourceFunction> loader; ///< null: the configured one
    bool memory_asked = false;              ///< the caller has called find() already
    bool blocking_caller = false;           ///< a thread waits for it: RunOn::caller may use that thread
};

/// Whether a thread waits for the call: RunOn::caller may then use it.
enum class Caller : std::uint8_t { free, blocked };

/// How a caller gives up on an operation under way: it then gets Errc::cancelled at once; the work goes on for others.
using Cancel = std::function<void()>;

/// Pulls the next key to prime: a blank entry, or null at the end.
using KeySource = std::function<EntryPtr()>;

/// What a blocking wait for a T gives: a Result, but no Result of a Result.
template <class T>
struct Waited {
    using type = Result<T>;
};
template <class T>
struct Waited<Result<T>> {
    using type = Result<T>;
};

/// What a blocked thread waits for. set() is called once, from any thread.
struct Arrival {
    void set();

    spi::WaitFlag flag;
    std::shared_ptr<spi::RunLoop> loop; ///< the thread's, if it lends itself: it looks there and not at the flag
};

/// The cache without its types: everything behind Cache<K, V>. The operations' completions are called exactly once, on
/// any thread, possibly before the call returns, and never after close() has returned, save with Errc::closed.
/// Thread safety: all members may be called concurrently.
/// Lifetime: operations under way share ownership.
class Engine {
public:
    virtual ~Engine() = default;

    static Result<std::shared_ptr<Engine>> create(EngineOptions options);

    /// The L1 alone: what a hit costs.
    virtual EntryPtr find(KeyRef key) noexcept = 0;
    /// The same for many: `found[i]` is of `keys[i]`.
    virtual void find_many(std::span<const KeyRef> keys, EntryPtr* found) noexcept = 0;

    /// Whether hits of a loading lookup are to be told to refresh_if_due.
    bool refreshes() const noexcept { return refreshes_; }
    /// Begins to load the keys of hits in the background whose life is nearly over. `loader` null: the configured one.
    virtual void refresh_if_due(std::span<const EntryPtr> hits, const std::shared_ptr<SourceFunction>& loader,
                                const CallOptions& call) = 0;

    /// What a look further than memory comes to where there is nothing further: a miss, or why it may not look. Empty
    /// for a cache with tiers: use read.
    virtual std::optional<Result<Answer>> look_no_further(const CallOptions& options) = 0;

    virtual Cancel read(ReadRequest request, std::function<void(Answers)> done) = 0;
    virtual Cancel write(std::vector<EntryPtr> entries, CallOptions options, Caller caller,
                         std::function<void(Reports)> done) = 0;
    /// At once, for a cache that is nothing but memory (with a loader, perhaps); empty for others: use write or erase.
    /// Without an answer the entry is as it was.
    virtual std::optional<Result<WriteReport>> write_here(EntryPtr& entry, const CallOptions& options) = 0;
    virtual std::optional<Result<WriteReport>> erase_here(KeyRef key, const CallOptions& options) = 0;
    virtual Cancel erase(std::vector<EntryPtr> probes, CallOptions options, std::function<void(Reports)> done) = 0;
    virtual Cancel clear(CallOptions options, std::function<void(Result<WriteReport>)> done) = 0;

    virtual Cancel prime(KeySource keys, std::optional<std::uint64_t> total, PrimeOptions options,
                         std::function<void(Result<PrimeReport>)> done) = 0;
    /// Lists the keys of a tier and reads each from there.
    virtual Cancel prime_from_tier(std::string_view tier, PrimeOptions options,
                                   std::function<void(Result<PrimeReport>)> done) = 0;

    virtual Result<void> set_memory_bounds(const MemoryBounds& bounds) = 0;
    virtual Result<void> set_eviction(Eviction eviction) = 0;

    virtual CacheStats stats() const = 0;

    /// Errors: timeout, when something was still under way at its end; it can do no more harm.
    virtual Result<void> close() = 0;
    virtual void async_close(std::function<void(Result<void>)> done) = 0;

    /// Runs `start` and blocks until it has called back.
    /// Errors: would_block on the event loop's thread, unless `start` called back at once; timeout, when not even the
    /// operation's own timer has: somebody holds up the event loop.
    template <class T, class Start>
    typename Waited<T>::type wait(std::optional<std::chrono::nanoseconds> timeout, Start&& start);

protected:
    explicit Engine(bool refreshes) noexcept : refreshes_(refreshes) {}

    /// Runs `start`, which begins something that sets `arrived` when it is done, and blocks until it is set, but not
    /// much longer than `timeout` (empty: TimeoutOptions::call). Meanwhile this thread runs what was begun, if it may.
    virtual Result<void> block(const std::shared_ptr<Arrival>& arrived, const std::function<void()>& start,
                               std::optional<std::chrono::nanoseconds> timeout) = 0;

private:
    const bool refreshes_;
};

template <class T, class Start>
typename Waited<T>::type Engine::wait(std::optional<std::chrono::nanoseconds> timeout, Start&& start) {
    struct ArrivalOf final : Arrival {
        std::optional<T> value;
    };
    // Shared with the completion, which may come after the wait is over.
    const auto arrival = std::make_shared<ArrivalOf>();
    auto begin = [&] {
        start([arrival](T value) {
            arrival->value.emplace(std::move(value));
            arrival->set();
        });
    };
    if (const auto blocked = block(arrival, std::ref(begin), timeout); !blocked) return blocked.error();
    return *std::move(arrival->value);
}

} // namespace tiercel::detail
