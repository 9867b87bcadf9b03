#pragma once

#include "slot.hpp"

#include <tiercel/spi/bytes.hpp>

#include <boost/container/small_vector.hpp>

#include <cstddef>
#include <span>
#include <utility>

namespace tiercel::redis {

/// Commands as Redis reads them, one after the other.
class Commands {
public:
    /// Appends one command with its arguments, of any bytes. `slot` is that of its keys, of which it has `keys`.
    void add(std::span<const BytesView> words, Slot slot = 0, std::size_t keys = 1);

    /// Those at these places, in that order.
    Commands only(std::span<const std::size_t> places) const;

    std::size_t count() const noexcept { return parts_.size(); }
    const Bytes& bytes() const noexcept { return bytes_; }
    Bytes take_bytes() && noexcept { return std::move(bytes_); }

    /// Of one command, by its place.
    BytesView bytes(std::size_t place) const noexcept;
    Slot slot(std::size_t place) const noexcept { return parts_[place].slot; }
    bool has_several_keys(std::size_t place) const noexcept { return parts_[place].several_keys; }

private:
    struct Part {
        std::size_t end; ///< in bytes_
        Slot slot;
        bool several_keys;
    };

    Bytes bytes_;
    boost::container::small_vector<Part, 1> parts_;
};

} // namespace tiercel::redis
