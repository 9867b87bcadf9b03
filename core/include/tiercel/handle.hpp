#pragma once

#include <tiercel/detail/typed_entry.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace tiercel {

/// Who answered a lookup.
struct Source {
    enum class Kind : std::uint8_t {
        nobody, ///< a miss
        memory, ///< the L1
        tier,   ///< a tier of the chain: see `tier`
        loader, ///< the source of truth, by this call or one that it joined
        queue,  ///< a put that the source of truth has yet to take (WriteBehindOptions)
    };
    Kind kind = Kind::nobody;
    std::uint8_t tier = 0; ///< index into CacheOptions::tiers

    friend bool operator==(const Source&, const Source&) = default;
};

/// Why a value is served past its life.
enum class StaleReason : std::uint8_t {
    fresh,        ///< it is not
    revalidating, ///< a load is under way in the background
    load_failed,  ///< the load that this lookup waited for failed
    load_slow,    ///< it takes longer than StaleOptions::soft_timeout, and goes on in the background
    retry_later,  ///< a load failed less than StaleOptions::retry_after ago
    not_loaded,   ///< the lookup was not to load, and no tier had a fresh value
};
inline constexpr std::size_t stale_reason_count = 6;

/// What a lookup gives: a pointer to a shared, immutable value, or nothing.
/// Thread safety: as a shared_ptr: one Handle by one thread at a time, the value behind it by any number.
/// Lifetime: the value lives as long as any Handle to it, whatever becomes of the cache or its entry.
/// Cost: copying is one atomic increment.
template <class V>
class Handle {
public:
    /// Empty: a miss.
    Handle() = default;

    Handle(detail::EntryPtr entry, Source source, StaleReason stale = StaleReason::fresh)
        : entry_(std::move(entry)),
          value_(entry_ ? static_cast<const detail::ValueEntry<V>&>(*entry_).value() : nullptr),
          source_(source),
          stale_(stale) {}

    explicit operator bool() const noexcept { return value_ != nullptr; }
    const V* get() const noexcept { return value_; }
    const V& operator*() const noexcept { return *value_; }
    const V* operator->() const noexcept { return value_; }

    /// The source of truth said that there is no such thing, and that answer is cached or fresh: an empty Handle, but
    /// not a mere miss.
    bool known_absent() const noexcept { return entry_ && !value_; }

    Source source() const noexcept { return source_; }

    /// Whether it was past its life when it was given, which only StaleOptions allow.
    bool is_stale() const noexcept { return stale_ != StaleReason::fresh; }
    StaleReason stale_reason() const noexcept { return stale_; }

    /// How far past its life a stale value is. Zero for a fresh one.
    std::chrono::nanoseconds staleness(SteadyTime now = std::chrono::steady_clock::now()) const noexcept {
        return is_stale() ? std::chrono::nanoseconds(detail::to_nanos(now) - entry_->expires)
                          : std::chrono::nanoseconds{};
    }

    /// Time since the value was loaded from, or written to, the source of truth. Zero for a miss.
    std::chrono::nanoseconds age(SteadyTime now = std::chrono::steady_clock::now()) const noexcept {
        return entry_ ? std::chrono::nanoseconds(detail::to_nanos(now) - entry_->created) : std::chrono::nanoseconds{};
    }

private:
    detail::EntryPtr entry_;
    const V* value_ = nullptr;
    Source source_;
    StaleReason stale_ = StaleReason::fresh;
};

} // namespace tiercel
