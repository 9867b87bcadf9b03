#pragma once

#include "meta_reader.hpp"
#include "meta_request.hpp"
#include "pool_server.hpp"
#include "ring.hpp"

#include <tiercel/memcached.hpp>
#include <tiercel/result.hpp>
#include <tiercel/spi/runtime.hpp>

#include <boost/asio/awaitable.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tiercel::memcached {

/// What one operation got from the server; never a reply of kind error, which is an Error here.
struct Answer {
    Result<Reply> reply = Error();
    bool from_gutter = false;
};

/// A list of servers and where keys live among them.
struct ServerGroup {
    Ring ring;
    std::vector<PoolServerPtr> servers;
};

/// Sends operations to the servers that own their keys, all servers at once, and what a dead one's keys can do without
/// it to the gutter. The life of an operation:
///
///     owner alive ──> sent ──answered, or failed──> done
///          │            └─no connection, and the owner now counts as dead─┐
///     owner dead ─────────────────────────────────────────────────────────┴─> gutter, or its owner's error
///
/// Thread safety: all members may be called concurrently.
/// Lifetime: shared by the backend and the operations under way, each of which holds it until it is over.
class Pool : public std::enable_shared_from_this<Pool> {
public:
    /// `gutter_ttl`: as Gutter::max_ttl.
    Pool(std::shared_ptr<spi::Runtime> runtime, ServerGroup owners, std::optional<ServerGroup> gutter,
         std::chrono::milliseconds gutter_ttl, std::size_t max_pending_bytes);

    /// An answer for each operation, in their order, by the deadline. The operations' keys are possible ones.
    boost::asio::awaitable<std::vector<Answer>> run(std::span<const Operation> operations, SteadyTime deadline);

    /// Succeeds if any server answers; each gets an equal part of the time that is left.
    boost::asio::awaitable<Result<void>> ping(SteadyTime deadline);

    /// Ends what is outstanding with Errc::closed; what comes later ends the same. Idempotent.
    void close() noexcept;

    /// The server that owns the key, for messages.
    const std::string& label_of(BytesView key) const noexcept {
        return owners_.servers[owners_.ring.server_of(key)]->label;
    }

private:
    using Places = std::vector<std::size_t>;
    struct Batch;

    boost::asio::awaitable<void> serve(Batch& batch, PoolServerPtr server, Places places);
    boost::asio::awaitable<void> divert(Batch& batch, Places places, Error why);
    boost::asio::awaitable<void> exchange(Batch& batch, PoolServerPtr server, Places places, bool is_gutter);
    static std::vector<Places> split(const ServerGroup& group, const Batch& batch, const Places& places);
    std::uint32_t take_tags(std::size_t count) noexcept;

    const std::shared_ptr<spi::Runtime> runtime_; // the last to go
    const ServerGroup owners_;
    const std::optional<ServerGroup> gutter_;
    const std::chrono::milliseconds gutter_ttl_;
    const std::size_t batch_bytes_;
    std::atomic<std::uint32_t> next_tag_;
};

} // namespace tiercel::memcached
