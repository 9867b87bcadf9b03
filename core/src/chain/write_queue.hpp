#pragma once

#include <tiercel/detail/entry.hpp>
#include <tiercel/spi/clock.hpp>

#include <boost/unordered/unordered_flat_map.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace tiercel::chain {

struct WriteQueueOptions {
    std::size_t max_keys = 0;
    std::size_t max_bytes = 0; ///< 0: no bound
    std::size_t max_batch = 0;
    std::chrono::nanoseconds delay{};
    std::uint32_t max_attempts = 0; ///< that are refused, of one value; 0: without end
    std::chrono::nanoseconds retry_min{};
    std::chrono::nanoseconds retry_max{};
    bool journalled = false; ///< a key stays, as `forgetting`, until its record has left the journal
};

/// The decisions of write-behind: which keys are pending, with which value, and whose turn it is. Each key has one
/// record, which is in one of these states:
///
///            hold                put                        take
///   (none) ───────► held ───────────────────► waiting ──────────────────► writing
///                    │ let_go                  ▲ ▲ ▲                       │ │ │
///                    ▼                         │ │ └─ failed: backs off ───┘ │ │
///                  (none)                      │ └─── taken, but a newer ────┘ │
///                                              │      value was put            │ taken, or given up
///                                          put │                               ▼
///                                              └────────────────────────── forgetting ── forgotten ──► (none)
///                                                                          (journal only)
///
/// A hold is room for a put whose journal record is being written; it may join any of the states, and keeps the record
/// from going. A put in `waiting` takes the place of the value there (it is coalesced); one in `writing` makes the key
/// wait again once the writing has ended: so writes of one key follow one another, and the last one is the newest.
///
/// Waiting keys are in one of two orders: `fresh_`, by the end of their delay, and `backing_off_`, by the end of their
/// pause. The fresh are released, at most a batch together, when the first of them has waited for its delay or a batch
/// has come together. The two are not mixed and take turns, and those that have failed n times come in batches of a
/// 2^n-th of the size: so a key that fails holds up no other, nor for long those in whose batch it was.
///
/// A write that ended without an answer may reach the source yet, after a newer one: see landed_late().
///
/// Bounded: at most max_keys records, whatever their state, and max_bytes of their newest values, holds included; those
/// of fill() excepted.
/// Thread safety: none.
class WriteQueue {
public:
    WriteQueue(const WriteQueueOptions& options, detail::KeyEqual equal);

    /// Whether there is ever room for a put of this size.
    bool fits(std::size_t bytes) const noexcept { return options_.max_bytes == 0 || bytes <= options_.max_bytes; }
    /// Room for a put of this key, whose record takes no further place, and whose value takes that of the value there.
    /// False: there is none now. `bytes`: of its journal record. `blank_of` makes the record's key.
    bool hold(const detail::Entry& entry, std::size_t bytes, detail::EntryPtr (*blank_of)(const detail::Entry&));
    /// The put that the hold was for has failed.
    void let_go(detail::KeyRef key, std::size_t bytes);
    /// The put that the hold was for.
    void put(detail::EntryPtr entry, std::uint64_t sequence, std::size_t bytes, SteadyTime now);
    /// What was pending when the last process ended, over all bounds if need be.
    void fill(detail::EntryPtr key, detail::EntryPtr entry, std::uint64_t sequence, std::size_t bytes, SteadyTime now);

    struct Taken {
        detail::EntryPtr entry;
        std::uint64_t sequence = 0;
    };
    /// Whose turn it is, at most `most`.
    std::vector<Taken> take(SteadyTime now, std::size_t most);
    /// When take() next has something; empty: nothing waits.
    std::optional<SteadyTime> next() const;

    enum class Answer {
        written,
        refused, ///< by the writer, of this value alone: an attempt, unless in a hurry
        failed,  ///< which says nothing of the value
    };
    enum class Settled {
        written, ///< the source has it
        retried, ///< it failed, and waits
        dropped, ///< it was refused once too often
    };
    /// A key that was taken. `random`: for the pause.
    Settled settle(const Taken& taken, Answer answer, SteadyTime now, std::uint64_t random);
    /// What was settled as failed has reached the source since, perhaps over a newer value. True: the key's newest
    /// value will be written after that. False: it is not pending any more.
    bool landed_late(const Taken& taken);
    /// The record of a key written or dropped has left the journal.
    void forgotten(detail::KeyRef key, std::uint64_t sequence);

    /// Delays and pauses end now; from here on there is no delay, no pause longer than retry_min, and nothing is
    /// dropped.
    void hurry(SteadyTime now);

    /// Nothing is pending any more; what was taken is settled in vain.
    void clear();

    bool has(detail::KeyRef key) const { return record_of(key) != nullptr; }
    /// The newest value that the source has yet to take; or null.
    detail::EntryPtr find(detail::KeyRef key) const;

    /// Keys with something left to do: all but those that are only held.
    std::size_t pending() const noexcept { return pending_; }
    /// Of these, those that the source has yet to take.
    std::size_t unwritten() const noexcept { return unwritten_; }
    std::size_t bytes() const noexcept { return bytes_; }
    std::uint64_t coalesced() const noexcept { return coalesced_; }

private:
    enum class State : std::uint8_t { idle, waiting, writing, forgetting };
    struct Record;
    using Order = std::multimap<SteadyTime, Record*>;
    struct Record {
        detail::EntryPtr key;
        detail::EntryPtr value; ///< null: idle or forgetting
        std::uint64_t sequence = 0;
        std::size_t bytes = 0; ///< of the value's journal record
        State state = State::idle;
        std::uint32_t holds = 0;
        std::uint32_t attempts = 0; ///< of this value that were refused
        std::uint32_t failures = 0; ///< of this key in a row
        bool again = false;         ///< writing: an older value may have landed over it meanwhile
        Order* order = nullptr;     ///< where `place` is, if waiting
        Order::iterator place{};
    };
    struct Hash {
        std::size_t operator()(const detail::KeyRef& key) const noexcept { return key.hash; }
    };
    struct Equal {
        detail::KeyEqual equal;
        bool operator()(const detail::KeyRef& a, const detail::KeyRef& b) const noexcept {
            return a.hash == b.hash && equal(a.object, b.object);
        }
    };
    using Table = boost::unordered_flat_map<detail::KeyRef, std::unique_ptr<Record>, Hash, Equal>;

    Record* record_of(detail::KeyRef key) const;
    void change_state(Record& record, State state);
    Taken take_first(Order& order);
    void wait(Record& record, Order& order, SteadyTime due);
    void give_value(Record& record, detail::EntryPtr entry, std::uint64_t sequence, std::size_t bytes);
    void finish(Record& record);
    void erase_if_idle(Record& record);
    std::chrono::nanoseconds pause_after(std::uint32_t failures, std::uint64_t random) const;

    const WriteQueueOptions options_;
    Table table_;
    Order fresh_;
    Order backing_off_;
    std::size_t released_ = 0; ///< of fresh_, from its beginning: their turn has come
    std::size_t pending_ = 0;
    std::size_t unwritten_ = 0;
    std::size_t bytes_ = 0; ///< of values and holds
    std::uint64_t coalesced_ = 0;
    bool hurried_ = false;
    bool fresh_had_their_turn_ = false;
};

} // namespace tiercel::chain
