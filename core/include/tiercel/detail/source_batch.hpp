#pragma once

#include <tiercel/detail/typed_entry.hpp>
#include <tiercel/result.hpp>
#include <tiercel/spi/clock.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace tiercel::spi {
class Runtime;
}

namespace tiercel::detail {

/// What a loader said of one key besides the value, which it has put into the entry.
struct LoadFacts {
    std::optional<std::chrono::nanoseconds> ttl;
    bool cacheable = true;
    bool unchanged = false; ///< the value is the previous one's
};

/// Some entries that a user's loader is to fill, or a user's writer is to store: the contract between the typed loader
/// or writer and the engine.
///
/// Each slot is settled once, by done or failed, whichever comes first; the rest is ignored. A loader's blank entry
/// belongs to the loader until its slot is settled, so that one that answers late writes where nobody looks.
/// Thread safety: different slots may be settled concurrently; `on_settled` is called outside the lock.
/// Lifetime: held by shared_ptr by the function at work and by whoever waits for it.
class SourceBatch {
public:
    using OnSettled = std::function<void(std::size_t index, Result<LoadFacts> facts)>;

    struct Work {
        std::shared_ptr<spi::Runtime> runtime;
        std::vector<EntryPtr> entries;
        std::vector<EntryPtr> previous; ///< of each entry, or empty
        SteadyTime deadline;
    };

    /// `thrown` is the kind of error that an exception becomes. `on_late` (may be empty) hears of answers to slots that
    /// were settled already.
    SourceBatch(Work work, Errc thrown, OnSettled on_settled, std::function<void(std::size_t index)> on_late);

    std::size_t size() const noexcept { return work_.entries.size(); }
    Entry& entry(std::size_t index) const noexcept { return *work_.entries[index]; }
    /// The value that a load is to replace, as the cache has it; or null.
    EntryPtr previous(std::size_t index) const noexcept {
        return work_.previous.empty() ? nullptr : work_.previous[index];
    }
    SteadyTime deadline() const noexcept { return work_.deadline; }
    /// The cache's, for functions that are coroutines.
    spi::Runtime& runtime() const noexcept { return *work_.runtime; }

    /// A loader has put the value into the entry, or left it blank: the source has no such thing. A writer has stored
    /// it.
    void done(std::size_t index, LoadFacts facts);
    void failed(std::size_t index, Error error);
    void fail_rest(const Error& error);

    /// Inside a catch block: settles with what was thrown.
    void threw(std::size_t index);
    void all_threw();

private:
    bool settle(std::size_t index);
    Error thrown_error() const;

    const Work work_;
    const Errc thrown_;
    const OnSettled on_settled_;
    const std::function<void(std::size_t)> on_late_;
    std::mutex mutex_;
    std::vector<bool> settled_;
};

enum class SourceStyle : std::uint8_t {
    blocking_single, ///< run() calls the function key by key and returns when done
    blocking_batch,  ///< run() calls the function once and returns when done
    async_single,    ///< run() starts a coroutine for each key and returns at once
    async_batch,     ///< run() starts one coroutine and returns at once
};

/// A user's loader or writer behind its type.
class SourceFunction {
public:
    virtual ~SourceFunction() = default;
    virtual SourceStyle style() const noexcept = 0;
    /// Settles every slot of `calls`, now or later. Never throws.
    virtual void run(std::shared_ptr<SourceBatch> calls) = 0;
};

/// A user's function of one key or write, run as Kind has it: LoaderKind or WriterKind.
template <class Kind, class F>
class SingleSource final : public SourceFunction {
public:
    explicit SingleSource(F function) : function_(std::make_shared<F>(std::move(function))) {}
    SourceStyle style() const noexcept override { return Kind::single; }
    void run(std::shared_ptr<SourceBatch> calls) override {
        for (std::size_t i = 0; i < calls->size(); ++i) {
            try {
                Kind::run_one(function_, calls, i);
            } catch (...) {
                calls->threw(i);
            }
        }
    }

private:
    std::shared_ptr<F> function_;
};

/// The same for a function of many.
template <class Kind, class F>
class BatchSource final : public SourceFunction {
public:
    explicit BatchSource(F function) : function_(std::make_shared<F>(std::move(function))) {}
    SourceStyle style() const noexcept override { return Kind::batch; }
    void run(std::shared_ptr<SourceBatch> calls) override {
        try {
            Kind::run_all(function_, calls);
        } catch (...) {
            calls->all_threw();
        }
    }

private:
    std::shared_ptr<F> function_;
};

} // namespace tiercel::detail
