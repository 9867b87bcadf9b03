#pragma once

#include "counters.hpp"
#include "scope.hpp"

#include <tiercel/detail/engine.hpp>
#include <tiercel/spi/runtime.hpp>

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace tiercel::chain {

/// A call of such a function is for one key.
bool is_single(detail::SourceStyle style);

/// Calls of the user's loaders and writers: how many at once, on which thread, until when.
///
/// A call is queued, then running, then over: when every slot of its batch is settled, or at its deadline, whichever
/// comes first. At the deadline the open slots get Errc::timeout and the call's place goes to the next one; what the
/// function answers later is dropped by the batch. So a function that never returns holds a thread, and nothing else.
/// Thread safety: all members may be called concurrently. No lock is held while user code runs.
class Sources : public std::enable_shared_from_this<Sources> {
public:
    Sources(std::shared_ptr<spi::Runtime> runtime, LoadingOptions options, std::shared_ptr<Scope> scope);

    using OnSettled = detail::SourceBatch::OnSettled;

    struct Request {
        std::shared_ptr<detail::SourceFunction> function;
        std::vector<detail::EntryPtr> entries;
        std::vector<detail::EntryPtr> previous = {}; ///< of each entry, or none: see SourceBatch::previous
        SteadyTime deadline{};
        Errc thrown{};                              ///< the kind of error that an exception becomes
        bool here = false;                          ///< a blocking function runs on the calling thread
        OnSettled on_settled;                       ///< called once for each entry, from any thread, perhaps at once
        std::function<void(std::size_t)> on_late{}; ///< hears of answers that came after the deadline
    };
    /// Calls the function for the entries: once, or once for each, as its style has it.
    void call(Request request);

    /// True inside a blocking loader's call, on its thread, for an entry that this call is to fill.
    static bool is_loading_here(const detail::Entry& entry) noexcept;

    std::uint64_t running() const;
    std::uint64_t queued() const;
    std::uint64_t calls() const noexcept { return calls_.get(); }
    std::uint64_t timeouts() const noexcept { return timeouts_.get(); }

private:
    struct Call;
    void submit(const std::shared_ptr<Call>& call);
    void launch(const std::shared_ptr<Call>& call);
    void settled(const std::shared_ptr<Call>& call);
    void release(const std::shared_ptr<Call>& call);
    void run_if_wanted(const std::shared_ptr<Call>& call);
    bool is_over(const std::shared_ptr<Call>& call) const;
    static void run(const std::shared_ptr<Call>& call);

    const std::shared_ptr<spi::Runtime> runtime_;
    const LoadingOptions options_;
    const std::shared_ptr<Scope> scope_;
    mutable std::mutex mutex_;
    std::size_t running_ = 0;
    std::deque<std::shared_ptr<Call>> queue_;
    Counter calls_;
    Counter timeouts_;
};

} // namespace tiercel::chain
