#pragma once

#include <tiercel/result.hpp>
#include <tiercel/spi/backend.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tiercel::spi {

/// A store reached through a client library whose calls block: what make_blocking_backend turns into a Backend.
/// Thread safety: all members are called concurrently, from as many threads as the backend was given.
/// Lifetime: held by shared_ptr until the last call has returned; views passed in are valid during the call only.
/// Errors: per key, in the order of the keys. An exception becomes Errc::server_error for every key of the call.
///
/// A call should return soon after its `deadline`: the caller is answered by then in any case, and a result that comes
/// later is dropped, but the thread stays occupied, and the backend's destructor waits for it (30 seconds at most).
class BlockingClient {
public:
    virtual ~BlockingClient() = default;

    virtual std::string_view name() const noexcept = 0;
    virtual Capabilities capabilities() const noexcept = 0;

    /// Which part of the store the key lives in, where it has parts that fail apart from each other: the servers of a
    /// pool. A batch is split into one call for each lane, and these run at the same time on different threads, so
    /// that a lane which fails or hangs costs only its own keys. Called from any thread, with any key; must not block.
    virtual std::size_t lane(BytesView) const noexcept { return 0; }

    // The batches: never empty, all keys in one lane, results as many as keys.
    virtual std::vector<Lookup> get_many(std::span<const BytesView> keys, SteadyTime deadline) = 0;
    virtual std::vector<Result<void>> put_many(std::span<const PutItem> items, SteadyTime deadline) = 0;
    virtual std::vector<Result<bool>> erase_many(std::span<const BytesView> keys, SteadyTime deadline) = 0;
    virtual std::vector<Result<bool>> touch_many(std::span<const BytesView> keys, std::chrono::milliseconds ttl,
                                                 SteadyTime deadline) = 0;

    // Errc::unsupported unless overridden.
    virtual Result<Conditional> put_if_absent(const PutItem& item, SteadyTime deadline);
    virtual Result<Conditional> put_if_version(const PutItem& item, Version expected, SteadyTime deadline);
    virtual Result<ScanPage> scan(BytesView prefix, const std::string& cursor, SteadyTime deadline);

    virtual Result<void> ping(SteadyTime deadline) = 0;
};

struct BlockingOptions {
    /// Threads that call the client, started at the first call. At least 1.
    std::size_t threads = 8;
    /// Calls (a batch counts once for each of its lanes) that wait for a thread; one more fails with
    /// Errc::overloaded. At least 1.
    std::size_t max_queued = 1024;
};

/// A Backend that makes its calls on a bounded pool of threads of its own.
///
/// Each call holds copies of its keys and values, returns by its deadline even if every thread is stuck, and resumes
/// its caller on the caller's own executor. A call whose deadline passes before a thread is free is never made.
/// close() fails what waits with Errc::closed and lets calls in progress finish, by their deadlines at the latest;
/// destroying the backend closes it and waits for them, at most 30 seconds: a thread that is stuck for longer is left
/// to itself, with its share of the client. Errors: invalid_option naming the option.
Result<std::shared_ptr<Backend>> make_blocking_backend(std::shared_ptr<BlockingClient> client,
                                                       BlockingOptions options = {});

} // namespace tiercel::spi
