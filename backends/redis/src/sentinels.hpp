#pragma once

#include "master_search.hpp"
#include "node_address.hpp"
#include "refresh_state.hpp"
#include "replica_set.hpp"
#include "sentinel_feed.hpp"
#include "server_node.hpp"
#include "transport/call.hpp"
#include "url.hpp"
#include "waiters.hpp"

#include <tiercel/redis.hpp>
#include <tiercel/spi/runtime.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace tiercel::redis {

/// Who is the master, by the word of the sentinels and its own, and the connections to it:
///
///     settled ──somebody needs it, and the back-off allows; or there is news──> searching: all sentinels are asked
///        ^                                                                          │
///        ├── found: the former master's connections are closed <──── MasterSearch ──┤
///        └── not found: the former is kept, unless the search deposes it <──────────┘
///
/// Needs it: who finds no master, saw it fail, or was told by it that it takes no writes; and, while less than most of
/// the subscriptions are up, any call when the last answer is older than the interval. One search at a time; news that
/// comes meanwhile begins it anew, but not more often than the least back-off. The subscriptions begin with the first
/// search.
///
/// Thread safety: all but the private members marked so may be called concurrently.
/// Lifetime: like a Connection, lives on the event loop and does not keep it: whoever calls does.
class Sentinels : public std::enable_shared_from_this<Sentinels> {
public:
    /// `node` is how the master is spoken to; where, the sentinels say.
    Sentinels(spi::Runtime& runtime, const std::vector<Address>& sentinels, Address node,
              const SentinelOptions& options);

    struct Known {
        NodePtr master;                       ///< null: nobody knows
        std::shared_ptr<ReplicaSet> replicas; ///< of the master; null if there is none, or they are not read
        std::uint64_t generation = 0;
    };
    /// Errors: closed.
    Result<Known> known();

    /// For who found no master at `generation`.
    struct Outlook {
        bool changed = false;         ///< something is known that was not
        bool searching = false;       ///< there may soon be
        std::optional<Error> failure; ///< of the last search
    };
    Outlook need(std::uint64_t generation);

    /// The master could not be reached, did not answer in time, or takes no writes.
    void doubt();

    /// Returns when something else is known than at `generation`, or no hope left; when `until` has come; or on
    /// close().
    static boost::asio::awaitable<void> wait(std::shared_ptr<Sentinels> self, std::uint64_t generation,
                                             SteadyTime until);

    bool is_closed();
    /// Closes all connections and wakes who waits. Idempotent.
    void close() noexcept;

private:
    /// True if a search is under way.
    bool request_search();

    // On the strand.
    void begin_search();
    void on_answer(std::uint64_t search, std::size_t sentinel, const transport::Call& call);
    void go_on();
    void on_role(std::uint64_t search, const transport::Call& call);
    void adopt();
    std::shared_ptr<ReplicaSet> replicas_of_locked(const NodePtr& master);
    void give_up();
    void on_event(std::size_t sentinel, SentinelFeed::Event event);
    void hurry();
    boost::asio::awaitable<void> wait_here(std::uint64_t generation, SteadyTime until);

    const boost::asio::any_io_executor strand_;
    spi::Runtime* const runtime_; // to be used under mutex_ and before close() only
    const Address node_address_;
    const SentinelOptions options_;
    const std::chrono::milliseconds pause_; // between two searches for the sake of news
    const std::vector<NodePtr> sentinels_;
    const Bytes question_;

    std::mutex mutex_; // guards what follows, up to the next comment; not held during I/O
    NodePtr master_;
    std::shared_ptr<ReplicaSet> replicas_; // of master_; null if replicas are not read
    RefreshState refresh_;
    bool doubted_ = false;   // since the last search began
    bool listening_ = false; // most of the subscriptions are up
    std::mt19937_64 random_;
    bool closed_ = false;

    // Only on the strand.
    std::vector<std::shared_ptr<SentinelFeed>> feeds_; // of each sentinel
    std::uint64_t search_id_ = 0;                      // answers to an earlier one are nobody's
    SteadyTime search_began_ = SteadyTime::min();
    std::optional<MasterSearch> search_;
    NodePtr candidate_;          // while its role is being asked for
    std::vector<bool> has_news_; // of each sentinel: since the last search began
    boost::asio::steady_timer news_timer_;
    bool hurry_awaited_ = false;
    SteadyTime no_hurry_before_ = SteadyTime::min();
    Waiters waiters_;
};

} // namespace tiercel::redis
