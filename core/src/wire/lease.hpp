#pragma once

#include "envelope.hpp"

#include <cstddef>
#include <cstdint>

namespace tiercel::wire {

/// What stands under a value's key while one of the processes that share a tier loads the value anew: an envelope with
/// the flag "lease"; byte by byte in core/README.md.
struct Lease {
    std::uint64_t token = 0; ///< random, never 0: whose it is
    SystemTime created{};
    SystemTime expires{}; ///< of the lease; what it carries has an end of its own
    BytesView carried;    ///< the whole envelope of the value that stood there before; empty without
};

inline constexpr std::size_t lease_bytes = header_bytes + 8;

/// Whether stored bytes may only be read as a lease. Envelopes of values never have this look.
bool looks_like_lease(BytesView stored) noexcept;

/// Of the key, codec and schema in `of`.
Bytes seal_lease(const Lease& lease, const Expected& of);

/// Checks everything but what is carried, of which it only sees to it that it is no lease again. `out` is set only when
/// the result is Defect::none, and views the input.
Defect open_lease(BytesView stored, const Expected& expected, Lease& out) noexcept;

} // namespace tiercel::wire
