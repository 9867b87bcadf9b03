#pragma once

#include "chain.hpp"

#include <functional>
#include <optional>
#include <span>

namespace tiercel::chain {

/// A lookup that may not load, of what memory does not have, in a cache without tiers: a miss, unless the call may not
/// look at all. Empty for a cache with tiers, or with stale values to look for.
std::optional<Result<detail::Answer>> look_no_further(const Chain& chain, const CallOptions& options);

/// Begins a lookup: memory, then the tiers from the nearest down, then (if asked to load) the source.
///
/// Keys found in memory are answered at once. Each other key joins the flight that is under way for it, or begins one;
/// the flights that one call begins descend together, a batch to each tier and the rest to the loader:
///
///   memory --miss--> tier 0 --miss--> ... tier n --miss--> source
///                       |                    |                |
///                       +--- answered: into memory, waiters told, then into the tiers above (all, for the source)
///
/// A flight ends, and its waiters are told, as soon as its own answer is there; filling the tiers goes on behind it. A
/// fill that an invalidation overtook is erased again. See Flight::superseded and Fences for what keeps old values out.
///
/// What memory has past its life (StaleOptions) answers a call that accepts it
///
///   to load, while_revalidate      at once; a flight that nobody waits for descends in the background
///   to load, its last load failed  at once, until StaleOptions::retry_after has passed
///   to load, otherwise             when the flight fails, at the soft timeout, or at the call's deadline
///   not to load                    when no tier has a fresh value
detail::Cancel read(const ChainPtr& chain, detail::ReadRequest request, std::function<void(detail::Answers)> done);

/// Hits whose life is nearly over are loaded anew in the background, by RefreshOptions, together. `loader` null: the
/// cache's. Of the options of the call that hit, its ttl and skip count.
void refresh_if_due(const ChainPtr& chain, std::span<const detail::EntryPtr> hits,
                    std::shared_ptr<detail::SourceFunction> loader, const CallOptions& call);

} // namespace tiercel::chain
