#pragma once

#include <tiercel/result.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace tiercel {

namespace spi {
class Journal;
}

/// When a put is acknowledged: what it has survived by then.
enum class Acknowledge : std::uint8_t {
    /// The source of truth has taken it: write-through.
    source,
    /// It is in this process's memory, on its way to the source. What is pending dies with the process.
    memory,
    /// It is in WriteBehindOptions::journal too: it survives the process, kill -9 included (and a power failure, if the
    /// journal says so), and goes to the source when a cache is next made with that journal.
    journal,
};

/// Puts that do not wait for the source of truth. They are visible in memory, in the tiers and to loading lookups as
/// soon as they are acknowledged, and are written to the source in the background: the newest value of each key, in
/// batches, again and again until the source has taken it.
///
/// The writer may be given a value more than once (after a timeout, after a restart), and never sees one that was
/// replaced before its turn came: it must be idempotent. Writes of one key follow one another, but for one case: a
/// write that did not answer within TimeoutOptions::source is tried again while it may still be under way.
/// Each field but `acknowledge` has a meaning only if that is not `source`.
struct WriteBehindOptions {
    Acknowledge acknowledge = Acknowledge::source;
    /// Needed with Acknowledge::journal, and only there: tiercel::open_journal's, or yours. One cache at a time has it.
    /// An error here is create()'s. K and V then need codecs (see codec.hpp).
    Result<std::shared_ptr<spi::Journal>> journal = std::shared_ptr<spi::Journal>();
    /// Most keys pending. With that many, a put of another key waits for room, in order, until its deadline; at most
    /// LoadingOptions::max_waiting wait. A put of a key that is pending already takes no further place. At least 1.
    std::size_t max_writes = 10'000;
    /// Most bytes of the pending keys' newest records in the journal; 0: no bound by bytes. With
    /// Acknowledge::journal only: elsewhere nobody knows the size of a value.
    std::size_t max_bytes = 0;
    /// Most keys in one call of a batch writer, at least 1. That many waiting are written at once.
    std::size_t max_batch = 256;
    /// How long a write may wait for others to come together, or for a newer value of its key; 0: not at all. At most
    /// an hour. close() does not wait for it.
    std::chrono::nanoseconds delay = std::chrono::milliseconds(100);
    /// Times that a value is refused before it is dropped, told as WriteDropped, and its key invalidated; 0: no end.
    /// Alone in a call, and but for timeout, overloaded, closed and connection_failed: a writer has to say so in an
    /// outage.
    std::uint32_t max_attempts = 0;
    /// The pause after a key's first failure; it doubles with each further one. Each is shortened by a random share of
    /// up to a half. Positive, at most `retry_max`.
    std::chrono::nanoseconds retry_min = std::chrono::milliseconds(100);
    /// The longest pause, and so about how long it takes to notice that the source is back. At most a day.
    std::chrono::nanoseconds retry_max = std::chrono::seconds(30);
};

} // namespace tiercel
