#include "tier.hpp"

#include "planted_bug.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <exception>

namespace tiercel::chain {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

namespace {

constexpr std::chrono::seconds marker_interval{1};
constexpr nanoseconds longest_life = std::chrono::hours(24) * 36'525; // as ExpiryOptions has it

WireKey marker_key() {
    WireKey key{std::string("\0cleared", 8), {}};
    key.fingerprint = wire::fingerprint(key.bytes);
    return key;
}

/// Whole milliseconds, at least one: a backend must not keep a value for longer than it lives, nor for ever.
std::optional<milliseconds> to_ttl(std::optional<nanoseconds> life) {
    if (!life) return std::nullopt;
    return std::max(milliseconds(1), std::chrono::floor<milliseconds>(*life));
}

/// Far enough from the ends of the clock that differences in nanoseconds do not overflow: what a backend says is not
/// to be trusted.
bool plausible(SystemTime time) {
    // Nanoseconds reach 292 years. In microseconds: the comparison itself must not overflow either.
    constexpr std::chrono::microseconds earliest = -std::chrono::hours(24 * 365) * 100;
    constexpr std::chrono::microseconds latest = std::chrono::hours(24 * 365) * 190;
    return time.time_since_epoch() >= earliest && time.time_since_epoch() <= latest;
}

/// Whether a put that failed like this may still be applied: what does not say no may mean yes.
bool may_be_applied(Errc code) {
    switch (code) {
    case Errc::invalid_key:
    case Errc::value_too_large:
    case Errc::unsupported:
    case Errc::overloaded:
    case Errc::would_block:
    case Errc::codec_failed:
    case Errc::connection_failed:
    case Errc::authentication_failed:
    case Errc::permission_denied:
    case Errc::not_ready:
    case Errc::out_of_memory:
    case Errc::read_only:
    case Errc::wrong_type:
    case Errc::moved:
        return false;
    default:
        return true;
    }
}

/// What splits large values around the backend; null where none is to be split.
std::shared_ptr<ChunkedBackend> splitting(const TierOptions& options, const Tier::Context& context,
                                          const std::string& prefix) {
    const auto limit = (*options.backend)->capabilities().max_value_bytes;
    if (options.large_values != LargeValues::split || limit == 0) return nullptr;
    ChunkedBackend::Options chunks;
    chunks.chunk_bytes = limit;
    chunks.max_value_bytes = context.max_value_bytes + std::min(wire::header_bytes, ~context.max_value_bytes);
    chunks.key_prefix = prefix;
    chunks.max_life = *to_ttl(options.max_ttl);
    return std::make_shared<ChunkedBackend>(*options.backend, context.runtime, std::move(chunks));
}

} // namespace

/// One call to the backend, and everything it works on: it may outlive whoever asked.
struct Tier::Call {
    std::vector<Bytes> keys;
    std::vector<Bytes> values;
    std::vector<BytesView> views;
    std::vector<spi::PutItem> items;
    std::vector<std::size_t> at;        // items[i] is for outcome at[i]
    std::vector<std::size_t> erased_at; // views[i] is for outcome erased_at[i], of a put that erases instead
    std::vector<std::uint64_t> hashes;
    std::vector<TierOutcome> outcomes;
    spi::CallContext context{};
    bool with_marker = false;
    SteadyTime began{};
};

Tier::Tier(const TierOptions& options, Context context)
    : prefix_(options.key_prefix.empty() ? context.cache_name + ":" : options.key_prefix),
      chunks_(splitting(options, context, prefix_)),
      backend_(chunks_ ? chunks_ : *options.backend),
      name_(options.name.empty() ? std::string(backend_->name()) : options.name),
      context_(std::move(context)),
      capabilities_(backend_->capabilities()),
      alphabet_{capabilities_.max_key_bytes, capabilities_.binary_keys},
      packer_(options.compressor, context_.max_value_bytes),
      max_ttl_(options.max_ttl),
      timeout_(options.timeout),
      marker_(marker_key()) {}

SteadyTime Tier::bound(SteadyTime deadline) const {
    const auto now = context_.runtime->now();
    if (planted(Bug::tier_has_no_deadline)) return SteadyTime::max();
    const auto own = std::chrono::duration_cast<SteadyTime::duration>(timeout_);
    return own >= SteadyTime::max() - now ? deadline : std::min(deadline, now + own);
}

/// Starts `work` on the event loop; whichever comes first, its result or the deadline, is the signal's value.
template <class T>
std::shared_ptr<Signal<T>> Tier::bounded(std::shared_ptr<Call> call, SteadyTime deadline, std::function<T(Error)> late,
                                         std::function<asio::awaitable<T>(Tier&, Call&)> work) {
    auto signal = std::make_shared<Signal<T>>();
    call->context.deadline = deadline;
    call->began = context_.runtime->now();
    const auto shared_late = std::make_shared<std::function<T(Error)>>(std::move(late));
    const auto timer = context_.runtime->call_at(deadline, [signal, shared_late, self = shared_from_this()] {
        signal->set(
            (*shared_late)(Error(Errc::timeout, "tier '" + self->name_ + "' did not answer within its timeout")));
    });
    auto run = [](std::shared_ptr<Tier> self, std::shared_ptr<Call> owned, std::shared_ptr<Signal<T>> result,
                  std::shared_ptr<std::function<T(Error)>> failed, std::function<asio::awaitable<T>(Tier&, Call&)> job,
                  spi::Runtime::TimerId guard) -> asio::awaitable<void> {
        std::optional<T> value;
        std::string thrown;
        try {
            value.emplace(co_await job(*self, *owned));
        } catch (const std::exception& error) {
            thrown = error.what();
        } catch (...) {
            thrown = "something that is no std::exception";
        }
        self->context_.runtime->cancel(guard);
        if (!value) {
            value.emplace((*failed)(Error(Errc::server_error, "backend '" + self->name_ + "' threw: " + thrown)));
        }
        result->set(*std::move(value));
    };
    asio::co_spawn(context_.runtime->executor_here(),
                   run(shared_from_this(), std::move(call), signal, shared_late, std::move(work), timer),
                   asio::detached);
    return signal;
}

asio::awaitable<std::vector<TierAnswer>> Tier::read(std::vector<Lookup> lookups, SteadyTime deadline) {
    const auto now = context_.runtime->now();
    auto call = std::make_shared<Call>();
    call->keys.reserve(lookups.size() + 1);
    for (const auto& lookup : lookups)
        call->keys.push_back(backend_key(*lookup.key));
    call->with_marker = marker_due_.load(std::memory_order_relaxed) <= detail::to_nanos(now);
    if (call->with_marker) call->keys.push_back(backend_key(marker_));
    call->views.assign(call->keys.begin(), call->keys.end());

    using Raw = std::vector<spi::Lookup>;
    const auto size = call->views.size();
    const auto signal = bounded<Raw>(
        call, bound(deadline), [size](Error error) { return Raw(size, error); },
        [](Tier& self, Call& mine) { return self.backend_->get_many(mine.views, mine.context); });
    Raw raw = co_await signal->wait();
    read_latency_.add(context_.runtime->now() - now);
    if (raw.size() != size) {
        raw.assign(size, wrong_number());
    }
    if (context_.scope->over()) raw.assign(size, Error(Errc::closed, "cache '" + context_.cache_name + "' is closed"));
    if (call->with_marker) {
        heed_marker(raw.back(), now);
        raw.pop_back();
    }

    std::vector<TierAnswer> answers;
    answers.reserve(lookups.size());
    for (std::size_t i = 0; i < lookups.size(); ++i) {
        auto& found = raw[i];
        if (!found) {
            count(found.error());
            answers.push_back({TierAnswer::Kind::failed, false, std::nullopt, std::move(found).error()});
        } else if (!*found) {
            misses_.add();
            answers.emplace_back();
        } else {
            answers.push_back(open(lookups[i], (*found)->value, (*found)->remaining_ttl));
            (answers.back().kind == TierAnswer::Kind::hit ? hits_ : misses_).add();
        }
    }
    co_return answers;
}

TierAnswer Tier::open(const Lookup& lookup, const Bytes& stored, std::optional<milliseconds> remaining) {
    bytes_in_.add(stored.size());
    wire::Unpacked unpacked;
    const wire::Expected expected{lookup.key->fingerprint, context_.types.codec, context_.types.schema};
    if (const auto flaw = packer_.unpack(stored, expected, unpacked); flaw != wire::Defect::none) {
        defect(flaw);
        return {};
    }
    const auto& header = unpacked.header;
    if (!plausible(header.created) || (header.expires && !plausible(*header.expires))) {
        defect(wire::Defect::bad_payload);
        return {};
    }

    std::optional<nanoseconds> life;
    if (remaining && !planted(Bug::remaining_ttl_is_ignored)) life = *remaining;
    if (header.expires) {
        // The writer's clock may be ahead of ours: no value has more to live than its whole life.
        const nanoseconds left = *header.expires - context_.runtime->wall_now();
        const nanoseconds whole = *header.expires - header.created;
        const auto bounded_left = planted(Bug::tier_value_has_its_whole_life_again) ? whole : std::min(left, whole);
        life = life ? std::min(*life, bounded_left) : bounded_left;
    }
    if (life && *life <= nanoseconds::zero() && !planted(Bug::expired_tier_value_is_served)) {
        expired_.add();
        return {};
    }
    if (header.version < cleared_before_.load(std::memory_order_relaxed)) {
        cleared_.add();
        return {};
    }
    if (!context_.fences->believes(lookup.entry->hash, header.version)) {
        fenced_.add();
        return {};
    }
    if (!header.negative) {
        Result<void> decoded;
        try {
            decoded = context_.types.decode_value(*lookup.entry, unpacked.payload);
        } catch (...) {
            decoded = Error(Errc::codec_failed, "the codec threw");
        }
        if (!decoded) {
            defect(wire::Defect::bad_payload);
            return {};
        }
    }
    const auto age = std::max(nanoseconds::zero(), nanoseconds(context_.runtime->wall_now() - header.created));
    lookup.entry->created = detail::to_nanos(context_.runtime->now()) - age.count();
    lookup.entry->version = header.version;
    return {TierAnswer::Kind::hit, header.negative, life, std::nullopt};
}

void Tier::heed_marker(const spi::Lookup& marker, SteadyTime asked) {
    marker_due_.store(marker ? detail::to_nanos(asked + marker_interval) : 0, std::memory_order_relaxed);
    if (!marker || !*marker || planted(Bug::clear_marker_is_not_heeded)) return;
    wire::Unpacked unpacked;
    const wire::Expected expected{marker_.fingerprint, 0, 0};
    if (packer_.unpack((*marker)->value, expected, unpacked) != wire::Defect::none) return;
    auto known = cleared_before_.load(std::memory_order_relaxed);
    while (known < unpacked.header.version &&
           !cleared_before_.compare_exchange_weak(known, unpacked.header.version, std::memory_order_relaxed)) {
    }
}

TierOutcome Tier::outcome(TierOutcome::Kind kind, std::optional<Error> error) const {
    return {name_, kind, std::move(error)};
}

Tier::PendingOutcomes Tier::begin_write(const std::vector<Store>& stores, SteadyTime deadline) {
    auto call = std::make_shared<Call>();
    call->outcomes.assign(stores.size(), outcome(TierOutcome::Kind::done));
    call->keys.reserve(stores.size());
    call->values.reserve(stores.size());
    const auto wall = context_.runtime->wall_now();
    for (std::size_t i = 0; i < stores.size(); ++i) {
        const auto& value = *stores[i].value;
        call->keys.push_back(backend_key(*stores[i].key));
        call->hashes.push_back(stores[i].hash);
        auto life = value.life;
        if (max_ttl_) life = life ? std::min(*life, *max_ttl_) : *max_ttl_;
        if (life) life = std::min(*life, longest_life);

        wire::Header header;
        header.negative = value.negative;
        header.codec = context_.types.codec;
        header.schema = context_.types.schema;
        header.key = stores[i].key->fingerprint;
        const nanoseconds age(detail::to_nanos(context_.runtime->now()) - value.created);
        header.created = wall - std::chrono::floor<std::chrono::microseconds>(std::max(nanoseconds::zero(), age));
        if (life) header.expires = wall + std::chrono::floor<std::chrono::microseconds>(*life);
        header.version = value.version;

        Result<wire::Packed> packed =
            value.payload ? packer_.pack(header, *value.payload) : Result<wire::Packed>(value.payload.error());
        if (packed && capabilities_.max_value_bytes != 0 && packed->bytes.size() > capabilities_.max_value_bytes) {
            packed = Error(Errc::value_too_large,
                           "a value of " + std::to_string(packed->bytes.size()) + " bytes is over the " +
                               std::to_string(capabilities_.max_value_bytes) + " that backend '" + name_ + "' takes");
        }
        if (!packed) {
            const bool too_large = packed.error() == Errc::value_too_large;
            if (too_large)
                too_large_.add();
            else
                count(packed.error());
            call->outcomes[i] = outcome(too_large ? TierOutcome::Kind::too_large : TierOutcome::Kind::failed,
                                        std::move(packed).error());
            call->values.emplace_back();
            continue;
        }
        bytes_out_.add(packed->bytes.size());
        raw_bytes_out_.add(packed->raw_bytes);
        call->values.push_back(std::move(packed->bytes));
        call->at.push_back(i);
        call->items.push_back({call->keys.back(), call->values.back(), to_ttl(life)});
    }
    for (std::size_t i = 0; i < stores.size(); ++i) {
        if (call->outcomes[i].kind == TierOutcome::Kind::done) continue;
        call->erased_at.push_back(i);
        call->views.emplace_back(call->keys[i]);
    }
    const auto size = stores.size();
    const auto hashes = call->hashes;
    return bounded<Outcomes>(
        std::move(call), bound(deadline),
        [self = shared_from_this(), size, hashes](Error error) {
            for (const auto hash : hashes) {
                self->count(error);
                self->context_.fences->fill_unknown(hash);
            }
            return Outcomes(size, self->outcome(TierOutcome::Kind::failed, error));
        },
        [](Tier& self, Call& mine) { return self.write_now(mine); });
}

asio::awaitable<Tier::Outcomes> Tier::write_now(Call& call) {
    if (!call.items.empty()) {
        auto results = co_await backend_->put_many(call.items, call.context);
        if (results.size() != call.items.size()) results.assign(call.items.size(), wrong_number());
        for (std::size_t i = 0; i < call.items.size(); ++i) {
            const auto at = call.at[i];
            if (results[i] || planted(Bug::failed_store_is_done)) {
                puts_.add();
                continue;
            }
            Error error = std::move(results[i]).error();
            count(error);
            if (may_be_applied(error.code())) context_.fences->fill_unknown(call.hashes[at]);
            const bool too_large = error == Errc::value_too_large;
            if (too_large) {
                too_large_.add();
                call.erased_at.push_back(at);
                call.views.emplace_back(call.keys[at]);
            }
            call.outcomes[at] =
                outcome(too_large ? TierOutcome::Kind::too_large : TierOutcome::Kind::failed, std::move(error));
        }
    }
    if (!call.views.empty()) {
        auto results = co_await backend_->erase_many(call.views, call.context);
        if (results.size() != call.views.size()) results.assign(call.views.size(), wrong_number());
        for (std::size_t i = 0; i < results.size(); ++i) {
            if (results[i]) continue;
            Error error = std::move(results[i]).error();
            count(error);
            call.outcomes[call.erased_at[i]] = outcome(TierOutcome::Kind::failed, std::move(error));
        }
    }
    write_latency_.add(context_.runtime->now() - call.began);
    co_return call.outcomes;
}

Tier::PendingOutcomes Tier::begin_erase(const std::vector<const WireKey*>& keys, SteadyTime deadline) {
    auto call = std::make_shared<Call>();
    call->outcomes.assign(keys.size(), outcome(TierOutcome::Kind::done));
    call->keys.reserve(keys.size());
    for (const auto* key : keys)
        call->keys.push_back(backend_key(*key));
    call->views.assign(call->keys.begin(), call->keys.end());
    const auto size = keys.size();
    return bounded<Outcomes>(
        std::move(call), bound(deadline),
        [self = shared_from_this(), size](Error error) {
            for (std::size_t i = 0; i < size; ++i)
                self->count(error);
            return Outcomes(size, self->outcome(TierOutcome::Kind::failed, error));
        },
        [](Tier& self, Call& mine) { return self.erase_now(mine); });
}

asio::awaitable<Tier::Outcomes> Tier::erase_now(Call& call) {
    auto results = co_await backend_->erase_many(call.views, call.context);
    if (results.size() != call.outcomes.size()) results.assign(call.outcomes.size(), wrong_number());
    for (std::size_t i = 0; i < call.outcomes.size(); ++i) {
        if (results[i] || planted(Bug::failed_erase_is_done)) {
            erases_.add();
            continue;
        }
        Error error = std::move(results[i]).error();
        count(error);
        call.outcomes[i] = outcome(TierOutcome::Kind::failed, std::move(error));
    }
    write_latency_.add(context_.runtime->now() - call.began);
    co_return call.outcomes;
}

Tier::PendingOutcomes Tier::begin_clear(std::uint64_t stamp, SteadyTime deadline) {
    auto known = cleared_before_.load(std::memory_order_relaxed);
    while (known < stamp && !cleared_before_.compare_exchange_weak(known, stamp, std::memory_order_relaxed)) {
    }
    auto call = std::make_shared<Call>();
    call->outcomes.assign(1, outcome(TierOutcome::Kind::done));
    wire::Header header;
    header.negative = true;
    header.key = marker_.fingerprint;
    header.created = context_.runtime->wall_now();
    header.version = stamp;
    call->keys.push_back(backend_key(marker_));
    call->values.push_back(wire::seal(header, {}));
    call->hashes.push_back(0);
    call->at.push_back(0);
    call->items.push_back({call->keys.back(), call->values.back(), std::nullopt});
    return bounded<Outcomes>(
        std::move(call), bound(deadline),
        [self = shared_from_this()](Error error) {
            self->count(error);
            return Outcomes(1, self->outcome(TierOutcome::Kind::failed, std::move(error)));
        },
        [](Tier& self, Call& mine) { return self.write_now(mine); });
}

asio::awaitable<Result<Tier::Page>> Tier::list(std::string cursor) {
    using Listed = Result<spi::ScanPage>;
    auto call = std::make_shared<Call>();
    call->keys.push_back(prefix_);
    call->values.push_back(std::move(cursor));
    const auto signal = bounded<Listed>(
        call, bound(SteadyTime::max()), [](Error error) { return Listed(std::move(error)); },
        [](Tier& self, Call& mine) {
            return self.backend_->scan(mine.keys.front(), std::move(mine.values.front()), mine.context);
        });
    Listed listed = co_await signal->wait();
    if (!listed) co_return std::move(listed).error();
    Page page;
    page.cursor = std::move(listed->cursor);
    for (const auto& stored : listed->keys) {
        Bytes key;
        if (!wire::parse_backend_key(stored, prefix_, alphabet_, key) || key == marker_.bytes) continue;
        try {
            if (auto entry = context_.types.decode_key(key)) page.keys.push_back(std::move(entry));
        } catch (...) { // the codec's way to say that this is no key of ours
        }
    }
    co_return page;
}

Error Tier::wrong_number() const {
    return Error(Errc::protocol_error, "backend '" + name_ + "' gave the wrong number of results");
}

void Tier::count(const Error& error) {
    errors_[static_cast<std::size_t>(error.code())].add();
}

TierStats Tier::stats() const {
    TierStats stats;
    stats.name = name_;
    stats.hits = hits_.get();
    stats.misses = misses_.get();
    stats.puts = puts_.get();
    stats.erases = erases_.get();
    stats.too_large = too_large_.get();
    stats.fenced = fenced_.get();
    stats.expired = expired_.get();
    stats.cleared = cleared_.get();
    stats.bytes_in = bytes_in_.get();
    stats.bytes_out = bytes_out_.get();
    stats.raw_bytes_out = raw_bytes_out_.get();
    for (std::size_t i = 0; i < errors_.size(); ++i)
        stats.errors[i] = errors_[i].get();
    for (std::size_t i = 1; i < defects_.size(); ++i) {
        if (const auto n = defects_[i].get(); n != 0) {
            stats.defects.emplace_back(wire::to_string(static_cast<wire::Defect>(i)), n);
        }
    }
    if (chunks_) {
        const auto counts = chunks_->counts();
        stats.split_puts = counts.puts;
        stats.split_reads = counts.reads;
        stats.split_incomplete = counts.incomplete;
        if (counts.bad_chunks != 0) stats.defects.emplace_back("bad_chunks", counts.bad_chunks);
        if (counts.bad_manifest != 0) stats.defects.emplace_back("bad_manifest", counts.bad_manifest);
    }
    stats.read_latency = read_latency_.get();
    stats.write_latency = write_latency_.get();
    return stats;
}

} // namespace tiercel::chain
