#pragma once

#include "chain.hpp"

#include <functional>
#include <optional>
#include <string_view>

namespace tiercel::chain {

/// Begins to read through the keys that `keys` gives, some batches at a time, at a bounded rate.
///
/// One pump at a time takes keys, starts batches and reports progress, on a worker thread, since both the key source
/// and the progress callback are user code. It runs again whenever a batch ends, the rate allows more, or an end is
/// asked for; it ends the priming when no batch is under way and no more will come.
detail::Cancel prime(const ChainPtr& chain, detail::KeySource keys, std::optional<std::uint64_t> total,
                     PrimeOptions options, std::function<void(Result<PrimeReport>)> done);

/// The same with the keys that a tier lists, which are read from there, not loaded.
detail::Cancel prime_from_tier(const ChainPtr& chain, std::string_view tier, PrimeOptions options,
                               std::function<void(Result<PrimeReport>)> done);

} // namespace tiercel::chain
