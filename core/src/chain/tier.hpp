#pragma once

#include "breaker.hpp"
#include "chunked_backend.hpp"
#include "counters.hpp"
#include "events.hpp"
#include "fences.hpp"
#include "refresh_rule.hpp"
#include "scope.hpp"
#include "signal.hpp"
#include "wire/envelope.hpp"
#include "wire/key_encoding.hpp"
#include "wire/lease.hpp"
#include "wire/packer.hpp"

#include <tiercel/detail/engine.hpp>
#include <tiercel/spi/backend.hpp>
#include <tiercel/spi/runtime.hpp>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace tiercel::chain {

/// A key on its way into the tiers: encoded once for all of them.
struct WireKey {
    Bytes bytes;
    wire::Fingerprint fingerprint;
};

/// What stands in a tier with leases where no value of use was found: a lease replaces exactly that.
struct Standing {
    spi::Version version{};
    Bytes carry;                                        ///< the envelope of a value that others may use; or empty
    std::optional<std::chrono::milliseconds> carry_for; ///< from the read on; empty: for ever
    bool abandoned = false;                             ///< a lease that has ended, of somebody who did not end it
};

/// What entitles a load to fill a tier with leases: its lease, or else the state that it found and that must still
/// stand. Neither: it does not fill.
struct Hold {
    std::uint64_t token = 0; ///< 0: no lease
    std::optional<spi::Version> version{};
    /// Nobody knows when the lease was taken, if it was: perhaps after an erase that the load is older than. It is
    /// given back.
    bool unsure = false;

    explicit operator bool() const noexcept { return token != 0 || version; }
};

/// What one tier said of one key.
struct TierAnswer {
    enum class Kind : std::uint8_t { miss, hit, failed };
    Kind kind = Kind::miss;
    bool negative = false;
    detail::EntryPtr
        fallback; ///< of a miss: the value that is there, past its life but kept, or to be refreshed; or null
    std::optional<std::chrono::nanoseconds> life; ///< of a hit, from now; empty: for ever
    std::optional<Error> error;
    bool leased = false;                ///< of a miss: somebody else loads it
    std::optional<Standing> standing{}; ///< of a miss, in a tier with leases: what is there; empty: nothing
};

/// A value on its way into the tiers: encoded once for all of them.
struct WireValue {
    bool negative = false;
    std::uint64_t version = 0;
    detail::Nanos created = 0;
    std::optional<std::chrono::nanoseconds> life; ///< from now
    Result<Bytes> framed = Bytes();               ///< room for a header, and the payload; or why it has no encoding
};

/// A backend in its place in the chain: keys, envelopes, compression, deadlines, belief, its breaker, counting.
///
/// Each call to the backend runs on its own and owns what it works on; the answer arrives through a Signal, or the
/// deadline does. A backend that never answers costs its caller the timeout and this tier a dangling call.
///
/// clear() writes a marker under a key of its own: values older than it are misses. Reads carry the marker's key along
/// unless one that began within the last second was told of it, which is how other processes learn of it.
///
/// With TierOptions::leases, loads write nothing that is not conditional: take_leases() before, end_leases() after. How
/// a lease goes is told in descent.hpp, its bytes in wire/lease.hpp.
///
/// While the breaker is open no call goes to the backend but one probe at a time, a read in the background; all others
/// fail on the spot with Errc::breaker_open. What is said of a call to the breaker is said once, by whichever comes
/// first: its results or its deadline.
/// Thread safety: all members may be called concurrently.
class Tier : public std::enable_shared_from_this<Tier> {
public:
    struct Context {
        std::string cache_name;
        std::shared_ptr<spi::Runtime> runtime;
        std::shared_ptr<Fences> fences;
        std::shared_ptr<Scope> scope; ///< once over, values are not decoded any more; probes are counted with it
        std::shared_ptr<Events> events;
        detail::TypeFunctions types;
        std::size_t max_value_bytes = 0;
        std::chrono::nanoseconds keep_stale{}; ///< how long past their life values are kept, and given as fallbacks
        RefreshOptions refresh{};
    };
    Tier(const TierOptions& options, Context context);

    const std::string& name() const noexcept { return name_; }
    bool scans() const noexcept { return capabilities_.scans; }
    /// What it answers may be older than what was written to it, and is not for other tiers.
    bool reads_may_be_old() const noexcept { return capabilities_.reads_may_be_old; }

    /// False while the breaker keeps calls away.
    bool in_use() const noexcept { return breaker_.is_closed(); }
    /// That many lookups go without this tier: why, for those who are strict.
    Error skip_lookups(std::size_t count) {
        skipped_lookups_.add(count);
        return kept_away();
    }

    struct Lookup {
        detail::EntryPtr entry; ///< blank; a hit puts the value and its version into it
        const WireKey* key = nullptr;
        /// To load before its life is over: a fresh value of this version or an older one is a miss if it is due too.
        struct Refresh {
            std::uint64_t version = 0;
            detail::Nanos load_time = 0;
            std::uint64_t random = 0;
        };
        std::optional<Refresh> refresh = {};
        bool again = false; ///< it was a miss before, and is not counted as one again
    };
    /// One answer for each key, by `deadline` or the tier's own timeout.
    boost::asio::awaitable<std::vector<TierAnswer>> read(std::vector<Lookup> lookups, SteadyTime deadline);

    struct Store {
        const WireKey* key = nullptr;
        WireValue* value = nullptr;
        std::uint64_t hash = 0;
        bool last = false; ///< it goes nowhere else: its bytes may be taken instead of copied
    };
    using Outcomes = std::vector<TierOutcome>;
    using PendingOutcomes = std::shared_ptr<Signal<Outcomes>>;

    /// Begins to store; wait for the outcomes when convenient. Values that cannot be stored are erased instead, so that
    /// no older one stays. A put without an answer is remembered with the fences.
    PendingOutcomes begin_write(const std::vector<Store>& stores, SteadyTime deadline);
    PendingOutcomes begin_erase(const std::vector<const WireKey*>& keys, SteadyTime deadline);
    /// Header::version of the value that stands under each key; 0 where there is none that is sound, or no answer.
    boost::asio::awaitable<std::vector<std::uint64_t>> versions_of(const std::vector<const WireKey*>& keys);
    /// Makes everything older than `stamp` a miss: for this process at once, for others by a marker, which is that of a
    /// later clear() if this tier has heard of one.
    PendingOutcomes begin_clear(std::uint64_t stamp, SteadyTime deadline);
    /// The first half of that.
    void give_up_older(std::uint64_t stamp) noexcept;
    /// Asks whether another process has cleared.
    boost::asio::awaitable<void> hear_marker();

    bool leases() const noexcept { return leases_.ttl > std::chrono::nanoseconds::zero(); }
    /// How long to wait for a lease of somebody else's.
    std::chrono::nanoseconds lease_wait() const noexcept { return leases_.wait; }
    void count_lease_waits(std::size_t keys) { lease_waits_.add(keys); }
    void count_lease_waits_over(std::size_t keys) { lease_waits_over_.add(keys); }

    struct Take {
        const WireKey* key = nullptr;
        std::optional<Standing> standing; ///< as read() found it
    };
    struct Taken {
        enum class Kind : std::uint8_t {
            mine,
            theirs, ///< somebody was faster, with a lease or a value
            failed, ///< it is not known whose it is: `hold` gives it back in case that it is ours
        };
        Kind kind = Kind::failed;
        Hold hold{};
    };
    /// One lease for each key, all at once, by `deadline` or the tier's own timeout.
    boost::asio::awaitable<std::vector<Taken>> take_leases(std::vector<Take> takes, SteadyTime deadline);

    struct LeaseEnd {
        const WireKey* key = nullptr;
        WireValue* value =
            nullptr; ///< whose bytes are taken; null: there is none to store, and what stood there before comes back
        std::uint64_t hash = 0;
        Hold hold{};
    };
    /// Begins to store the values of keys whose lease still holds, and to release the others.
    PendingOutcomes begin_end_leases(const std::vector<LeaseEnd>& ends, SteadyTime deadline);

    /// Blank entries for the keys found in one page of the backend's listing.
    struct Page {
        std::vector<detail::EntryPtr> keys;
        std::string cursor; ///< empty at the end
    };
    boost::asio::awaitable<Result<Page>> list(std::string cursor);

    TierStats stats() const;

    /// Ends a probe that is under way; for close().
    void give_up_probe();

private:
    struct Call;
    using Raw = std::vector<spi::Lookup>;
    /// What the results of a call say of the server behind the tier.
    struct Health {
        enum class Kind : std::uint8_t { answered, failed, unknown };
        Kind kind = Kind::unknown;
        std::optional<Error> reason; ///< of a failure
    };
    static Health health_of(const std::optional<Error>& error);
    static Health health_of(const Result<spi::ScanPage>& page);
    template <class Result>
    static Health health_of(const std::vector<Result>& results);
    void judge(Call& call, const Health& health);
    void opened(const Error& reason, std::uint64_t probes, std::chrono::nanoseconds retry_in);
    Error kept_away() const;
    void probe_at(SteadyTime due);
    void probe();
    boost::asio::awaitable<std::optional<Error>> ask_probe();
    void probed(const std::optional<Error>& failure);
    PendingOutcomes keep_away(std::size_t writes);
    SteadyTime bound(SteadyTime deadline) const;
    template <class T>
    std::shared_ptr<Signal<T>> bounded(std::shared_ptr<Call> call, SteadyTime deadline, std::function<T(Error)> late,
                                       std::function<boost::asio::awaitable<T>(Tier&, Call&)> work);
    boost::asio::awaitable<Outcomes> write_now(Call& call);
    boost::asio::awaitable<Outcomes> erase_now(Call& call);
    boost::asio::awaitable<Outcomes> end_leases_now(Call& call);
    using Conditionals = std::vector<Result<spi::Conditional>>;
    /// What put_if_version does where nothing stands any more.
    enum class IfGone : std::uint8_t { put, leave };
    boost::asio::awaitable<Conditionals> put_conditionally(Call& call, IfGone if_gone);
    boost::asio::awaitable<Result<spi::Conditional>> put_one(const Call& call, std::size_t i, IfGone if_gone);
    /// The bytes to store, and for how long. Errors: value_too_large and the like; counted.
    struct Stored {
        Bytes bytes;
        std::optional<std::chrono::milliseconds> ttl;
    };
    Result<Stored> pack(const WireKey& key, WireValue& value, bool last);
    bool take_back(const wire::Lease& lease, const Hold& hold, wire::Fingerprint key, std::uint64_t hash, Stored& out);
    wire::Expected expected(wire::Fingerprint key) const { return {key, context_.types.codec, context_.types.schema}; }
    std::optional<std::chrono::milliseconds> ttl_of(const WireValue& value,
                                                    std::optional<std::chrono::nanoseconds> life) const;
    TierAnswer open(const Lookup& lookup, const spi::Found& found);
    TierAnswer open_value(const Lookup& lookup, BytesView stored, std::optional<std::chrono::milliseconds> remaining);
    static WireKey marker_key();
    void heed_marker(const spi::Lookup& marker, SteadyTime asked);
    Bytes backend_key(const WireKey& key) const { return wire::backend_key(prefix_, key.bytes, alphabet_); }
    void count(const Error& error);
    Error wrong_number() const;
    void defect(wire::Defect defect) { defects_[static_cast<std::size_t>(defect)].add(); }
    TierOutcome outcome(TierOutcome::Kind kind, std::optional<Error> error = std::nullopt) const;

    const std::string prefix_;
    const std::shared_ptr<ChunkedBackend> chunks_; ///< around the user's backend; null: nothing is split
    const std::shared_ptr<spi::Backend> backend_;  ///< the outermost
    const std::string name_;
    const Context context_;
    const spi::Capabilities capabilities_;
    const wire::KeyAlphabet alphabet_;
    const wire::Packer packer_;
    const std::optional<std::chrono::nanoseconds> max_ttl_;
    const std::chrono::nanoseconds timeout_;
    const LeaseOptions leases_;
    const std::size_t most_carried_; ///< bytes that a lease may carry
    const WireKey marker_;

    Breaker breaker_;
    const RefreshRule refresh_rule_;

    mutable std::mutex reason_mutex_;
    std::shared_ptr<const Error> reason_; ///< guarded by reason_mutex_: why it is left out, if it is

    std::mutex probe_mutex_;
    std::weak_ptr<Signal<Raw>> probe_; ///< guarded by probe_mutex_: the one under way

    std::atomic<std::uint64_t> cleared_before_{0};
    /// Reads that begin from then on carry the marker's key.
    std::atomic<detail::Nanos> marker_due_{0};

    Counter hits_, misses_, puts_, erases_, too_large_, fenced_, bytes_in_, bytes_out_, raw_bytes_out_, expired_,
        cleared_, skipped_lookups_, skipped_writes_, leases_taken_, leases_taken_over_, leases_released_, leases_lost_,
        lease_waits_, lease_waits_over_;
    std::array<Counter, errc_count> errors_;
    std::array<Counter, wire::defect_count> defects_;
    LatencyCounter read_latency_, write_latency_;
};

} // namespace tiercel::chain
