#include "reading.hpp"

#include "commands.hpp"
#include "error_reply.hpp"
#include "routing.hpp"
#include "stored_value.hpp"
#include "transport/in_parallel.hpp"

#include <boost/container/small_vector.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <utility>

namespace tiercel::redis {

namespace asio = boost::asio;
using spi::CallContext;
using spi::Lookup;
using transport::in_parallel;
using ExchangePtr = std::shared_ptr<Exchange>;

namespace {

/// Keys of one MGET. Some, so that the server serves others in between.
constexpr std::size_t keys_per_mget = 512;
using Slots = boost::container::small_vector<Slot, 16>;

Slots slots_of(const Exchange& exchange, std::span<const BytesView> keys) {
    Slots slots;
    slots.reserve(keys.size());
    for (const auto key : keys)
        slots.push_back(exchange.slot_of(key));
    return slots;
}

Commands mgets(const KeyGroups& groups, std::span<const BytesView> keys, std::span<const Slot> slots) {
    Commands commands;
    std::vector<BytesView> words;
    for (std::size_t i = 0; i < groups.count(); ++i) {
        const auto group = groups[i];
        words.assign(1, "MGET");
        for (const auto place : group)
            words.push_back(keys[place]);
        commands.add(words, slots[group.front()], group.size());
    }
    return commands;
}

Lookup to_lookup(Reply& element, const Exchange& exchange) {
    switch (element.kind) {
    case Reply::Kind::nil:
        return std::optional<spi::Found>();
    case Reply::Kind::bulk: {
        auto found = decode_stored(std::move(element.text));
        if (!found) {
            return Error(Errc::corrupt, exchange.label() +
                                            ": the value was not written by this library; give the cache a "
                                            "key prefix that nobody else uses");
        }
        return found;
    }
    case Reply::Kind::error:
        return to_error(element.text, exchange.label());
    default:
        return exchange.unexpected_reply();
    }
}

/// Several keys of a slot that is on its way to another node are asked for together in vain.
bool may_be_split(const Error& error) {
    return error == Errc::not_ready;
}

/// The whole of a read of one key, and what is left of one of many: with a frame a third of that one's.
asio::awaitable<std::vector<Lookup>> read_one_at_master(ExchangePtr exchange, BytesView key, CallContext call) {
    Commands commands;
    const std::array<BytesView, 2> words{"MGET", key};
    commands.add(words, exchange->slot_of(key));
    auto answers = co_await exchange->run(std::move(commands), call.deadline);

    auto& answer = answers.front();
    std::vector<Lookup> lookups;
    if (!answer) {
        lookups.emplace_back(answer.error());
    } else if (answer->kind == Reply::Kind::array && answer->elements.size() == 1) {
        lookups.push_back(to_lookup(answer->elements.front(), *exchange));
    } else {
        lookups.emplace_back(exchange->unexpected_reply());
    }
    co_return lookups;
}

asio::awaitable<std::vector<Lookup>> read_at_master(ExchangePtr exchange, std::span<const BytesView> keys,
                                                    std::size_t most_together, CallContext call) {
    std::vector<Lookup> lookups;
    if (keys.empty()) co_return lookups;
    const auto slots = slots_of(*exchange, keys);
    const KeyGroups groups(slots, most_together);
    auto answers = co_await exchange->run(mgets(groups, keys, slots), call.deadline);

    lookups.assign(keys.size(), Lookup(std::optional<spi::Found>()));
    std::vector<std::size_t> to_split;
    std::vector<std::size_t> to_read_alone;
    for (std::size_t i = 0; i < groups.count(); ++i) {
        const auto group = groups[i];
        auto& answer = answers[i];
        const bool fits = answer && answer->kind == Reply::Kind::array && answer->elements.size() == group.size();
        for (std::size_t k = 0; k < group.size(); ++k) {
            auto& lookup = lookups[group[k]];
            if (fits) {
                lookup = to_lookup(answer->elements[k], *exchange);
            } else if (answer) {
                lookup = exchange->unexpected_reply();
            } else {
                lookup = answer.error();
                if (group.size() > 1 && may_be_split(answer.error())) to_split.push_back(group[k]);
            }
            // The bound is on a reply: what did not fit beside its neighbours may fit alone.
            const bool too_large = !lookup && lookup.error() == Errc::value_too_large;
            if (group.size() > 1 && too_large) to_read_alone.push_back(group[k]);
        }
    }
    if (!to_split.empty()) {
        std::vector<BytesView> single;
        single.reserve(to_split.size());
        for (const auto place : to_split)
            single.push_back(keys[place]);
        auto apart = co_await read_at_master(exchange, single, 1, call);
        for (std::size_t i = 0; i < to_split.size(); ++i)
            lookups[to_split[i]] = std::move(apart[i]);
    }
    for (const auto place : to_read_alone) {
        auto alone = co_await read_one_at_master(exchange, keys[place], call);
        lookups[place] = std::move(alone.front());
    }
    co_return lookups;
}

std::vector<BytesView> keys_at(std::span<const BytesView> keys, const Places& places) {
    std::vector<BytesView> some;
    some.reserve(places.size());
    for (const auto place : places)
        some.push_back(keys[place]);
    return some;
}

/// What read_many has in its frame, which ends after all that refers to it.
struct Reading {
    const ExchangePtr& exchange;
    const std::span<const BytesView> keys;
    const CallContext call;
    std::vector<Lookup>& lookups; // each is written by the one part that has its place
};

asio::awaitable<void> fill_from_master(const Reading& reading, Places places) {
    const auto keys = keys_at(reading.keys, places);
    std::vector<Lookup> lookups;
    if (keys.size() == 1) {
        lookups = co_await read_one_at_master(reading.exchange, keys.front(), reading.call);
    } else {
        lookups = co_await read_at_master(reading.exchange, keys, keys_per_mget, reading.call);
    }
    for (std::size_t i = 0; i < places.size(); ++i)
        reading.lookups[places[i]] = std::move(lookups[i]);
}

asio::awaitable<void> fill_from_replica(const Reading& reading, ReplicaPart part) {
    const auto& exchange = reading.exchange;
    const auto keys = keys_at(reading.keys, part.places);
    const auto slots = slots_of(*exchange, keys);
    const KeyGroups groups(slots, keys_per_mget);
    const auto now = std::chrono::steady_clock::now();
    const auto deadline = now + (reading.call.deadline - now) / 2;
    auto& replica = *part.at.replica;
    auto answers = co_await exchange->run_at_replica(replica, mgets(groups, keys, slots), deadline);

    const bool counts = part.at.holds();
    bool failed = false;
    bool served = false;
    Places left;
    for (std::size_t i = 0; i < groups.count(); ++i) {
        const auto group = groups[i];
        auto& answer = answers[i];
        const bool fits = answer && answer->kind == Reply::Kind::array && answer->elements.size() == group.size();
        if (!answer && answer.error() == Errc::cancelled) {
            for (const auto k : group)
                reading.lookups[part.places[k]] = answer.error();
            continue;
        }
        if (answer) {
            failed = failed || !fits;
            served = served || fits;
        } else {
            failed = failed || ReplicaLag::speaks_against(answer.error(), deadline - now, part.at.set->answer_within());
        }
        for (std::size_t k = 0; k < group.size(); ++k) {
            const auto place = part.places[group[k]];
            if (fits && counts && answer->elements[k].kind == Reply::Kind::bulk) {
                reading.lookups[place] = to_lookup(answer->elements[k], *exchange);
            } else {
                left.push_back(place);
            }
        }
    }
    if (failed) {
        part.at.failed();
    } else if (served && counts) {
        part.at.served();
    }
    if (!left.empty()) co_await fill_from_master(reading, std::move(left));
}

asio::awaitable<std::vector<Lookup>> read_near(ExchangePtr exchange, std::shared_ptr<RecentWrites> recent,
                                               std::span<const BytesView> keys, CallContext call) {
    // One time for both: a key is not recent, and a replica may be read, at the same time.
    const auto now = std::chrono::steady_clock::now();
    Places settled;
    for (std::size_t i = 0; i < keys.size(); ++i)
        if (!recent->is_recent(keys[i], now)) settled.push_back(i);
    const auto slots = slots_of(*exchange, keys);
    std::vector<ReplicaPart> at_replicas;
    if (call.deadline > now) at_replicas = exchange->at_replicas(slots, settled, now);

    std::vector<Lookup> lookups(keys.size(), Lookup(std::optional<spi::Found>()));
    const Reading reading{exchange, keys, call, lookups};
    std::vector<bool> taken(keys.size(), false);
    std::vector<asio::awaitable<void>> parts;
    for (auto& part : at_replicas) {
        for (const auto place : part.places)
            taken[place] = true;
        parts.push_back(fill_from_replica(reading, std::move(part)));
    }
    Places others;
    for (std::size_t i = 0; i < keys.size(); ++i)
        if (!taken[i]) others.push_back(i);
    if (!others.empty()) parts.push_back(fill_from_master(reading, std::move(others)));
    co_await in_parallel(std::move(parts));
    co_return lookups;
}

} // namespace

asio::awaitable<std::vector<Lookup>> read_many(ExchangePtr exchange, std::shared_ptr<RecentWrites> recent,
                                               std::span<const BytesView> keys, CallContext call) {
    if (!recent && keys.size() == 1) return read_one_at_master(std::move(exchange), keys.front(), call);
    if (!recent || keys.empty()) return read_at_master(std::move(exchange), keys, keys_per_mget, call);
    return read_near(std::move(exchange), std::move(recent), keys, call);
}

} // namespace tiercel::redis
