#include "settings.hpp"

#include "dice.hpp"

#include <algorithm>

namespace tiercel::simulation {

using namespace std::chrono_literals;

bool Settings::calm() const noexcept {
    const auto& f = faults;
    return f.request_lost + f.answer_lost + f.refused + f.connection + f.slow + f.torn + f.misdirected + f.store_lost +
                   f.ignores_deadline + f.stop + f.restart + f.flush ==
               0 &&
           clock_spread == 0ns;
}

namespace {

/// What a cache may have and most have not. Dice of its own: the rest of the world does not depend on it.
void draw_options(Settings& s, Dice dice) {
    if (dice.chance(0.5)) {
        s.stale_keep = dice.chance(0.5) ? dice.between(50ms, 900ms) : dice.between(1s, 10s);
        s.while_revalidate = dice.chance(0.4);
        if (!s.while_revalidate && dice.chance(0.6)) s.soft_timeout = dice.between(2ms, 100ms);
        s.retry_after = dice.chance(0.2) ? 0ns : dice.between(10ms, 2s);
    }
    if (dice.chance(0.25)) s.refresh_ahead = 0.5 + 0.4 * static_cast<double>(dice.below(2));
    if (dice.chance(0.15)) s.refresh_early = 1;
    if (s.shared_tier && dice.chance(0.45)) {
        s.lease_ttl = dice.chance(0.7) ? s.source_timeout + dice.between(50ms, 2s) : dice.between(20ms, 400ms);
        s.lease_wait = dice.chance(0.1) ? 0ns : dice.between(20ms, 1s);
    }
    s.breaker_failures = dice.chance(0.15) ? 0 : 1 + static_cast<std::uint32_t>(dice.below(5));
    s.back_off_min = dice.between(5ms, 50ms);
    s.back_off_max = s.back_off_min + dice.between(0ms, 250ms);
}

} // namespace

Settings settings_of(std::uint64_t seed) {
    Dice dice(seed ^ 0x5E77196500000000U);
    const bool large = seed % 64 == 63;
    Settings s;
    s.processes = large ? 16 : 1 + dice.below(4);
    s.keys = large ? 50 : 1 + dice.below(5);
    s.operations = large ? 1500 : 60 + dice.below(140);
    s.lasts = dice.between(5s, 30s);
    const auto layout = dice.below(8);
    s.shared_tier = layout != 0;
    s.private_tier = layout >= 6;
    s.reads_ttl = dice.chance(0.6);
    s.whole_seconds = !s.reads_ttl;
    s.form = static_cast<SourceForm>(dice.below(3));
    s.has_writer = dice.chance(0.8);
    s.has_listener = dice.chance(0.7);
    if (dice.chance(0.9)) s.ttl = dice.between(200ms, 6s);
    s.negative_ttl = dice.chance(0.2) ? 0ns : dice.between(50ms, 1s);
    s.jitter = dice.chance(0.4) ? 0.3 : 0.0;
    if (dice.chance(0.3)) s.max_memory_ttl = dice.between(50ms, 1s);
    s.call_timeout = dice.between(20ms, 1s);
    s.source_timeout = dice.between(50ms, 600ms);
    s.close_timeout = dice.chance(0.5) ? dice.between(0ms, 40ms) : dice.between(500ms, 2s);
    s.tier_timeout = dice.between(10ms, 60ms);
    s.max_concurrent = dice.chance(0.3) ? 1 + dice.below(3) : 32;
    if (dice.chance(0.3)) s.clock_spread = dice.between(1ms, 4s);

    draw_options(s, Dice(seed ^ 0x0B7105E000000000U));

    const auto now_and_then = [&](double most) { return large || dice.chance(0.4) ? most * 0.5 : 0.0; };
    auto& f = s.faults;
    f.load_fails = now_and_then(s.stale_keep > 0ns ? 0.8 : 0.3); // which is when it matters
    f.load_hangs = now_and_then(0.2);
    f.write_refused = now_and_then(0.3);
    f.write_unconfirmed = now_and_then(0.3);
    f.write_hangs = now_and_then(0.2);
    if (!large && dice.chance(0.25)) return s;
    f.request_lost = now_and_then(0.1);
    f.answer_lost = now_and_then(0.1);
    f.refused = now_and_then(0.2);
    f.connection = now_and_then(0.1);
    f.slow = now_and_then(0.2);
    f.torn = now_and_then(0.1);
    f.misdirected = now_and_then(0.1);
    f.store_lost = now_and_then(0.1);
    f.ignores_deadline = now_and_then(0.5);
    f.stop = now_and_then(0.2);
    f.restart = now_and_then(0.2);
    f.flush = now_and_then(0.2);
    return s;
}

} // namespace tiercel::simulation
