#include "tier_call.hpp"

#include "planted_bug.hpp"

#include <tiercel/spi/run_loop.hpp>

namespace tiercel::chain {

namespace asio = boost::asio;

namespace {

/// Keys of a probe beside the marker's, that nobody writes: of a backend with many servers, one that is up has one of
/// them.
constexpr std::size_t probe_keys = 15;

Bytes probe_key(std::size_t number) {
    return std::string("\0probe", 6) + std::to_string(number);
}

} // namespace

Tier::Health Tier::health_of(const std::optional<Error>& error) {
    if (!error) return {Health::Kind::answered, std::nullopt};
    switch (error->code()) {
    case Errc::timeout:
    case Errc::connection_failed:
    case Errc::connection_lost:
    case Errc::authentication_failed:
    case Errc::not_ready:
    case Errc::protocol_error:
        return {Health::Kind::failed, error};
    // The server has looked at the request, and has said no.
    case Errc::invalid_key:
    case Errc::value_too_large:
    case Errc::permission_denied:
    case Errc::out_of_memory:
    case Errc::read_only:
    case Errc::wrong_type:
    case Errc::moved:
        return {Health::Kind::answered, std::nullopt};
    // Said by our side of the connection, or by nobody knows whom.
    default:
        return {Health::Kind::unknown, std::nullopt};
    }
}

Tier::Health Tier::health_of(const Result<spi::ScanPage>& page) {
    return health_of(page ? std::nullopt : std::optional(page.error()));
}

void Tier::judge(Call& call, const Health& health) {
    if (!call.round || call.judged.exchange(true, std::memory_order_relaxed)) return;
    const auto now = context_.runtime->now();
    if (health.kind == Health::Kind::answered) breaker_.answered(*call.round, now);
    if (health.kind != Health::Kind::failed) return;
    // Somebody's deadline was shorter than the tier's timeout: that the server missed it says little.
    if (*health.reason == Errc::timeout && now - call.began < timeout_ / 2) return;
    const auto due = breaker_.failed(*call.round, now, context_.runtime->random());
    if (!due) return;
    opened(*health.reason, 0, *due - now);
    probe_at(*due);
}

/// Those who are kept away hear of the reason: a wrong password looks like silence otherwise.
void Tier::opened(const Error& reason, std::uint64_t probes, std::chrono::nanoseconds retry_in) {
    auto why = std::make_shared<const Error>(
        Errc::breaker_open,
        "tier '" + name_ + "' is left out until it answers (TierOptions::breaker): " + reason.message());
    {
        const std::lock_guard lock(reason_mutex_);
        reason_ = std::move(why);
    }
    context_.events->tell(TierOpened{name_, reason, probes, retry_in});
}

Error Tier::kept_away() const {
    const std::lock_guard lock(reason_mutex_);
    return reason_ ? *reason_ : Error(Errc::breaker_open, "tier '" + name_ + "' is left out until it answers");
}

void Tier::probe_at(SteadyTime due) {
    const spi::RunLoop::Away away; // the thread that is here waits for something else
    context_.runtime->call_at(due, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->probe();
    });
}

void Tier::probe() {
    if (!context_.scope->begin()) return;
    const auto count = breaker_.begin_probe(context_.runtime->now());
    if (!count) {
        context_.scope->end();
        return;
    }
    if (!planted(Bug::probe_is_not_told_of)) context_.events->tell(TierHalfOpen{name_, *count});
    asio::co_spawn(
        context_.runtime->executor(),
        [](std::shared_ptr<Tier> self) -> asio::awaitable<void> {
            auto failure = co_await self->ask_probe();
            self->probed(failure);
            const auto scope = self->context_.scope;
            self.reset();
            scope->end();
        }(shared_from_this()),
        asio::detached);
}

/// Reads as lookups do, and the marker with it: what others have cleared meanwhile is not believed from the first
/// lookup on. Empty when somebody has answered.
asio::awaitable<std::optional<Error>> Tier::ask_probe() {
    auto call = std::make_shared<Call>();
    call->keys.reserve(probe_keys + 1);
    for (std::size_t i = 0; i < probe_keys; ++i)
        call->keys.push_back(wire::backend_key(prefix_, probe_key(i), alphabet_));
    call->keys.push_back(backend_key(marker_));
    call->views.assign(call->keys.begin(), call->keys.end());
    const auto size = call->views.size();
    const auto signal = bounded<Raw>(
        call, bound(SteadyTime::max()), [size](Error error) { return Raw(size, error); },
        [](Tier& self, Call& mine) { return self.backend_->get_many(mine.views, mine.context); });
    {
        const std::lock_guard lock(probe_mutex_);
        probe_ = signal;
    }
    if (!context_.scope->open()) give_up_probe(); // close() may have missed it
    const Raw raw = co_await signal->wait();
    if (raw.size() != size) co_return wrong_number();
    heed_marker(raw.back(), call->began);
    const auto health = health_of(raw);
    if (health.kind == Health::Kind::answered) co_return std::nullopt;
    co_return health.reason ? health.reason : raw.back().error();
}

void Tier::give_up_probe() {
    std::shared_ptr<Signal<Raw>> signal;
    {
        const std::lock_guard lock(probe_mutex_);
        signal = probe_.lock();
    }
    if (signal) signal->set(Raw(probe_keys + 1, Error(Errc::closed, "the cache was closed")));
}

void Tier::probed(const std::optional<Error>& failure) {
    const auto now = context_.runtime->now();
    const auto result = breaker_.end_probe(!failure, now, context_.runtime->random());
    if (!result.due) {
        context_.events->tell(TierClosed{name_, result.probes, result.open_for});
        return;
    }
    opened(*failure, result.probes, *result.due - now);
    if (!planted(Bug::failed_probe_is_the_last)) probe_at(*result.due);
}

} // namespace tiercel::chain
