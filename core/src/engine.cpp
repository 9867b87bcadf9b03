#include "chain/priming.hpp"
#include "chain/read_path.hpp"
#include "chain/write_path.hpp"
#include "options_check.hpp"
#include "planted_bug.hpp"

#include <tiercel/detail/engine.hpp>
#include <tiercel/spi/run_loop.hpp>
#include <tiercel/spi/runtime.hpp>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <utility>

namespace tiercel::detail {

using std::chrono::nanoseconds;

namespace {

/// One hit in this many is timed.
constexpr unsigned timed_hits = 256;

/// How late a timer of the event loop may be before a blocked caller stops believing in it.
constexpr std::chrono::milliseconds late_timer{250};

/// How long close() waits for removal listeners to hear of what was left in memory.
constexpr std::chrono::seconds last_words{60};

class ChainEngine final : public Engine, public std::enable_shared_from_this<ChainEngine> {
public:
    explicit ChainEngine(chain::ChainPtr chain) : Engine(chain->refresh_rule.exists()), chain_(std::move(chain)) {}

    EntryPtr find(KeyRef key) noexcept override {
        thread_local unsigned since_timed = 0;
        if (++since_timed % timed_hits == 0) [[unlikely]]
            return find_and_time(key);
        return chain_->store.find(key);
    }

    void find_many(std::span<const KeyRef> keys, EntryPtr* found) noexcept override {
        chain_->store.find_many(keys, found);
    }

    void refresh_if_due(std::span<const EntryPtr> hits, const std::shared_ptr<SourceFunction>& loader,
                        const CallOptions& call) override {
        chain::refresh_if_due(chain_, hits, loader, call);
    }

    std::optional<Result<Answer>> look_no_further(const CallOptions& options) override {
        return chain::look_no_further(*chain_, options);
    }

    Cancel read(ReadRequest request, std::function<void(Answers)> done) override {
        return chain::read(chain_, std::move(request), std::move(done));
    }
    Cancel write(std::vector<EntryPtr> entries, CallOptions options, Caller caller,
                 std::function<void(Reports)> done) override {
        return chain::write(chain_, std::move(entries), options, caller, std::move(done));
    }
    std::optional<Result<WriteReport>> write_here(EntryPtr& entry, const CallOptions& options) override {
        return chain::write_here(*chain_, entry, options);
    }
    std::optional<Result<WriteReport>> erase_here(KeyRef key, const CallOptions& options) override {
        return chain::erase_here(*chain_, key, options);
    }
    Cancel erase(std::vector<EntryPtr> probes, CallOptions options, std::function<void(Reports)> done) override {
        return chain::erase(chain_, std::move(probes), options, std::move(done));
    }
    Cancel clear(CallOptions options, std::function<void(Result<WriteReport>)> done) override {
        return chain::clear(chain_, options, std::move(done));
    }
    Cancel prime(KeySource keys, std::optional<std::uint64_t> total, PrimeOptions options,
                 std::function<void(Result<PrimeReport>)> done) override {
        return chain::prime(chain_, std::move(keys), total, std::move(options), std::move(done));
    }
    Cancel prime_from_tier(std::string_view tier, PrimeOptions options,
                           std::function<void(Result<PrimeReport>)> done) override {
        return chain::prime_from_tier(chain_, tier, std::move(options), std::move(done));
    }

    Result<void> set_memory_bounds(const MemoryBounds& bounds) override {
        if (auto wrong = check_bounds(bounds, chain_->options.weigher != nullptr)) return *std::move(wrong);
        if (!chain_->scope->open()) return chain_->closed_error();
        chain_->store.set_bounds(bounds.max_entries, bounds.max_weight);
        return {};
    }
    Result<void> set_eviction(Eviction eviction) override {
        if (!chain_->scope->open()) return chain_->closed_error();
        chain_->store.set_eviction(eviction);
        return {};
    }

    CacheStats stats() const override;

    Result<void> close() override {
        struct Closed {
            std::optional<Result<void>> result;
            spi::WaitFlag flag;
        };
        const auto arrival = std::make_shared<Closed>();
        spi::RunLoop::give_back_current();
        async_close([arrival](Result<void> result) {
            arrival->result.emplace(std::move(result));
            arrival->flag.set();
        });
        if (!arrival->flag.is_set() && !wait(arrival->flag, chain_->options.timeouts.close)) {
            finish_close(); // on the event loop's thread, or with nobody turning it, nobody else would
        }
        // Another thread may be finishing; or this one, further up, in a removal listener that closes its own cache.
        if (finisher_.load() == std::this_thread::get_id()) return {};
        if (!arrival->flag.wait_until(std::chrono::steady_clock::now() + last_words)) {
            return Error(Errc::timeout, "cache '" + chain_->options.name + "': a removal listener has not returned");
        }
        return *std::move(arrival->result);
    }

    void async_close(std::function<void(Result<void>)> done) override {
        {
            const std::lock_guard lock(close_mutex_);
            if (!closed_) {
                closers_.push_back(std::move(done));
                done = nullptr;
            }
        }
        if (done) {
            done({});
            return;
        }
        // Work under way must not hear of the end before its callers do, hence in this order.
        const bool first = chain_->scope->close([weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->finish_off_the_loop();
        });
        if (!first) return;
        if (!planted(Bug::close_does_not_answer_readers))
            chain_->reads.fail_all(Error(Errc::closed, "cache '" + chain_->options.name + "' was closed"));
        chain_->on_close.call();
        const std::lock_guard lock(close_mutex_);
        if (closed_) return;
        close_timer_ =
            chain_->runtime->call_at(chain_->after(chain_->options.timeouts.close), [weak = weak_from_this()] {
                if (const auto self = weak.lock()) self->finish_off_the_loop();
            });
    }

protected:
    Result<void> block(const std::shared_ptr<Arrival>& arrived, const std::function<void()>& start,
                       std::optional<nanoseconds> timeout) override {
        // Without tiers all there is to wait for is the loader, which has threads of its own.
        if (!chain_->tiers.empty()) arrived->loop = chain_->runtime->lend_thread();
        if (!arrived->loop) {
            spi::RunLoop::give_back_current(); // nothing runs in it while this one waits
            start();
            return arrived->flag.is_set() ? Result<void>() : wait(arrived->flag, timeout);
        }
        const auto until = chain_->after(patience(timeout));
        const spi::RunLoop::Lending lending(*arrived->loop);
        start();
        if (arrived->loop->run_until(until)) return {};
        return does_not_turn();
    }

private:
    nanoseconds patience(std::optional<nanoseconds> timeout) const {
        constexpr nanoseconds longest = nanoseconds::max() - late_timer;
        return std::min(timeout.value_or(chain_->options.timeouts.call), longest) + late_timer;
    }
    Error does_not_turn() const {
        return Error(Errc::timeout, "the event loop of cache '" + chain_->options.name +
                                        "' does not turn: something blocks it, or nobody runs it");
    }

    Result<void> wait(const spi::WaitFlag& flag, std::optional<nanoseconds> timeout) const {
        if (chain_->runtime->on_event_loop()) {
            return Error(Errc::would_block, "a blocking call on the event loop's own thread would wait for itself; use "
                                            "the async_ form there. What was begun goes on");
        }
        if (chain_->runtime->wait(flag, chain_->after(patience(timeout)))) return {};
        return does_not_turn();
    }

    [[gnu::noinline]] EntryPtr find_and_time(KeyRef key) noexcept {
        const auto began = chain_->runtime->now();
        auto entry = chain_->store.find(key);
        if (entry) hit_latency_.add(chain_->runtime->now() - began);
        return entry;
    }

    /// Listeners are user code, which must not hold up the event loop; nor must the recording's file, or a journal.
    void finish_off_the_loop() {
        if ((chain_->options.on_removal || chain_->recorder || chain_->write_behind) &&
            chain_->runtime->on_event_loop() &&
            chain_->runtime->run_blocking([self = shared_from_this()] { self->finish_close(); })) {
            return;
        }
        finish_close();
    }

    /// Once: after the last work has ended, or when waiting for it has taken too long.
    void finish_close() {
        {
            const std::lock_guard lock(close_mutex_);
            if (finishing_) return;
            finishing_ = true;
        }
        finisher_.store(std::this_thread::get_id());
        const auto left = chain_->scope->finish();
        left_behind_.store(left, std::memory_order_relaxed);
        if (chain_->write_behind) chain_->write_behind->end();
        chain_->writes.fail_all(Error(Errc::closed, "cache '" + chain_->options.name +
                                                        "' was closed before the write was known to have succeeded"));
        chain_->store.close();
        if (chain_->recorder) chain_->recorder->close();
        std::vector<std::function<void(Result<void>)>> closers;
        {
            const std::lock_guard lock(close_mutex_);
            closed_ = true;
            closers.swap(closers_);
            if (close_timer_ != 0) chain_->runtime->cancel(close_timer_);
        }
        finisher_.store(std::thread::id());
        for (const auto& closer : closers) {
            if (left == 0) {
                closer({});
            } else {
                closer(Error(Errc::timeout, std::to_string(left) +
                                                " operations were still under way when close() gave up waiting "
                                                "(TimeoutOptions::close); they can do no more harm"));
            }
        }
    }

    const chain::ChainPtr chain_;
    chain::LatencyCounter hit_latency_;
    std::atomic<std::size_t> left_behind_{0};

    std::mutex close_mutex_;
    std::vector<std::function<void(Result<void>)>> closers_;
    spi::Runtime::TimerId close_timer_ = 0;
    bool finishing_ = false;
    std::atomic<std::thread::id> finisher_{};
    bool closed_ = false;
};

} // namespace

void Arrival::set() {
    if (loop) {
        loop->finish();
    } else {
        flag.set();
    }
}

namespace {

CacheStats ChainEngine::stats() const {
    const auto& chain = *chain_;
    CacheStats stats;
    stats.name = chain.options.name;

    const auto store = chain.store.stats();
    stats.memory.hits = store.hits;
    stats.memory.misses = store.misses;
    stats.memory.inserts = store.inserts;
    stats.memory.fenced = store.fenced;
    stats.memory.too_heavy = store.too_heavy;
    stats.memory.entries = store.entries;
    stats.memory.weight = store.weight;
    stats.memory.max_entries = store.max_entries;
    stats.memory.max_weight = store.max_weight;
    stats.memory.removals = store.removals;
    stats.memory.hit_latency = hit_latency_.get();
    stats.memory.estimates = store.estimates;

    for (const auto& tier : chain.tiers)
        stats.tiers.push_back(tier->stats());

    stats.source.loads = chain.loads.get();
    stats.source.loader_calls = chain.sources->calls();
    stats.source.load_failures = chain.load_failures.get();
    stats.source.load_timeouts = chain.sources->timeouts();
    stats.source.absent = chain.absent.get();
    stats.source.joined = chain.flights.joined();
    stats.source.refreshes = chain.refreshes.get();
    stats.source.unchanged = chain.unchanged.get();
    stats.source.writes = chain.key_writes.get();
    stats.source.write_failures = chain.write_failures.get();
    stats.source.load_latency = chain.load_latency.get();

    stats.pressure.flights = chain.flights.size();
    stats.pressure.waiters = chain.flights.waiting();
    stats.pressure.max_waiters = chain.options.loading.max_waiters;
    stats.pressure.source_calls = chain.sources->running();
    stats.pressure.max_source_calls = chain.options.loading.max_concurrent;
    stats.pressure.source_queue = chain.sources->queued() + chain.key_locks.waiting();
    stats.pressure.max_source_queue = chain.options.loading.max_waiting;
    stats.pressure.fences = chain.fences->size();
    stats.pressure.max_fences = chain.fences->capacity();
    stats.pressure.fence_overflows = chain.fences->overflows();
    for (const auto& repairs : chain.repairs) {
        stats.pressure.repairs += repairs->waiting();
        stats.pressure.max_repairs += chain::Repairs::most_keys;
        stats.pressure.repaired += repairs->done();
        stats.pressure.repair_overflows += repairs->overflows();
    }
    stats.pressure.failing_keys = chain.failing.size();
    stats.pressure.max_failing_keys = chain.failing.capacity();

    if (chain.write_behind) {
        const auto& behind = stats.write_behind.emplace(chain.write_behind->stats());
        stats.source.writes += behind.written + behind.retried + behind.dropped;
        stats.source.write_failures += behind.retried + behind.dropped;
        stats.pressure.pending_writes = behind.pending;
        stats.pressure.max_pending_writes = chain.options.write_behind.max_writes;
        stats.pressure.puts_waiting = chain.write_behind->waiting();
    }

    for (std::size_t reason = 0; reason < stale_reason_count; ++reason)
        stats.stale[reason] = chain.stale_served[reason].get();

    if (chain.recorder) stats.recording = chain.recorder->stats();

    stats.listener_failures = chain.listener_failures.get() + chain.events->failures();
    stats.dropped_events = chain.events->dropped();
    stats.left_behind = left_behind_.load(std::memory_order_relaxed);
    return stats;
}

} // namespace

Result<std::shared_ptr<Engine>> Engine::create(EngineOptions options) {
    if (auto wrong = check_options(options)) return *std::move(wrong);
    auto runtime = options.runtime ? options.runtime : spi::default_runtime();
    std::shared_ptr<chain::AccessRecorder> recorder;
    if (!options.record_accesses.path.empty()) {
        using Weights = chain::AccessRecorder::Weights;
        auto opened = chain::AccessRecorder::open(options.record_accesses,
                                                  options.weigher ? Weights::written : Weights::left_out, runtime);
        if (!opened) return std::move(opened).error();
        recorder = *std::move(opened);
    }
    auto journal = *std::move(options.write_behind.journal); // not the options': a closed cache lets go of it
    options.write_behind.journal = std::shared_ptr<spi::Journal>();
    auto chain = std::make_shared<chain::Chain>(std::move(options), std::move(runtime), std::move(recorder));
    if (auto begun = chain->begin_write_behind(std::move(journal)); !begun) return std::move(begun).error();
    return std::shared_ptr<Engine>(std::make_shared<ChainEngine>(std::move(chain)));
}

} // namespace tiercel::detail
