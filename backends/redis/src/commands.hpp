#pragma once

#include <tiercel/spi/bytes.hpp>

#include <cstddef>
#include <span>
#include <utility>

namespace tiercel::redis {

/// Commands as Redis reads them, one after the other.
class Commands {
public:
    /// Appends one command with its arguments, of any bytes.
    void add(std::span<const BytesView> words);

    std::size_t count() const noexcept { return count_; }
    const Bytes& bytes() const noexcept { return bytes_; }
    Bytes take_bytes() && noexcept { return std::move(bytes_); }

private:
    Bytes bytes_;
    std::size_t count_ = 0;
};

} // namespace tiercel::redis
