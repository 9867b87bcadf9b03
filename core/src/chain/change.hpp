#pragma once

#include "chain.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace tiercel::chain {

/// One key's write or erasure.
struct Item {
    detail::EntryPtr entry;
    std::size_t index = 0; ///< in the operation
    FlightPtr flight;      ///< of a write
    Result<WireKey> key = WireKey{};
    std::uint64_t raised = 0;
    std::optional<Error> refused; ///< by the source
    WriteReport report;
};

/// The tiers' part of a change, shared by writes and erasures: what is to be stored, what is to be erased, and whether
/// every tier did it.
class Change : public std::enable_shared_from_this<Change> {
public:
    Change(ChainPtr chain, CallOptions options, std::shared_ptr<WriteOperation> operation)
        : chain_(std::move(chain)), options_(options), operation_(std::move(operation)) {}
    virtual ~Change() = default;

protected:
    void encode_keys();

    /// No tier is to be told.
    void report_skipped();

    /// The work is over: nothing of the chain may be held when the scope hears of it, since the cache may then go.
    void leave();

    void raise(Item& item);

    /// Stores `values` (by item, where the source took the write) and erases all other items' keys, at every tier.
    boost::asio::awaitable<void> change_tiers(std::vector<WireValue> values);

    /// What tiers did not take is owed to them, and the fence stands until it is done.
    void settle(Item& item);

    ChainPtr chain_;
    const CallOptions options_;
    const std::shared_ptr<WriteOperation> operation_;
    std::vector<Item> items_;

private:
    boost::asio::awaitable<void> collect(Signal<Tier::Outcomes>& signal, const std::vector<std::size_t>& which);
};

} // namespace tiercel::chain
