#pragma once

#include "exchange.hpp"
#include "recent_writes.hpp"

#include <tiercel/spi/backend.hpp>

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <span>
#include <vector>

namespace tiercel::redis {

/// get_many. Without `recent`, at the masters. With it, each key
///
///     ──written lately, or no replica of its master may be read──────────────────────────> master ──> its answer
///     ──else──> replica ──a value, and by the process that was proven fresh enough──> it
///                  └── nothing, an error, or no answer in half of the time──────────────> master ──> its answer
///
/// Those of one replica go together and wait for no others.
boost::asio::awaitable<std::vector<spi::Lookup>> read_many(std::shared_ptr<Exchange> exchange,
                                                           std::shared_ptr<RecentWrites> recent,
                                                           std::span<const BytesView> keys, spi::CallContext call);

} // namespace tiercel::redis
