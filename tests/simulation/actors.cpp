#include "actors.hpp"

#include <tiercel/async.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <utility>

namespace tiercel::simulation {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

KeyResult failed(const Error& error) {
    KeyResult result;
    result.kind = KeyResult::Kind::error;
    result.code = error.code();
    result.text = error.message();
    return result;
}

KeyResult result_of(const Result<Handle<Value>>& answer, SteadyTime now) {
    if (!answer) return failed(answer.error());
    KeyResult result;
    result.source = answer->source();
    result.stale = answer->stale_reason();
    result.age = answer->age(now);
    result.staleness = answer->staleness(now);
    if (*answer) {
        result.kind = KeyResult::Kind::value;
        result.value = **answer;
    } else {
        result.kind = answer->known_absent() ? KeyResult::Kind::absent : KeyResult::Kind::miss;
    }
    return result;
}

KeyResult result_of(const Result<WriteReport>& answer) {
    if (!answer) return failed(answer.error());
    KeyResult result;
    result.kind = KeyResult::Kind::done;
    result.report = *answer;
    return result;
}

std::vector<KeyResult> results_of(const std::vector<Result<Handle<Value>>>& answers, SteadyTime now) {
    std::vector<KeyResult> results;
    for (const auto& answer : answers)
        results.push_back(result_of(answer, now));
    return results;
}

std::vector<KeyResult> results_of(const std::vector<Result<WriteReport>>& answers) {
    std::vector<KeyResult> results;
    for (const auto& answer : answers)
        results.push_back(result_of(answer));
    return results;
}

std::vector<Text> texts_of(const std::vector<Key>& keys) {
    std::vector<Text> texts;
    for (const auto key : keys)
        texts.push_back(text_of_key(key));
    return texts;
}

} // namespace

std::size_t Actors::begin(Process& process, Act act, std::vector<Key> keys, CallOptions& options) {
    const auto& settings = surroundings_.settings;
    Operation operation;
    operation.act = act;
    operation.life = process.life();
    operation.keys = std::move(keys);
    operation.timeout = settings.call_timeout;
    if (!settled_down_ && dice_.chance(0.3)) {
        options.timeout = dice_.between(1ms, 2 * settings.source_timeout);
        operation.timeout = *options.timeout;
    }
    if (!settled_down_ && dice_.chance(0.1)) {
        options.strictness = Strictness::strict;
        operation.strictness = Strictness::strict;
    }
    const bool reads = act == Act::get || act == Act::get_or_load;
    if (!settled_down_ && reads && settings.stale_keep > 0ns) {
        if (dice_.chance(0.15)) options.require = Require::fresh;
        if (dice_.chance(0.15)) options.max_staleness = dice_.between(0ms, settings.stale_keep);
        operation.require = options.require;
        operation.max_staleness = options.max_staleness;
    }
    const bool writes = act == Act::put || act == Act::invalidate;
    const auto tiers = std::size_t{settings.private_tier} + std::size_t{settings.shared_tier};
    if (!settled_down_ && writes && tiers > 0 && dice_.chance(0.06)) {
        options.skip = Skip::tier(dice_.below(tiers));
        operation.skips_tier = true;
    }
    operation.begin = surroundings_.recorder.now();
    return surroundings_.recorder.add(std::move(operation));
}

Actors::Signal Actors::perhaps_cancel(std::size_t index) {
    const auto told = std::exchange(cancel_next_after_, std::nullopt);
    if (!told && (settled_down_ || !dice_.chance(0.12))) return nullptr;
    auto signal = std::make_shared<asio::cancellation_signal>();
    const auto after = told ? *told : dice_.between(0ms, 20ms);
    surroundings_.runtime->call_at(surroundings_.runtime->now() + after, [this, signal, index] {
        auto& operation = surroundings_.recorder.operation(index);
        if (operation.end) return;
        operation.cancelled = surroundings_.recorder.now();
        signal->emit(asio::cancellation_type::terminal);
    });
    return signal;
}

template <class Handler>
auto Actors::token(const Signal& signal, Handler handler) {
    return asio::bind_cancellation_slot(signal ? signal->slot() : asio::cancellation_slot(),
                                        asio::bind_executor(surroundings_.runtime->executor(), std::move(handler)));
}

void Actors::finish(Process& process, std::size_t index, std::vector<KeyResult> results) {
    auto& operation = surroundings_.recorder.operation(index);
    operation.end = surroundings_.recorder.now();
    operation.results = std::move(results);
    if (settled_down_ || operation.keys.empty() || process.is_ending() || !dice_.chance(0.4)) return;
    if (dice_.chance(0.02)) {
        process.restart(); // what goes on behind the answer is under way
        return;
    }
    const bool wrote = operation.act == Act::put || operation.act == Act::invalidate;
    const Key key = operation.keys.front();
    if (wrote || dice_.chance(0.5)) {
        read(process, dice_.chance(0.5) ? Act::get : Act::get_or_load, {key});
    } else if (dice_.chance(0.5)) {
        invalidate(process, {key});
    } else {
        put(process, key);
    }
}

void Actors::act(Process& process) {
    if (process.is_ending()) return;
    const auto choice = dice_.below(100);
    if (choice < 60) {
        const auto act = dice_.chance(0.35) ? Act::get : Act::get_or_load;
        if (choice < 8) {
            read_lazily(process, act, any_key());
            return;
        }
        std::vector<Key> keys;
        const auto count = choice < 25 ? 1 + dice_.below(4) : 1;
        for (std::size_t i = 0; i < count; ++i)
            keys.push_back(any_key());
        read(process, act, std::move(keys));
    } else if (choice < 78) {
        put(process, any_key());
    } else if (choice < 94) {
        std::vector<Key> keys{any_key()};
        if (dice_.chance(0.2)) keys.push_back(any_key());
        if (dice_.chance(0.5)) surroundings_.source.change(keys.front());
        invalidate(process, std::move(keys));
    } else if (choice < 98) {
        clear(process);
    } else {
        prime(process);
    }
}

void Actors::read(Process& process, Act act, std::vector<Key> keys) {
    CallOptions options;
    const auto texts = texts_of(keys);
    const auto index = begin(process, act, std::move(keys), options);
    if (!settled_down_ && dice_.chance(0.04)) {
        options.skip = Skip::memory();
        surroundings_.recorder.operation(index).skips_memory = true;
    }
    const auto signal = perhaps_cancel(index);
    const auto& cache = process.cache();
    if (texts.size() == 1) {
        auto done = token(signal, [this, &process, index, signal](const Result<Handle<Value>>& answer) {
            finish(process, index, {result_of(answer, surroundings_.runtime->now())});
        });
        if (act == Act::get) {
            cache.async_get(texts.front(), options, std::move(done));
        } else {
            cache.async_get_or_load(texts.front(), options, std::move(done));
        }
        return;
    }
    auto done = token(signal, [this, &process, index, signal](const std::vector<Result<Handle<Value>>>& answers) {
        finish(process, index, results_of(answers, surroundings_.runtime->now()));
    });
    if (act == Act::get) {
        cache.async_get_many(texts, options, std::move(done));
    } else {
        cache.async_get_or_load_many(texts, options, std::move(done));
    }
}

void Actors::read_lazily(Process& process, Act act, Key key) {
    CallOptions options;
    const auto text = text_of_key(key);
    const auto index = begin(process, act, {key}, options);
    const auto later = dice_.between(0ms, 10ms);
    // The call's time runs from the moment that it is awaited.
    surroundings_.recorder.operation(index).timeout += later;
    surroundings_.recorder.operation(index).delay = later;
    const auto& cache = process.cache();
    auto awaiting = act == Act::get ? cache.async_get(text, options) : cache.async_get_or_load(text, options);
    asio::co_spawn(
        surroundings_.runtime->executor(),
        [](Actors& self, Process& of, std::size_t number, nanoseconds wait,
           asio::awaitable<Result<Handle<Value>>> answer) -> asio::awaitable<void> {
            co_await pause_for(self.surroundings_.runtime, wait);
            const Result<Handle<Value>> result = co_await std::move(answer);
            self.finish(of, number, {result_of(result, self.surroundings_.runtime->now())});
        }(*this, process, index, later, std::move(awaiting)),
        asio::detached);
}

void Actors::put(Process& process, Key key) {
    CallOptions options;
    if (dice_.chance(0.2)) options.ttl = dice_.between(10ms, 2s);
    auto& recorder = surroundings_.recorder;
    const auto index = begin(process, Act::put, {key}, options);
    Birth birth;
    birth.kind = Birth::Kind::put;
    birth.life = process.life();
    birth.key = key;
    birth.begin = recorder.operation(index).begin;
    birth.ttl = options.ttl;
    const auto born = recorder.add(birth);
    recorder.operation(index).births.push_back(born);
    const auto signal = perhaps_cancel(index);
    process.cache().async_put(text_of_key(key), value_of(key, born), options,
                              token(signal, [this, &process, index, signal](const Result<WriteReport>& answer) {
                                  finish(process, index, {result_of(answer)});
                              }));
}

void Actors::invalidate(Process& process, std::vector<Key> keys) {
    CallOptions options;
    const auto texts = texts_of(keys);
    const auto index = begin(process, Act::invalidate, std::move(keys), options);
    const auto signal = perhaps_cancel(index);
    if (texts.size() == 1) {
        process.cache().async_invalidate(
            texts.front(), options, token(signal, [this, &process, index, signal](const Result<WriteReport>& answer) {
                finish(process, index, {result_of(answer)});
            }));
        return;
    }
    process.cache().async_invalidate_many(
        texts, options, token(signal, [this, &process, index, signal](const std::vector<Result<WriteReport>>& answers) {
            finish(process, index, results_of(answers));
        }));
}

void Actors::clear(Process& process) {
    CallOptions options;
    const auto index = begin(process, Act::clear, {}, options);
    const auto signal = perhaps_cancel(index);
    process.cache().async_clear(options,
                                token(signal, [this, &process, index, signal](const Result<WriteReport>& answer) {
                                    finish(process, index, {result_of(answer)});
                                }));
}

void Actors::prime(Process& process) {
    CallOptions options;
    std::vector<Key> keys;
    for (Key key = 0; key < surroundings_.settings.keys; ++key)
        keys.push_back(key);
    const auto texts = texts_of(keys);
    const auto index = begin(process, Act::prime, std::move(keys), options);
    PrimeOptions priming;
    priming.parallel = 1 + dice_.below(3);
    priming.batch = 1 + dice_.below(3);
    priming.timeout = surroundings_.recorder.operation(index).timeout;
    process.cache().async_prime(texts, priming,
                                token(nullptr, [this, &process, index](const Result<PrimeReport>& answer) {
                                    KeyResult result;
                                    result.kind = KeyResult::Kind::done;
                                    if (!answer) result = failed(answer.error());
                                    finish(process, index, {result});
                                }));
}

} // namespace tiercel::simulation
