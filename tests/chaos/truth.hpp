#pragma once

#include "value.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace tiercel::chaos {

/// One key of the source of truth, in memory that all processes share: which version it has, and what the last
/// versions were. Versions begin at 1 and rise.
///
///     claim() ──> a version of one's own ──commit()──> current, unless a later one was faster: then it never was
///
/// A version is written into its place among the `recent` first and made `current` by one compare-and-swap, so that a
/// process that is killed anywhere leaves a source that is whole. A place belongs to one claim at a time as long as
/// fewer than `remembered` are under way.
/// Memory order: `current` is released by who commits and acquired by who reads, hence the place of a current version
/// is seen filled. A place's `number` is 0 while the rest of it changes; who reads looks at it before and after.
/// Thread and process safety: all members may be called concurrently.
class KeyTruth {
public:
    struct Version {
        std::uint64_t number = 0;
        std::uint64_t nonce = 0;
        Nanos committed_at = 0;
    };
    /// What is known of a version that a value claims to be.
    enum class Standing : std::uint8_t {
        committed,
        unknown,   ///< nobody committed it (yet)
        forgotten, ///< too long ago to tell
    };

    std::uint64_t claim() noexcept { return claimed_.fetch_add(1) + 1; }
    /// False if the source has a later one already.
    bool commit(std::uint64_t version, std::uint64_t nonce, Nanos now) noexcept;

    std::uint64_t current() const noexcept { return current_.load(std::memory_order_acquire); }
    Version now() const noexcept;
    Standing standing(std::uint64_t version, std::uint64_t nonce) const noexcept;
    /// Empty: it was not, or that is forgotten.
    std::optional<Nanos> committed_at(std::uint64_t version) const noexcept;
    /// Since when `version` is not current any more. Empty: it is, or that is forgotten.
    std::optional<Nanos> superseded_at(std::uint64_t version) const noexcept;

private:
    static constexpr std::size_t remembered = 128;

    struct Place {
        std::atomic<std::uint64_t> number{0};
        std::atomic<std::uint64_t> nonce{0};
        std::atomic<Nanos> committed_at{0};
    };
    /// Empty if it is being changed.
    std::optional<Version> read(const Place& place) const noexcept;
    const Place& place_of(std::uint64_t version) const noexcept { return recent_[version % remembered]; }

    std::atomic<std::uint64_t> claimed_{0};
    std::atomic<std::uint64_t> current_{0};
    std::array<Place, remembered> recent_{};
};

} // namespace tiercel::chaos
