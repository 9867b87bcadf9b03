#pragma once

#include <tiercel/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tiercel {

/// What a tier made of a write or an invalidation.
struct TierOutcome {
    enum class Kind : std::uint8_t {
        done,      ///< the tier holds the new value, or holds the key no more
        skipped,   ///< left out by the call's options
        too_large, ///< the value is over the tier's limit; an older one was erased
        failed,    ///< see `error`; the tier may hold an older value, which this process will not serve
        /// As failed, and the tier is told (the key erased, or cleared) as soon as it takes it, unless the cache is
        /// closed before.
        queued,
    };
    std::string tier;
    Kind kind = Kind::done;
    std::optional<Error> error; ///< why, if not done or skipped
};

/// What a put's success means at the source of truth. There is none for a failure: then the call failed.
enum class SourceOutcome : std::uint8_t {
    none,       ///< the cache has no writer, or this was no put
    written,    ///< the source has the value
    in_memory,  ///< the value is pending in this process's memory (Acknowledge::memory)
    in_journal, ///< the value is pending on disk (Acknowledge::journal)
};

/// What a put or an invalidation did, place by place.
struct WriteReport {
    SourceOutcome source = SourceOutcome::none;
    bool in_memory = false; ///< the L1 holds the new value (put), or held one that is gone (invalidate)
    std::vector<TierOutcome> tiers;

    /// Nothing failed at any tier, nor is anything left to do.
    bool complete() const noexcept {
        for (const auto& outcome : tiers) {
            if (outcome.kind == TierOutcome::Kind::failed || outcome.kind == TierOutcome::Kind::queued) return false;
        }
        return true;
    }
};

} // namespace tiercel
