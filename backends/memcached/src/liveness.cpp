#include "liveness.hpp"

namespace tiercel::memcached {

bool Liveness::may_probe(SteadyTime now) noexcept {
    if (!dead_ || probing_ || !backoff_.allows(now)) return false;
    probing_ = true;
    return true;
}

void Liveness::probed(bool answered, SteadyTime now, std::uint64_t random) noexcept {
    probing_ = false;
    if (!answered) {
        backoff_.failed(now, random);
        return;
    }
    dead_ = false;
    failing_since_.reset();
    backoff_.succeeded();
}

void Liveness::answered() noexcept {
    if (!dead_) failing_since_.reset(); // a straggler does not end what only a probe ends
}

void Liveness::failed(Errc why, SteadyTime now, std::uint64_t random) noexcept {
    if (dead_) return;
    if (!failing_since_) failing_since_ = now;
    if (why != Errc::connection_failed && now - *failing_since_ < dead_after_) return;
    dead_ = true;
    backoff_.failed(now, random);
}

} // namespace tiercel::memcached
