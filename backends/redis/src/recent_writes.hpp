#pragma once

#include <tiercel/spi/bytes.hpp>
#include <tiercel/spi/clock.hpp>

#include <boost/container/small_vector.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace tiercel::redis {

/// Which keys this process has written so lately that a replica which may be read need not hold it: their reads are for
/// the master.
///
///     cell of a key:   40 bits: milliseconds since `epoch_`, until which   │ 24 bits: writes under way
///
///     idle ──Writing made──> under way, by any number ──the last one gone──> held until its end + hold ──> idle
///
/// A key is recent while a write of it is under way, and then for `max_staleness`: a replica that is readable after
/// that holds what the master held at a time after the write was answered. After a write that failed, or was not
/// answered, it is recent for `late` longer, in which the server may yet carry it out. Keys that share a cell are
/// recent together, which costs a read from the master and nothing else.
///
/// Thread safety: all members may be called concurrently.
/// Memory order: a cell is one atomic, and nothing else is read on the strength of what it says. What has to be seen is
/// a write's trace by reads that begin after the write has begun or ended; whoever lets them begin has ordered the two,
/// and then coherence of the one cell is enough. So all is relaxed.
class RecentWrites {
public:
    /// 512 KiB. `epoch` is now, or before.
    RecentWrites(std::chrono::milliseconds max_staleness, std::chrono::milliseconds late, SteadyTime epoch);

    bool is_recent(BytesView key, SteadyTime now) const noexcept;

    /// Writes of some keys under way: from its making to its end. Unless answered() was called before, they may be
    /// carried out late.
    class Writing {
    public:
        /// `table` may be null: nothing is remembered.
        explicit Writing(std::shared_ptr<RecentWrites> table) noexcept : table_(std::move(table)) {}
        ~Writing();
        Writing(const Writing&) = delete;
        Writing& operator=(const Writing&) = delete;

        /// To be called before the write is sent.
        void add(BytesView key);
        /// The server has carried all of them out.
        void answered() noexcept { answered_ = true; }

    private:
        const std::shared_ptr<RecentWrites> table_;
        boost::container::small_vector<std::uint32_t, 4> cells_;
        bool answered_ = false;
    };

    static constexpr std::size_t cell_count = std::size_t{1} << 16;

private:
    using Cell = std::atomic<std::uint64_t>;

    static std::uint32_t cell_of(BytesView key) noexcept;
    void begin(std::uint32_t cell) noexcept;
    void end(std::uint32_t cell, SteadyTime until) noexcept;

    const std::chrono::milliseconds max_staleness_;
    const std::chrono::milliseconds late_;
    const SteadyTime epoch_;
    const std::unique_ptr<Cell[]> cells_;
};

} // namespace tiercel::redis
