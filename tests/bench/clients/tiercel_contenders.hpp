#pragma once

#include "load.hpp"
#include "measurement.hpp"

#include <tiercel/result.hpp>
#include <tiercel/spi/backend.hpp>
#include <tiercel/spi/runtime.hpp>

#include <functional>
#include <memory>

/// tiercel's backends alone, without a cache over them. Each measurement makes its own backend. Errors:
/// std::runtime_error.
namespace tiercel::bench::clients::ours {

using Connected = Result<std::shared_ptr<spi::Backend>>;
/// On the default runtime.
using Connect = std::function<Connected()>;
/// On a runtime of the measurement's own, whose loop it turns.
using ConnectOn = std::function<Connected(std::shared_ptr<spi::Runtime>)>;

/// Stores, for each of our keys, a value of that size.
void fill(const Connect& connect, std::size_t value_bytes);

/// Callers that block (spi::sync_wait), one key a call. `load.value_bytes`: as they are given to the backend.
Sample callers(const Connect& connect, const Load& load, Stretch& stretch);
/// Callers that block, `batch_size` keys a call.
Sample batches(const Connect& connect, const Load& load, Stretch& stretch);

/// `depth` coroutines, one key a call each, on an event loop that `load.threads` threads turn.
Sample in_flight(const ConnectOn& connect, const Load& load, Stretch& stretch);
/// One coroutine on a loop of one thread: `batch_size` keys a call.
Sample batches_on_loop(const ConnectOn& connect, Stretch& stretch);
/// The same keys by as many coroutines, one key each; the next batch begins when the last of them has ended.
Sample singles_on_loop(const ConnectOn& connect, Stretch& stretch);

} // namespace tiercel::bench::clients::ours
