#pragma once

#include "counters.hpp"
#include "scope.hpp"

#include <tiercel/spi/journal.hpp>
#include <tiercel/spi/runtime.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace tiercel::chain {

/// The cache's way to its journal: one call after the other, on a worker thread, each with all that has come together
/// during the one before (group commit).
///
///   resting ──append, remove──► running: appends, then removals, and again until there is nothing ──► resting
///      │                                                                                               │
///      └──────────────────────────────────── end() ──► ended (the journal is let go) ◄─────────────────┘
///
/// Beside that, a removal that failed begins a pause, in which removals only gather, and after which they run. Appends
/// run in it as ever. Once the cache closes (hurry()) there is none: a removal is tried once more, and then given up.
///
/// Appends that fail together are tried in halves, the small ones first: who fits, or is sound, is not refused with who
/// is not. With `tries` failures of single ones in a row the rest is given up untried, as when the disk is gone.
///
/// The scope counts it while it runs or pauses, so that the journal is free for another cache when close() has returned
/// in time. Bounded by the callers, whom the scope counts too: one append or removal for each key of the queue.
/// Thread safety: all members may be called concurrently; no lock is held across a call of the journal or a callback.
class JournalLane : public std::enable_shared_from_this<JournalLane> {
public:
    static constexpr std::chrono::milliseconds pause{100};
    static constexpr int tries = 8;

    /// Nothing may be asked of it before begin_journal().
    JournalLane(std::shared_ptr<spi::Journal> journal, std::shared_ptr<spi::Runtime> runtime,
                std::shared_ptr<Scope> scope);
    JournalLane(const JournalLane&) = delete;
    JournalLane& operator=(const JournalLane&) = delete;
    ~JournalLane();

    struct Append {
        Bytes key;
        Bytes value;
        std::uint64_t sequence = 0;
        std::function<void(const Result<void>&)> done; ///< called once, on a worker thread or at once
    };
    struct Removal {
        Bytes key;
        std::uint64_t sequence = 0;
        /// Once it has succeeded, which may take some tries, or was given up at close; never after end().
        std::function<void()> done;
    };
    void append(Append append);
    void remove(Removal removal);

    /// Begins the journal, on this thread.
    Result<spi::JournalContents> begin_journal(const spi::JournalIdentity& identity,
                                               const std::function<void(const spi::JournalRecord&)>& each);
    /// The cache closes: a pause ends now.
    void hurry() { pause_is_over(); }
    /// Nothing is begun any more. The journal is let go when a call under way has returned.
    void end();

    std::uint64_t appends() const noexcept { return appends_.get(); }
    std::uint64_t records() const noexcept { return records_.get(); }
    std::uint64_t failures() const noexcept { return failures_.get(); }

private:
    void begin();
    void run();
    void begin_later(void (JournalLane::*what)());
    void pause_is_over();
    void append_all(std::vector<Append> appends);
    Result<void> append_some(std::span<const Append> appends);
    void remove_all(std::vector<Removal> removals);
    void refuse(std::span<const Append> appends, const Error& error);
    void let_go();

    std::shared_ptr<spi::Journal> journal_; ///< null once let go; who runs has it to itself
    const std::shared_ptr<spi::Runtime> runtime_;
    const std::shared_ptr<Scope> scope_;
    Counter appends_, records_, failures_;

    std::mutex mutex_;
    // Guarded by mutex_:
    std::vector<Append> to_append_;
    std::vector<Removal> to_remove_;
    bool running_ = false; ///< a worker is at it, or about to be
    bool pausing_ = false; ///< to_remove_ waits for a timer
    bool ended_ = false;
    bool let_go_ = true; ///< journal_->end() was called, or is about to be, or need not
};

} // namespace tiercel::chain
