#pragma once

#include <tiercel/result.hpp>
#include <tiercel/spi/bytes.hpp>
#include <tiercel/spi/clock.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tiercel::spi {

/// Names one stored state of one key, for put_if_version. Opaque: each backend has its own meaning for it.
enum class Version : std::uint64_t {};

/// One value to store.
struct PutItem {
    BytesView key;
    BytesView value;
    /// Positive; empty means that it does not expire. Backends round up to what their server can express.
    std::optional<std::chrono::milliseconds> ttl;
};

struct Found {
    Bytes value;
    Version version{};
    /// Only from a backend with `reads_ttl`.
    std::optional<std::chrono::milliseconds> remaining_ttl;
};

/// What one key of a get_many got: the value, nothing (the server answered that it has none), or the failure of the
/// server that owns it. A server that did not answer is never "nothing".
using Lookup = Result<std::optional<Found>>;

/// What came of a conditional write.
enum class Conditional : unsigned char {
    stored,   ///< the condition held and the value is in
    conflict, ///< another state is there; nothing was written
    absent,   ///< put_if_version only: the key is not there; nothing was written
};

/// What a backend can do; core adapts to the rest.
struct Capabilities {
    std::size_t max_key_bytes = 0;   ///< 0: no limit
    bool binary_keys = true;         ///< false: printable ASCII without space (0x21 to 0x7e) only
    std::size_t max_value_bytes = 0; ///< 0: no limit
    bool conditional_writes = false; ///< put_if_absent and put_if_version work
    bool reads_ttl = false;          ///< get_many tells the remaining TTL
    bool scans = false;              ///< scan works
    /// get_many may give what was there a while ago, as from replicas: what it finds is not written to other tiers.
    bool reads_may_be_old = false;
    bool invalidation_feed = false; ///< reserved for backends that announce others' writes
};

struct CallContext {
    /// By then every call has returned, with Errc::timeout for what is not known.
    SteadyTime deadline;
};

/// One page of scan.
struct ScanPage {
    std::vector<Bytes> keys;
    /// Pass to the next call; empty at the end.
    std::string cursor;
};

/// Stores opaque bytes outside the L1. Holds no policy: no envelope, no compression, no retry of writes.
/// Thread safety: all members may be called concurrently, from any executor.
/// Lifetime: held by shared_ptr; spans and views passed in stay valid until the awaitable completes, and so does the
/// executor it is awaited on.
/// Errors: per key in the results, in the order of the keys; never throws. A missing key is not an error.
class Backend {
public:
    virtual ~Backend() = default;

    /// A short stable name for statistics and messages: "redis", "memcached", "memory".
    virtual std::string_view name() const noexcept = 0;
    virtual Capabilities capabilities() const noexcept = 0;

    virtual boost::asio::awaitable<std::vector<Lookup>> get_many(std::span<const BytesView> keys, CallContext call) = 0;
    virtual boost::asio::awaitable<std::vector<Result<void>>> put_many(std::span<const PutItem> items,
                                                                       CallContext call) = 0;
    /// True where a value was there.
    virtual boost::asio::awaitable<std::vector<Result<bool>>> erase_many(std::span<const BytesView> keys,
                                                                         CallContext call) = 0;
    /// Gives present keys a new life of `ttl` from now; true where the key was there.
    virtual boost::asio::awaitable<std::vector<Result<bool>>>
    touch_many(std::span<const BytesView> keys, std::chrono::milliseconds ttl, CallContext call) = 0;

    /// Stores if the key is not there. One of any number of concurrent callers gets `stored`, the others `conflict`.
    virtual boost::asio::awaitable<Result<Conditional>> put_if_absent(PutItem item, CallContext call) = 0;
    /// Stores if the key is still in the state that a get_many named. Any write or erase in between makes it fail.
    virtual boost::asio::awaitable<Result<Conditional>> put_if_version(PutItem item, Version expected,
                                                                       CallContext call) = 0;

    /// Succeeds when the backend can serve requests.
    virtual boost::asio::awaitable<Result<void>> ping(CallContext call) = 0;

    /// Keys that begin with `prefix`, a page at a time, in no order; keys written meanwhile may be missed or repeated.
    /// Errors: unsupported from a backend without `scans`.
    virtual boost::asio::awaitable<Result<ScanPage>> scan(BytesView prefix, std::string cursor, CallContext call);

    /// Later calls fail with Errc::closed, and so does what is under way where the client can be interrupted; elsewhere
    /// it ends by its deadline. Connections go now, or with the last call under way. Idempotent.
    virtual void close() noexcept = 0;
};

} // namespace tiercel::spi
