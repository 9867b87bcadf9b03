#pragma once

#include "binary_errors.hpp"
#include "ring.hpp"

#include <tiercel/memcached.hpp>
#include <tiercel/spi/backend.hpp>

#include <libmemcached-1.0/memcached.h>

#include <ctime>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tiercel::memcached {

/// One connection to one server, over a libmemcached client of its own.
/// Thread safety: none; one thread at a time.
/// Errors: each call returns by its deadline or soon after (libmemcached bounds the server's silence, not its total
/// time). After an error the connection may hold half an answer: use it again only while usable().
class BinaryConnection {
public:
    /// Connects and has the server say its version, so that a peer which is no memcached is known for it before
    /// anything is asked of it.
    static Result<std::unique_ptr<BinaryConnection>> open(const Server& server, const SaslOptions& options,
                                                          SteadyTime deadline);
    BinaryConnection(const BinaryConnection&) = delete;
    BinaryConnection& operator=(const BinaryConnection&) = delete;
    ~BinaryConnection();

    bool usable() const noexcept { return usable_; }

    /// Fills found[i] for each of the keys (distinct, checked) that the server has. On an error some may be filled;
    /// of the others nothing is known.
    Result<void> get_many(std::span<const BytesView> keys, std::span<std::optional<spi::Found>> found,
                          SteadyTime deadline);

    Result<void> set(const spi::PutItem& item, std::time_t expiration, SteadyTime deadline);
    Result<spi::Conditional> add(const spi::PutItem& item, std::time_t expiration, SteadyTime deadline);
    Result<spi::Conditional> cas(const spi::PutItem& item, std::time_t expiration, spi::Version expected,
                                 SteadyTime deadline);
    Result<bool> erase(BytesView key, SteadyTime deadline);
    Result<bool> touch(BytesView key, std::time_t expiration, SteadyTime deadline);

private:
    // memcached_fetch_result writes the key of an answer into `result.item_key`, which is shorter than the line it
    // reads: a hostile server can overrun it by less than `slack`.
    struct GuardedResult {
        memcached_result_st result;
        char slack[512];
    };

    BinaryConnection(std::string address, const SaslOptions& options);
    Result<void> greet(const Server& server, SteadyTime deadline);
    Result<void> get_chunk(std::span<const BytesView> keys, std::span<std::optional<spi::Found>> found,
                           SteadyTime deadline);
    /// Tells libmemcached how long to wait from now on. Errors: timeout, when the deadline is over; nothing was sent.
    Result<void> await_until(SteadyTime deadline);
    Error broken(memcached_return_t code);
    Error broken(Error error);
    Error not_written(memcached_return_t code);

    // The allocators given to libmemcached: none gives more than `max_allocation_`, which bounds the value that a
    // server can claim to send.
    static void* allocate(const memcached_st*, std::size_t bytes, void* self);
    static void* reallocate(const memcached_st*, void* memory, std::size_t bytes, void* self);
    static void* allocate_zeroed(const memcached_st*, std::size_t count, std::size_t bytes, void* self);
    static void release(const memcached_st*, void* memory, void* self);

    const std::string address_;
    const std::string username_;
    const std::string password_;
    const std::chrono::milliseconds connect_timeout_;
    const std::chrono::milliseconds request_timeout_;
    const std::size_t max_allocation_;
    GuardedResult answer_{};
    bool answer_freed_ = false; ///< by libmemcached, misled by an overrun
    MemcachedPtr client_;
    bool usable_ = true;
};

} // namespace tiercel::memcached
