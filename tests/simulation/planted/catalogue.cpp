#include "catalogue.hpp"

namespace tiercel::simulation {

namespace {

constexpr PlantedBug noticed[] = {
    {Bug::superseded_flight_is_joined, "superseded_flight_is_joined",
     "a lookup joins a load from before the invalidation"},
    {Bug::flights_are_not_shared, "flights_are_not_shared", "each lookup begins a load of its own"},
    {Bug::followers_are_not_woken, "followers_are_not_woken", "only the first who waits for a load is told"},
    {Bug::finished_flight_stays, "finished_flight_stays", "a flight that has ended can still be joined"},
    {Bug::epoch_does_not_move, "epoch_does_not_move",
     "an invalidation or write leaves the loads under way as they are"},
    {Bug::clear_leaves_flights, "clear_leaves_flights", "clear() does so"},
    {Bug::strict_failure_hits_lenient, "strict_failure_hits_lenient",
     "a tier failure that strict callers asked for goes to the others too"},
    {Bug::strict_failure_ends_flight, "strict_failure_ends_flight",
     "a flight ends when its strict callers are told, though others wait"},
    {Bug::waiter_gets_first_place, "waiter_gets_first_place",
     "all keys of a batch are answered in the place of the first"},
    {Bug::fence_is_not_raised, "fence_is_not_raised", "invalidations raise no fence against older values in the tiers"},
    {Bug::clear_raises_no_floor, "clear_raises_no_floor",
     "clear() leaves values in the tiers believed by its own process"},
    {Bug::error_is_cached_as_absence, "error_is_cached_as_absence",
     "a loader's error counts as \"no such thing\", and is cached"},
    {Bug::negative_lives_as_long_as_a_value, "negative_lives_as_long_as_a_value",
     "an absence is cached for the time to live of values"},
    {Bug::uncacheable_is_cached, "uncacheable_is_cached", "what the loader said not to cache is cached"},
    {Bug::read_has_no_deadline, "read_has_no_deadline", "lookups have no deadline of their own"},
    {Bug::write_has_no_deadline, "write_has_no_deadline", "writes have none"},
    {Bug::tier_has_no_deadline, "tier_has_no_deadline", "a tier that does not answer is waited for for ever"},
    {Bug::source_has_no_deadline, "source_has_no_deadline", "a loader that does not return is waited for for ever"},
    {Bug::queued_call_is_forgotten, "queued_call_is_forgotten", "a load that waits for its turn never gets it"},
    {Bug::fingerprint_is_not_checked, "fingerprint_is_not_checked", "bytes of another key are taken for this one's"},
    {Bug::tier_value_has_its_whole_life_again, "tier_value_has_its_whole_life_again",
     "a value read from a tier gets its whole time to live again"},
    {Bug::clear_marker_is_not_heeded, "clear_marker_is_not_heeded", "another process's clear() is not heeded"},
    {Bug::failed_erase_is_done, "failed_erase_is_done", "a tier that failed to erase is reported as done"},
    {Bug::failed_store_is_done, "failed_store_is_done", "a tier that failed to store is reported as done"},
    {Bug::tier_failure_is_the_callers, "tier_failure_is_the_callers", "a tier's failure is given to a lenient caller"},
    {Bug::refused_write_is_published, "refused_write_is_published", "a value that the source refused goes to memory"},
    {Bug::refused_write_keeps_memory, "refused_write_keeps_memory",
     "the old value stays in memory when nobody knows what the source holds"},
    {Bug::refused_write_is_a_success, "refused_write_is_a_success",
     "a put that the source refused is reported as a success"},
    {Bug::writes_do_not_follow_one_another, "writes_do_not_follow_one_another", "two puts of one key run at once"},
    {Bug::write_leaves_loads, "write_leaves_loads", "a put leaves the loads under way as they are"},
    {Bug::late_write_is_not_dropped, "late_write_is_not_dropped",
     "a writer's answer after its timeout changes nothing"},
    {Bug::overtaken_write_is_published, "overtaken_write_is_published",
     "a put that was invalidated while under way goes to memory"},
    {Bug::invalidation_leaves_memory, "invalidation_leaves_memory", "an invalidation leaves memory as it is"},
    {Bug::superseded_entry_is_inserted, "superseded_entry_is_inserted", "memory takes a value whose epoch has moved"},
    {Bug::expired_entry_is_found, "expired_entry_is_found", "memory serves entries past their time to live"},
    {Bug::memory_ttl_is_not_capped, "memory_ttl_is_not_capped", "the memory tier's max_ttl is ignored"},
    {Bug::drained_fence_is_forgotten, "drained_fence_is_forgotten",
     "a fence is forgotten while reads under way may hold an older value"},
};

constexpr PlantedBug not_yet_noticed[] = {
    {Bug::abandoned_flight_is_joined, "abandoned_flight_is_joined",
     "a lookup joins a load that is past its hard timeout"},
    {Bug::unconfirmed_fence_is_settled, "unconfirmed_fence_is_settled", "a fence is settled by an erase that failed"},
    {Bug::fence_is_forgotten_under_reads, "fence_is_forgotten_under_reads",
     "a fence is forgotten while older reads can still fill"},
    {Bug::unknown_fill_is_forgotten, "unknown_fill_is_forgotten", "a fill without an answer is not remembered"},
    {Bug::fill_has_a_late_stamp, "fill_has_a_late_stamp",
     "a value carries the stamp of its load's end, not of its beginning"},
    {Bug::no_second_look, "no_second_look",
     "a lookup that has just missed does not look again once it owns the flight"},
    {Bug::overtaken_fill_is_written, "overtaken_fill_is_written",
     "a load that was invalidated meanwhile fills the tiers"},
    {Bug::overtaken_fill_is_not_erased, "overtaken_fill_is_not_erased",
     "a fill that was invalidated while under way is left in the tier"},
    {Bug::fill_has_its_whole_life_again, "fill_has_its_whole_life_again",
     "a fill that waited for the rest of its batch gets its whole time to live"},
    {Bug::priming_has_no_deadline, "priming_has_no_deadline", "priming has no deadline"},
    {Bug::checksum_is_not_checked, "checksum_is_not_checked", "damaged bytes are taken for a value"},
    {Bug::remaining_ttl_is_ignored, "remaining_ttl_is_ignored",
     "memory keeps a value for longer than the tier it came from"},
    {Bug::expired_tier_value_is_served, "expired_tier_value_is_served",
     "a tier's value is served past its time to live"},
    {Bug::overtaken_write_is_not_erased, "overtaken_write_is_not_erased",
     "a put that was invalidated while under way is left in the tier"},
    {Bug::jitter_lengthens_life, "jitter_lengthens_life", "jitter makes lives longer instead of shorter"},
    {Bug::replaced_value_is_not_told_of, "replaced_value_is_not_told_of",
     "the removal listener does not hear of replaced values"},
    {Bug::close_does_not_answer_readers, "close_does_not_answer_readers",
     "close() leaves lookups under way unanswered"},
    {Bug::close_does_not_wait, "close_does_not_wait", "close() ends while work is under way"},
    {Bug::fill_begins_after_close, "fill_begins_after_close", "tiers are filled after the cache has been closed"},
    {Bug::load_begins_after_close, "load_begins_after_close", "loaders are called after the cache has been closed"},
};

} // namespace

std::span<const PlantedBug> planted_bugs() {
    return noticed;
}

std::span<const PlantedBug> elusive_bugs() {
    return not_yet_noticed;
}

} // namespace tiercel::simulation
