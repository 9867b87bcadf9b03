#pragma once

#include <cstdint>

namespace tiercel {

/// Mistakes that a cache can make, each one line of the chain, to prove that tests/simulation notices them. What each
/// breaks is told there, in planted/catalogue.cpp.
enum class Bug : std::uint8_t {
    none,
    // Flights
    superseded_flight_is_joined,
    abandoned_flight_is_joined,
    flights_are_not_shared,
    followers_are_not_woken,
    finished_flight_stays,
    epoch_does_not_move,
    clear_leaves_flights,
    strict_failure_hits_lenient,
    strict_failure_ends_flight,
    waiter_gets_first_place,
    // Fences
    fence_is_not_raised,
    unconfirmed_fence_is_settled,
    fence_is_forgotten_under_reads,
    drained_fence_is_forgotten,
    unknown_fill_is_forgotten,
    clear_raises_no_floor,
    // Loads and fills
    fill_has_a_late_stamp,
    error_is_cached_as_absence,
    negative_lives_as_long_as_a_value,
    uncacheable_is_cached,
    no_second_look,
    overtaken_fill_is_written,
    overtaken_fill_is_not_erased,
    fill_has_its_whole_life_again,
    // Deadlines
    read_has_no_deadline,
    write_has_no_deadline,
    tier_has_no_deadline,
    source_has_no_deadline,
    priming_has_no_deadline,
    queued_call_is_forgotten,
    // Tiers
    fingerprint_is_not_checked,
    checksum_is_not_checked,
    remaining_ttl_is_ignored,
    tier_value_has_its_whole_life_again,
    expired_tier_value_is_served,
    clear_marker_is_not_heeded,
    failed_erase_is_done,
    failed_store_is_done,
    tier_failure_is_the_callers,
    // Writes
    refused_write_is_published,
    refused_write_keeps_memory,
    refused_write_is_a_success,
    writes_do_not_follow_one_another,
    write_leaves_loads,
    late_write_is_not_dropped,
    overtaken_write_is_not_erased,
    overtaken_write_is_published,
    invalidation_leaves_memory,
    // Memory
    superseded_entry_is_inserted,
    expired_entry_is_found,
    jitter_lengthens_life,
    memory_ttl_is_not_capped,
    replaced_value_is_not_told_of,
    // Past its life, and before
    stale_is_served_to_all,
    max_staleness_is_ignored,
    stale_is_called_fresh,
    stale_is_no_fallback,
    failed_load_is_tried_again,
    soft_timeout_is_ignored,
    refresh_is_not_shared,
    refresh_begins_at_once,
    // Leases
    lease_is_not_waited_for,
    any_lease_is_ones_own,
    lease_brings_back_the_erased,
    // Repairs
    failed_repair_is_done,
    repair_leaves_what_it_finds,
    repairs_end_with_a_failure,
    clear_is_not_owed,
    // Breakers
    breaker_never_opens,
    breaker_opens_at_once,
    open_breaker_lets_writes_through,
    failed_probe_is_the_last,
    probe_is_not_told_of,
    // Ending
    close_does_not_answer_readers,
    close_does_not_wait,
    fill_begins_after_close,
    load_begins_after_close,
};

#ifdef TIERCEL_PLANTED_BUGS
/// The one that is made. One thread sets it, before the caches begin and after they have ended.
inline Bug planted_bug = Bug::none;
inline bool planted(Bug bug) noexcept {
    return planted_bug == bug;
}
#else
/// Never, in what is shipped: the switches leave no code behind.
constexpr bool planted(Bug) noexcept {
    return false;
}
#endif

} // namespace tiercel
