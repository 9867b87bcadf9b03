#pragma once

#include "counters.hpp"
#include "events.hpp"
#include "journal_lane.hpp"
#include "operation.hpp"
#include "scope.hpp"
#include "sources.hpp"
#include "write_queue.hpp"

#include <tiercel/detail/engine.hpp>
#include <tiercel/spi/runtime.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

namespace tiercel::chain {

/// Writes that the source of truth gets after they were acknowledged (WriteBehindOptions). WriteQueue decides; this
/// moves: it lets puts wait for room, has them journalled, calls the writer, keeps the timers, and counts.
///
/// One put, inside its key's lock (KeyLocks), so that those of one key come one after the other:
///
///   accept ──► room? ──held──► journal? ──durable, or there is none──► in the queue ──► on_taken(success)
///                │ full            └──────── failed ───────────────────────────────┐
///                ▼                                                                 ▼
///              waits, in order ──room──► as above;   deadline, or too many wait ──► on_taken(error): nothing happened
///
/// Who has been told that nothing happened is right, even if there is room a moment later (Operation::withdraw_offer).
///
/// What is in the queue is visible to find() before on_taken() is called, and its put moves the key's epoch after that:
/// a loading lookup that begins before has found it in the queue or is superseded, one that begins later finds it. It
/// is visible until the source has it, and then a load may have it from there. So no load brings back what an
/// acknowledged put has replaced.
///
/// The scope counts the queue, once, from the first pending key to the last: so close() waits until all is written. At
/// its deadline it calls end(): whatever answers later is dropped.
///
/// Locks: mutex_ guards the queue, the waiting puts and the counts of calls; nothing is called with it held but the
/// queue and the key's copy. `any_` is for a lookup that need not take it: it is stored under mutex_ before on_taken(),
/// and whoever is to see the put has synchronised with that, so relaxed loads will do.
///
/// The writer has at most half of the places of LoadingOptions::max_concurrent, one key each, or one batch each.
/// Thread safety: all members may be called concurrently.
class WriteBehind : public std::enable_shared_from_this<WriteBehind> {
public:
    struct Parts {
        std::shared_ptr<spi::Runtime> runtime;
        std::shared_ptr<Scope> scope;
        std::shared_ptr<Sources> sources;
        std::shared_ptr<Events> events;
        std::function<void(const detail::EntryPtr&)> invalidate; ///< a key of which the source may have another value
    };
    /// `journal`: null with Acknowledge::memory; else not begun yet, see recover().
    WriteBehind(const detail::EngineOptions& options, std::shared_ptr<spi::Journal> journal, Parts parts);

    /// Begins the journal, and makes pending what it holds. Once, before anything else.
    /// Gives the keys, as blank entries: what is kept of them elsewhere may be older.
    /// Errors: the journal's.
    Result<std::vector<detail::EntryPtr>> recover();

    struct Put {
        detail::EntryPtr entry;
        Bytes key, value; ///< encoded, for the journal
        SteadyTime deadline{};
        std::shared_ptr<Operation<WriteReport>> operation; ///< is offered why the put waits, if it does
        std::size_t index = 0;                             ///< in the operation
        std::function<void(const Result<void>&)> on_taken; ///< called once, from any thread, perhaps at once
    };
    void accept(Put put);

    /// The newest value of a key that the source has yet to take; or null.
    detail::EntryPtr find(detail::KeyRef key) const {
        return any_.load(std::memory_order_relaxed) ? find_pending(key) : nullptr;
    }

    SourceOutcome outcome() const noexcept { return lane_ ? SourceOutcome::in_journal : SourceOutcome::in_memory; }
    bool journalled() const noexcept { return lane_ != nullptr; }

    /// close() has begun: delays and pauses are cut short.
    void drain();
    /// close() has ended: what is pending stays undone, and is told.
    void end();

    WriteBehindStats stats() const;
    std::size_t waiting() const;

private:
    struct Waiting {
        Put put;
        spi::Runtime::TimerId timer = 0;
        bool over = false; ///< off the queue of those that wait
    };
    struct Call {
        std::vector<WriteQueue::Taken> writes;
        std::size_t unsettled = 0;
    };
    /// What is to be done once the lock is gone, the scope's end last.
    struct Consequences;

    detail::EntryPtr find_pending(detail::KeyRef key) const;
    bool recover_one(const spi::JournalRecord& record, std::vector<detail::EntryPtr>& keys);
    std::size_t record_bytes(const Put& put) const { return lane_ ? put.key.size() + put.value.size() : 0; }
    Error full_error() const;
    Error closed_error() const;
    void wait_for_room(Put put);
    void give_up_waiting(const std::shared_ptr<Waiting>& waiting);
    void journal(Put put);
    void on_journalled(const Put& put, std::uint64_t sequence, std::size_t bytes, const Result<void>& result);
    void enqueue(const Put& put, std::uint64_t sequence, std::size_t bytes);
    void pump();
    void arm(std::optional<SteadyTime> due);
    void launch(std::vector<WriteQueue::Taken> writes);
    void settled(const std::shared_ptr<Call>& call, std::size_t index, const Result<detail::LoadFacts>& facts);
    WriteQueue::Answer judge(const Call& call, const Result<detail::LoadFacts>& facts) const;
    WriteDropped dropped(const detail::Entry& entry, const Error& reason) const;
    void landed_late(const WriteQueue::Taken& write);
    void forget(const detail::EntryPtr& entry, std::uint64_t sequence);
    void forgotten(const detail::EntryPtr& entry, std::uint64_t sequence);
    std::vector<std::shared_ptr<Waiting>> let_in();
    void admit(std::vector<std::shared_ptr<Waiting>> in);
    std::vector<std::shared_ptr<Waiting>> let_go(const Put& put, std::size_t bytes);
    bool is_empty_now();
    void pump_soon();

    const WriteBehindOptions options_;
    const detail::TypeFunctions types_;
    const std::string cache_name_;
    const std::shared_ptr<detail::SourceFunction> writer_;
    const std::chrono::nanoseconds source_timeout_;
    const std::size_t max_waiting_;
    const std::size_t max_calls_;
    const std::size_t keys_of_a_call_;
    const Parts parts_;
    const std::shared_ptr<JournalLane> lane_; ///< null without a journal
    Counter acknowledged_, written_, retried_, dropped_, lost_, left_, recovered_, unreadable_;

    std::atomic<bool> any_{false}; ///< the queue is not empty
    mutable std::mutex mutex_;
    // Guarded by mutex_:
    WriteQueue queue_;
    std::deque<std::shared_ptr<Waiting>> waiting_;
    std::uint64_t last_sequence_ = 0;
    std::size_t calls_ = 0; ///< of the writer, under way
    SteadyTime armed_for_ = SteadyTime::max();
    spi::Runtime::TimerId timer_ = 0;
    bool counted_ = false; ///< by the scope
    bool ended_ = false;
};

} // namespace tiercel::chain
