#pragma once

#include "scripted.hpp"

#include <string>
#include <utility>

namespace tiercel::testing::chain {

/// A process among others: a cache of its own, over the harness's backend, and a loader of its own.
struct Process {
    explicit Process(Harness::C::Options options) : cache(Harness::make(with(std::move(options), source))) {}

    ~Process() { source.gate.open(); }

    /// Begins a lookup; see `read`.
    void look_up(Harness& h, const std::string& key, CallOptions call = {}) {
        cache.async_get_or_load(key, call, h.into(read));
    }
    LeaseStats leases() const { return cache.stats().tiers.at(0).leases; }
    std::string in_tier(const std::string& key) const { return text(cache.get(key, past_memory())); }

    ScriptedSource source;
    Harness::C cache;
    Caught<Harness::Read> read;

private:
    static Harness::C::Options with(Harness::C::Options options, ScriptedSource& from) {
        options.loader = from.loader();
        return options;
    }
};

/// Values live for a minute, leases for 200 ms, and nobody waits for more than 500 ms.
inline Harness::C::Options leasing(Harness& h) {
    h.backend->can.conditional_writes = true;
    auto options = h.options();
    options.expiry.ttl = 1min;
    options.tiers[0].leases = {.ttl = 200ms, .wait = 500ms};
    return options;
}
/// The same, and stale for ten minutes.
inline Harness::C::Options leasing_stale(Harness& h) {
    auto options = leasing(h);
    options.stale.keep = 10min;
    return options;
}

} // namespace tiercel::testing::chain
