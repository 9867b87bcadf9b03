#pragma once

#include "chain.hpp"

#include <functional>
#include <optional>

namespace tiercel::chain {

/// Begins to write entries through: the source, then the tiers (all at once), then memory.
///
///   wait for the keys' locks -> source -> fence raised, older flights superseded -> tiers and memory -> locks released
///
/// Writes of one key follow one another from the first step to the last, so that memory ends with what the source got
/// last. What the source refused, or did not confirm in time, is dropped from memory and tiers instead: nobody knows
/// what the source holds. A write is drained, not dropped, by close(). One that was invalidated meanwhile is erased
/// from the tiers again.
detail::Cancel write(const ChainPtr& chain, std::vector<detail::EntryPtr> entries, CallOptions options,
                     detail::Caller caller, std::function<void(detail::Reports)> done);

/// Begins to erase: fence raised, flights superseded, memory erased, then the tiers (all at once).
detail::Cancel erase(const ChainPtr& chain, std::vector<detail::EntryPtr> probes, CallOptions options,
                     std::function<void(detail::Reports)> done);

/// The source has a write that it was not known to have, or has not one that it was to have: what was kept or loaded
/// since may be older than what it holds now. Erases the key; or, where the cache closes, which begins no erasure,
/// keeps the loads that close() waits for from filling the tiers.
void drop_doubtful(const ChainPtr& chain, const detail::EntryPtr& probe);

/// A write that reaches no further than memory, at once, on the calling thread: no lock of a key, no operation, no
/// timer. Empty where the cache has tiers or a writer, or the call leaves memory out: then `write` is needed.
std::optional<Result<WriteReport>> write_here(Chain& chain, detail::EntryPtr& entry, const CallOptions& options);

/// Likewise; empty where the cache has tiers.
std::optional<Result<WriteReport>> erase_here(Chain& chain, detail::KeyRef key, const CallOptions& options);

/// The same for every key.
detail::Cancel clear(const ChainPtr& chain, CallOptions options, std::function<void(Result<WriteReport>)> done);

} // namespace tiercel::chain
