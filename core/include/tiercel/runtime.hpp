#pragma once

#include <tiercel/result.hpp>

#include <chrono>
#include <cstddef>
#include <memory>

namespace tiercel {

namespace spi {
class Runtime;
}

/// The threads that caches and backends may use. All are started at first need and stopped with the runtime.
struct RuntimeOptions {
    /// Threads that turn the event loop: sockets, timers, coroutines. At least 1.
    unsigned event_loop_threads = 1;
    /// Most threads for user code that may block (loaders, writers). Idle ones end after ten seconds. At least 1.
    unsigned max_worker_threads = 64;
    /// Most jobs waiting for a worker; beyond that Errc::overloaded. At least 1.
    std::size_t max_queued_jobs = 10'000;
    /// How long stopping waits for workers inside user code; a worker that is stuck for longer is abandoned.
    std::chrono::milliseconds stop_timeout{5'000};
};

/// A runtime of its own, to be shared by the caches and backends it is given to.
/// Lifetime: stops when the last user lets go.
/// Errors: invalid_option.
/// To run on an io_context of yours instead, see make_runtime in <tiercel/spi/runtime.hpp>.
Result<std::shared_ptr<spi::Runtime>> make_runtime(const RuntimeOptions& options);

} // namespace tiercel
