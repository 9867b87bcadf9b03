#pragma once

#include "counters.hpp"
#include "scope.hpp"

#include <tiercel/spi/journal.hpp>
#include <tiercel/spi/runtime.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace tiercel::chain {

/// The cache's way to its journal: one call after the other, on a worker thread, each with all that has come together
/// during the one before (group commit).
///
///   resting ──append, remove──► running: appends, then removals, and again until there is nothing ──► resting
///      │                            └─ a removal failed: a pause, then running ─┘                       │
///      └──────────────────────────────────── end() ──► ended (the journal is let go) ◄──────────────────┘
///
/// The scope counts it while it runs, so that the journal is free for another cache when close() has returned in time.
/// Bounded by the callers, whom the scope counts too: one append or removal for each key of the queue.
/// Thread safety: all members may be called concurrently; no lock is held across a call of the journal or a callback.
class JournalLane : public std::enable_shared_from_this<JournalLane> {
public:
    static constexpr std::chrono::milliseconds pause{100};

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
        std::function<void()> done; ///< once it has succeeded, which may take some tries; never after end()
    };
    void append(Append append);
    void remove(Removal removal);

    /// Begins the journal, on this thread.
    Result<spi::JournalContents> begin_journal(const spi::JournalIdentity& identity,
                                               const std::function<void(const spi::JournalRecord&)>& each);
    /// Nothing is begun any more. The journal is let go when a call under way has returned.
    void end();

    std::uint64_t appends() const noexcept { return appends_.get(); }
    std::uint64_t records() const noexcept { return records_.get(); }
    std::uint64_t failures() const noexcept { return failures_.get(); }

private:
    void begin();
    void run();
    void append_all(std::vector<Append> appends);
    bool remove_all(std::vector<Removal> removals);
    void refuse(std::vector<Append> appends, const Error& error);
    void begin_later();
    void let_go();

    std::shared_ptr<spi::Journal> journal_; ///< null once let go; who runs has it to itself
    const std::shared_ptr<spi::Runtime> runtime_;
    const std::shared_ptr<Scope> scope_;
    Counter appends_, records_, failures_;

    std::mutex mutex_;
    // Guarded by mutex_:
    std::vector<Append> to_append_;
    std::vector<Removal> to_remove_;
    bool running_ = false; ///< a worker is at it, or about to be, or a pause
    bool ended_ = false;
    bool let_go_ = true; ///< journal_->end() was called, or is about to be, or need not
};

} // namespace tiercel::chain
