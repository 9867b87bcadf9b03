#pragma once

#include "memory/access_tap.hpp"

#include <tiercel/options.hpp>
#include <tiercel/result.hpp>
#include <tiercel/spi/runtime.hpp>
#include <tiercel/stats.hpp>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace tiercel::chain {

/// Writes what a store is asked to a file, as a trace for tiercel-lab (see RecordAccessesOptions).
///
///     lookup ──► filling ──swap──► draining ──► text ──► file
///              mutex_                    file_mutex_
///
/// One buffer fills while the other is written. When the filling one is half full, a worker of the runtime is asked to
/// swap them; when it is full, accesses are dropped.
///
/// Thread safety: all members may be called concurrently. mutex_ is held for the appending of a record or the swap of
/// the buffers, never during I/O.
/// Lifetime: held by shared_ptr; a flush under way shares it.
class AccessRecorder final : public memory::AccessTap, public std::enable_shared_from_this<AccessRecorder> {
public:
    /// Whether lines have the weight of the entry.
    enum class Weights : std::uint8_t { left_out, written };

    /// Errors: invalid_option when the file cannot be opened.
    static Result<std::shared_ptr<AccessRecorder>> open(const RecordAccessesOptions& options, Weights weights,
                                                        std::shared_ptr<spi::Runtime> runtime);
    ~AccessRecorder() override;

    void on_hit(const detail::Entry& entry) noexcept override;
    void on_miss(std::uint64_t hash) noexcept override;
    /// Gives the last miss of that key its weight, if it was not written yet.
    void on_insert(const detail::Entry& entry) noexcept override;

    /// Writes what is left and closes the file; what comes later is ignored. Blocks on I/O. Idempotent.
    void close() noexcept;

    RecordingStats stats() const noexcept;

private:
    struct Record {
        std::uint64_t hash;
        std::uint64_t weight;
    };
    struct CloseFile {
        void operator()(std::FILE* file) const noexcept { (void)std::fclose(file); }
    };

    AccessRecorder(std::FILE* file, std::uint64_t max_bytes, Weights weights, std::shared_ptr<spi::Runtime> runtime);

    std::size_t line_of(Record record, std::span<char> line) const noexcept;
    void append(Record record) noexcept;
    bool ask_for_flush() noexcept;
    void flush(std::size_t least) noexcept;
    void drain() noexcept;

    const Weights weights_;
    const std::uint64_t max_bytes_;
    const std::shared_ptr<spi::Runtime> runtime_;
    std::atomic<bool> over_{false}; ///< nothing is recorded any more: closed, full or failed
    std::atomic<bool> closed_{false};
    std::atomic<bool> full_{false};
    std::atomic<bool> failed_{false};
    std::atomic<std::uint64_t> written_{0};
    std::atomic<std::uint64_t> bytes_{0};
    std::atomic<std::uint64_t> dropped_{0};
    std::atomic<std::uint64_t> too_late_{0};

    std::mutex mutex_; ///< guards the next two; taken after file_mutex_
    std::vector<Record> filling_;
    bool flush_asked_ = false;

    std::mutex file_mutex_; ///< guards all below
    std::vector<Record> draining_;
    std::string text_;
    std::unique_ptr<std::FILE, CloseFile> file_;
};

} // namespace tiercel::chain
