#include "board.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <new>
#include <system_error>

namespace tiercel::chaos {

namespace {

static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

[[noreturn]] void fail(const std::filesystem::path& file) {
    throw std::system_error(errno, std::generic_category(), file.string());
}

void* map(const std::filesystem::path& file, bool make) {
    const int descriptor = ::open(file.c_str(), O_RDWR | O_CLOEXEC | (make ? O_CREAT | O_EXCL : 0), 0600);
    if (descriptor < 0) fail(file);
    if (make && ::ftruncate(descriptor, static_cast<off_t>(sizeof(Board))) != 0) fail(file);
    void* mapped = ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    ::close(descriptor);
    if (mapped == MAP_FAILED) fail(file);
    return mapped;
}

} // namespace

Counts& Counts::operator+=(const Counts& other) noexcept {
    for (std::size_t i = 0; i < of.size(); ++i)
        of[i] += other.of[i];
    return *this;
}

Board& make_board(const std::filesystem::path& file, const Run& run) {
    auto& board = *new (map(file, true)) Board();
    board.run = run;
    return board;
}

Board& open_board(const std::filesystem::path& file) {
    return *static_cast<Board*>(map(file, false));
}

Counts counts_of(const ClientRow& client, std::size_t cache) {
    Counts counts;
    for (const auto& thread : client.threads) {
        for (std::size_t i = 0; i < count_count; ++i)
            counts.of[i] += thread.counts[cache][i].load(std::memory_order_relaxed);
    }
    return counts;
}

} // namespace tiercel::chaos
