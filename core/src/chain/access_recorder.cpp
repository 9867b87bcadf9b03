#include "access_recorder.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <exception>
#include <system_error>
#include <utility>

namespace tiercel::chain {
namespace {

/// Of one buffer, in records of 16 bytes.
constexpr std::size_t buffer_records = 4096;
constexpr std::size_t worth_flushing = buffer_records / 2;
/// After a worker was refused, the next is asked for this many records later.
constexpr std::size_t ask_every = 256;

/// How far back a miss is looked for to give it its weight.
constexpr std::size_t look_back = 256;

/// Two numbers of 20 digits, a blank and a new line.
constexpr std::size_t longest_line = 42;

} // namespace

std::size_t AccessRecorder::line_of(Record record, std::span<char> line) const noexcept {
    char* const end = line.data() + line.size();
    char* at = std::to_chars(line.data(), end - 1, record.hash).ptr;
    if (weights_ == Weights::written) {
        *at++ = ' ';
        at = std::to_chars(at, end - 1, record.weight).ptr;
    }
    *at++ = '\n';
    return static_cast<std::size_t>(at - line.data());
}

Result<std::shared_ptr<AccessRecorder>> AccessRecorder::open(const RecordAccessesOptions& options, Weights weights,
                                                             std::shared_ptr<spi::Runtime> runtime) {
    std::FILE* const file = std::fopen(options.path.c_str(), "wbe");
    if (file == nullptr) {
        return Error(Errc::invalid_option, "CacheOptions::record_accesses.path cannot be written on: '" + options.path +
                                               "': " + std::generic_category().message(errno));
    }
    (void)std::setvbuf(file, nullptr, _IONBF, 0); // it is given whole buffers
    return std::shared_ptr<AccessRecorder>(new AccessRecorder(file, options.max_bytes, weights, std::move(runtime)));
}

AccessRecorder::AccessRecorder(std::FILE* file, std::uint64_t max_bytes, Weights weights,
                               std::shared_ptr<spi::Runtime> runtime)
    : weights_(weights), max_bytes_(max_bytes), runtime_(std::move(runtime)), file_(file) {
    filling_.reserve(buffer_records);
    draining_.reserve(buffer_records);
    text_.reserve(buffer_records * longest_line);
}

AccessRecorder::~AccessRecorder() {
    close();
}

void AccessRecorder::on_hit(const detail::Entry& entry) noexcept {
    append({entry.hash, entry.weight});
}

void AccessRecorder::on_miss(std::uint64_t hash) noexcept {
    append({hash, 0});
}

void AccessRecorder::on_insert(const detail::Entry& entry) noexcept {
    if (weights_ == Weights::left_out) return;
    const std::lock_guard lock(mutex_);
    const auto end = filling_.rbegin() + static_cast<std::ptrdiff_t>(std::min(look_back, filling_.size()));
    const auto last =
        std::find_if(filling_.rbegin(), end, [&](const Record& record) { return record.hash == entry.hash; });
    if (last != end && last->weight == 0) last->weight = entry.weight;
}

void AccessRecorder::append(Record record) noexcept {
    if (over_.load(std::memory_order_relaxed)) {
        if (!closed_.load(std::memory_order_relaxed)) too_late_.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        if (closed_.load(std::memory_order_relaxed)) return;
        if (filling_.size() == buffer_records) {
            dropped_.fetch_add(1, std::memory_order_relaxed);
        } else {
            filling_.push_back(record); // within what was reserved
        }
        if (flush_asked_ || filling_.size() < worth_flushing || filling_.size() % ask_every != 0) return;
        flush_asked_ = true;
    }
    if (ask_for_flush()) return;
    const std::lock_guard lock(mutex_);
    flush_asked_ = false;
}

bool AccessRecorder::ask_for_flush() noexcept {
    try {
        return bool(runtime_->run_blocking([weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->flush(worth_flushing);
        }));
    } catch (const std::exception&) {
        return false;
    }
}

/// Writes until fewer than `least` records are left.
void AccessRecorder::flush(std::size_t least) noexcept {
    const std::lock_guard file_lock(file_mutex_);
    for (;;) {
        {
            const std::lock_guard lock(mutex_);
            if (filling_.size() < least) {
                flush_asked_ = false;
                return;
            }
            filling_.swap(draining_);
        }
        drain();
        draining_.clear();
    }
}

void AccessRecorder::drain() noexcept {
    if (full_ || failed_) {
        too_late_.fetch_add(draining_.size(), std::memory_order_relaxed);
        return;
    }
    text_.clear();
    std::uint64_t lines = 0;
    for (const Record& record : draining_) {
        std::array<char, longest_line> line;
        const std::size_t length = line_of(record, line);
        if (bytes_ + text_.size() + length > max_bytes_) {
            full_ = true;
            break;
        }
        text_.append(line.data(), length); // within what was reserved
        ++lines;
    }
    const auto written = std::fwrite(text_.data(), 1, text_.size(), file_.get());
    bytes_ += written;
    if (written == text_.size()) {
        written_ += lines;
    } else {
        failed_ = true;
        lines = 0;
    }
    too_late_.fetch_add(draining_.size() - lines, std::memory_order_relaxed);
    if (full_ || failed_) over_ = true;
}

void AccessRecorder::close() noexcept {
    {
        const std::lock_guard lock(mutex_);
        if (closed_.exchange(true)) return;
        over_ = true;
    }
    flush(1);
    const std::lock_guard file_lock(file_mutex_);
    if (std::fclose(file_.release()) != 0) failed_ = true;
}

RecordingStats AccessRecorder::stats() const noexcept {
    RecordingStats stats;
    stats.written = written_;
    stats.bytes = bytes_;
    stats.dropped = dropped_;
    stats.too_late = too_late_;
    stats.full = full_;
    stats.failed = failed_;
    return stats;
}

} // namespace tiercel::chain
