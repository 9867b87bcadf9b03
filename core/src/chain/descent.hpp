#pragma once

#include "chain.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace tiercel::chain {

/// The flights that one call began, on their way down together: a batch to each tier, the rest to the source.
///
/// With leases (TierOptions::leases), between the last tier and the source, each item takes one of three ways:
///
///     the tier answers ──> a value ───────────────────────────────────────────────────────> answered
///        ^                 nothing, what is of no use, a lease that has ended ──> take it
///        │                     mine ───────────────────────────────> source ──> fill, if it is mine still
///        │                     failed: the tier is not well ────────> source
///        │                     theirs: somebody else was faster ──┐
///        │                 a lease that stands ───────────────────┤
///        └── a pause: 10, 20, 40, 80, 80 ... ms, a quarter more or less <──┘
///                          once LeaseOptions::wait or the deadline has come: who accepts the stale value gets it;
///                          the flight ends if nobody is left, else ──> source; it does not fill this tier
///
/// Those that wait do so apart from the others of the batch, in a Descent of their own. Nobody waits once close() has
/// begun, the tier fails or its breaker opens. What an item fills the tier by is its Hold: a lease that an erase, a
/// write or another lease has replaced is one no more, and so the value is dropped, whichever process did it.
///
/// With write-behind, a load takes what its key's pending put has: before the tiers, where another process may have put
/// what the source had before, and once more before the source. It fills memory as a loaded value would, and no tier:
/// the put has.
///
/// A stale value met in a tier goes into memory and is the flight's fallback. Where StaleOptions::while_revalidate is
/// on, those for whom it will do have it there and then; else when the source has failed, or its soft timeout passed.
/// The others wait on. A fresh value that is to be refreshed before its time is a fallback that will do for all.
/// Thread safety: add() and start() by who made it; then it looks after itself.
class Descent : public std::enable_shared_from_this<Descent> {
public:
    /// `loader` null: look only. With `here` a blocking loader runs on the thread of start().
    Descent(ChainPtr chain, CallOptions options, std::shared_ptr<detail::SourceFunction> loader, bool here,
            SteadyTime deadline);

    /// `previous`: the value that is to be replaced, for the loader to see; or null. With `refresh` it is fresh, and to
    /// be loaded before its time.
    void add(FlightPtr flight, detail::EntryPtr entry, detail::EntryPtr previous,
             std::optional<Tier::Lookup::Refresh> refresh = {});

    /// The scope's count for this descent is the caller's gift.
    void start();

private:
    /// One flight on its way down.
    struct Item {
        FlightPtr flight;
        detail::EntryPtr entry;
        detail::EntryPtr previous;
        std::optional<Tier::Lookup::Refresh> refresh;
        WireKey key;
        std::optional<std::chrono::nanoseconds> life; ///< of the answer, from answered_at
        SteadyTime answered_at{};
        std::vector<bool> failed;    ///< by tier: it is not worth filling
        std::size_t answered_by = 0; ///< index of the tier, or the number of tiers: the source
        bool fill = false;
        bool leased = false;                ///< somebody else loads it
        std::optional<Standing> standing{}; ///< what the tier with leases has instead of a value
        Hold hold{};                        ///< on that tier
    };

    bool take_pending_writes();
    void encode_keys();
    static boost::asio::awaitable<void> descend(std::shared_ptr<Descent> self);
    bool go_on_without(const Item& item, const Error& error);
    void leave_out(std::size_t t);
    boost::asio::awaitable<void> ask_tier(std::size_t t);
    bool met_fallback(Item& item, detail::EntryPtr entry, std::size_t t);
    std::optional<std::size_t> leasing_tier() const;
    boost::asio::awaitable<void> lease(std::size_t t);
    boost::asio::awaitable<std::size_t> take_leases(std::size_t t);
    void begin_to_wait(std::size_t t, std::size_t count);
    void wait_apart(std::size_t t);
    static boost::asio::awaitable<void> wait_for_others(std::shared_ptr<Descent> self, std::size_t t);
    boost::asio::awaitable<bool> look_again(std::size_t t);
    void give_up_waiting(std::size_t t);
    boost::asio::awaitable<void> end_leases(std::size_t t, std::vector<WireValue>& values);
    static boost::asio::awaitable<void> go_on(std::shared_ptr<Descent> self);
    void deny(const Item& item);
    void ask_source();
    void arm_soft_timeout();
    void loaded(Item& item, Result<detail::LoadFacts> facts);
    void answer_with(Item& item, Source source);
    void finish(const Item& item, const Result<detail::Answer>& answer);
    static void serve_stale(Chain& chain, const FlightPtr& flight, StaleReason reason);
    void fill_and_end();
    boost::asio::awaitable<void> fill_tiers();
    bool has_life_left(const Item& item, WireValue& value) const;
    bool is_overtaken(const Item& item) const;
    boost::asio::awaitable<void> erase_overtaken(std::size_t t, const std::vector<std::size_t>& which);
    void end();

    ChainPtr chain_;
    const CallOptions options_;
    const std::shared_ptr<detail::SourceFunction> loader_;
    const bool here_;
    const SteadyTime deadline_;
    const std::uint64_t began_;
    SteadyTime started_{};
    SteadyTime asked_{}; ///< the source
    std::vector<Item> items_;
    std::vector<std::size_t> pending_; ///< indices of unanswered items; not changed once the source is asked
    std::atomic<std::size_t> unloaded_{0};
    spi::Runtime::TimerId soft_timer_ = 0;  ///< set by start()
    std::optional<SteadyTime> waits_until_; ///< for leases of others; empty: it has not waited yet
    unsigned looks_ = 0;                    ///< again, since it waits
};

} // namespace tiercel::chain
