#pragma once

#include <tiercel/spi/bytes.hpp>

#include <cstddef>
#include <span>

namespace tiercel::transport {

/// A large value of which some has come, in memory of its own, into which the socket is read: nobody but the kernel
/// copies what comes there. Gets room for what has come many times over, not for what was announced, so that a peer
/// that announces much and sends little takes little.
/// Thread safety: none.
class ArrivingValue {
public:
    /// What is worth it.
    static constexpr std::size_t usual_large_bytes = std::size_t{32} << 10;

    explicit ArrivingValue(std::size_t large_bytes) noexcept : large_bytes_(large_bytes) {}

    bool is_large(std::size_t size) const noexcept { return size >= large_bytes_; }

    /// Nothing of `size` bytes, at least one, has come. What was here before is gone.
    /// Throws std::bad_alloc, as append and room do; this is then of no further use.
    void begin(std::size_t size);

    /// Of its bytes, how many have not come.
    std::size_t left() const noexcept { return size_ - came_; }

    /// Takes a copy of the next bytes, which are no more than left().
    void append(BytesView part);

    /// Where the next bytes may be put, which are then told of by `filled`. Valid until the next call. Empty if there
    /// are so few to come that they are better read together with what follows them.
    std::span<char> room();
    void filled(std::size_t bytes) noexcept { came_ += bytes; }

    /// All of it, when nothing is left.
    Bytes take() noexcept;

private:
    std::size_t least_room() const noexcept;
    void grow_to(std::size_t bytes, std::size_t came);

    const std::size_t large_bytes_;
    Bytes text_;           // beyond came_ zeros, for the socket to fill
    std::size_t size_ = 0; // when all has come
    std::size_t came_ = 0;
};

} // namespace tiercel::transport
