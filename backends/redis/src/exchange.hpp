#pragma once

#include "commands.hpp"
#include "replica_set.hpp"
#include "slot.hpp"
#include "transport/connections.hpp"
#include "transport/reply.hpp"

#include <tiercel/redis.hpp>
#include <tiercel/result.hpp>
#include <tiercel/spi/backend.hpp>
#include <tiercel/spi/clock.hpp>
#include <tiercel/spi/runtime.hpp>

#include <boost/asio/awaitable.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tiercel::redis {

using transport::Reply;

/// The reply to one command; never one of kind error, which is an Error here.
using Answer = Result<Reply>;

/// Where the commands of an operation go and their answers come from: one server, or several.
/// Thread safety: all members may be called concurrently.
/// Lifetime: shared by the backend and the operations under way, each of which holds it until it is over.
class Exchange : public std::enable_shared_from_this<Exchange> {
public:
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;
    virtual ~Exchange() = default;

    /// Commands over several keys are only for keys of one slot.
    virtual Slot slot_of(BytesView key) const noexcept = 0;

    /// Sends each command to the server that has its slot. An answer for each, in their order, by the deadline.
    virtual boost::asio::awaitable<std::vector<Answer>> run(Commands commands, SteadyTime deadline) = 0;

    /// The names of the servers that together have all keys, ascending.
    virtual boost::asio::awaitable<Result<std::vector<std::string>>> servers(SteadyTime deadline) = 0;
    /// Sends the command to that server, whatever its slot.
    /// Errors: moved if no server of that name has keys any more.
    virtual boost::asio::awaitable<Answer> run_at(std::string server, Commands command, SteadyTime deadline) = 0;

    /// Which keys of a batch may be read at replicas now, those of each replica together: `slots` are those of all
    /// keys, `places` those to choose from. What is not in a part is for run().
    virtual std::vector<ReplicaPart> at_replicas(std::span<const Slot> slots, const Places& places, SteadyTime now);
    /// Sends reads to that replica, and nowhere else.
    boost::asio::awaitable<std::vector<Answer>> run_at_replica(Replica& replica, Commands commands,
                                                               SteadyTime deadline);

    /// Ends what is outstanding with Errc::closed; what comes later ends the same. Idempotent.
    virtual void close() noexcept = 0;

    /// For messages.
    const std::string& label() const noexcept { return label_; }
    Error unexpected_reply() const;
    std::size_t max_value_bytes() const noexcept { return max_value_bytes_; }
    /// A batch of writes goes out in parts of about this, each after the replies to the one before.
    std::size_t batch_bytes() const noexcept { return batch_bytes_; }
    spi::Version new_version() noexcept { return spi::Version(runtime_->random()); }

    /// More than any write has beside its key and its value.
    static constexpr std::size_t write_overhead = 256;

protected:
    Exchange(std::shared_ptr<spi::Runtime> runtime, std::string label, const Options& options)
        : runtime_(std::move(runtime)),
          label_(std::move(label)),
          max_value_bytes_(options.max_reply_bytes - write_overhead),
          batch_bytes_(std::min(max_batch_bytes, options.max_pending_bytes)) {}

    spi::Runtime& runtime() const noexcept { return *runtime_; }

    /// Sends all of them to one server, over one of these connections. Both are to be there until it is over.
    boost::asio::awaitable<std::vector<Answer>> send(transport::Connections& connections, const std::string& server,
                                                     Commands commands, SteadyTime deadline) const;

private:
    static constexpr std::size_t max_batch_bytes = std::size_t{4} << 20;

    const std::shared_ptr<spi::Runtime> runtime_; // the last to go
    const std::string label_;
    const std::size_t max_value_bytes_;
    const std::size_t batch_bytes_;
};

} // namespace tiercel::redis
