#include "source_of_truth.hpp"

#include <tiercel/async.hpp>

#include <algorithm>
#include <charconv>
#include <span>

namespace tiercel::simulation {

namespace asio = boost::asio;
using namespace std::chrono_literals;

Text text_of_key(Key key) {
    return "k" + std::to_string(key);
}

Key key_of_text(const Text& text) {
    Key key = 0;
    std::from_chars(text.data() + 1, text.data() + text.size(), key);
    return key;
}

asio::awaitable<void> pause_for(std::shared_ptr<testing::VirtualRuntime> runtime, nanoseconds duration) {
    return asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
        [runtime, duration](auto handler) {
            auto shared = std::make_shared<decltype(handler)>(std::move(handler));
            const auto executor = runtime->executor();
            runtime->call_at(runtime->now() + duration,
                             [shared, executor] { asio::post(executor, std::move(*shared)); });
        },
        asio::use_awaitable);
}

SourceOfTruth::SourceOfTruth(std::shared_ptr<testing::VirtualRuntime> runtime, Recorder& recorder,
                             const Settings& settings, std::uint64_t seed)
    : runtime_(std::move(runtime)),
      recorder_(recorder),
      settings_(settings),
      dice_(seed ^ 0x50C3CE0F00000000U),
      rows_(settings.keys) {
    for (auto& row : rows_)
        row.exists = !dice_.chance(0.15);
}

asio::awaitable<void> SourceOfTruth::pause(nanoseconds duration) {
    return pause_for(runtime_, duration);
}

SourceOfTruth::Fate SourceOfTruth::fate_of_load() {
    Fate fate;
    if (settings_.pace.load) {
        fate.after = *settings_.pace.load;
        return fate;
    }
    if (settled_down_) return fate;
    const auto longest = dice_.chance(0.3) ? settings_.source_timeout : nanoseconds(10ms);
    fate.before = dice_.between(0ms, longest / 2);
    fate.after = dice_.between(0ms, longest / 2);
    if (dice_.chance(settings_.faults.load_hangs)) {
        // Exactly at the deadline now and then.
        fate.after = dice_.chance(0.3) ? settings_.source_timeout - fate.before
                                       : settings_.source_timeout + dice_.between(1ms, 2s);
    }
    fate.fails = dice_.chance(settings_.faults.load_fails);
    fate.cacheable = !dice_.chance(0.1);
    if (dice_.chance(0.2)) fate.ttl = dice_.between(10ms, 2s);
    return fate;
}

SourceOfTruth::Fate SourceOfTruth::fate_of_write() {
    Fate fate;
    if (settings_.pace.write) {
        fate.before = *settings_.pace.write;
        return fate;
    }
    if (settled_down_) return fate;
    const auto longest = dice_.chance(0.3) ? settings_.source_timeout : nanoseconds(10ms);
    fate.before = dice_.between(0ms, longest / 2);
    fate.after = dice_.between(0ms, longest / 2);
    const auto& faults = settings_.faults;
    if (dice_.chance(faults.write_refused)) {
        fate.fails = true;
        fate.happens = false;
    } else if (dice_.chance(faults.write_unconfirmed)) {
        fate.fails = true;
    } else if (dice_.chance(faults.write_hangs)) {
        const auto late = settings_.source_timeout + dice_.between(0ms, 1s);
        if (dice_.chance(0.5)) {
            fate.before = late;
        } else {
            fate.after = late;
        }
        fate.happens = !dice_.chance(0.3);
        fate.fails = !fate.happens;
    }
    return fate;
}

std::size_t SourceOfTruth::begin_load(std::size_t life, const Text& key, SteadyTime deadline) {
    Birth birth;
    birth.kind = Birth::Kind::load;
    birth.life = life;
    birth.key = key_of_text(key);
    birth.begin = recorder_.now();
    birth.deadline = deadline - recorder_.start();
    birth.flight_began = birth.deadline - settings_.source_timeout;
    return recorder_.add(birth);
}

SourceOfTruth::Loading SourceOfTruth::finish_load(std::size_t index, const Fate& fate, const Row& seen) {
    auto& birth = recorder_.birth(index);
    birth.end = recorder_.now();
    birth.source_version = seen.version;
    if (fate.fails) {
        birth.outcome = Birth::Outcome::error;
        return Error(Errc::loader_failed, "load " + std::to_string(index));
    }
    birth.cacheable = fate.cacheable;
    birth.ttl = fate.ttl;
    Loaded<Value> loaded;
    loaded.cacheable = fate.cacheable;
    loaded.ttl = fate.ttl;
    birth.outcome = seen.exists ? Birth::Outcome::value : Birth::Outcome::absent;
    if (seen.exists) loaded.value = value_of(birth.key, index);
    return loaded;
}

void SourceOfTruth::commit(std::size_t index) {
    auto& birth = recorder_.birth(index);
    auto& row = rows_[birth.key];
    row.exists = true;
    birth.source_version = ++row.version;
    birth.committed = recorder_.now();
}

Result<void> SourceOfTruth::finish_write(std::size_t index, const Fate& fate) {
    auto& birth = recorder_.birth(index);
    birth.end = recorder_.now();
    birth.outcome = fate.fails ? Birth::Outcome::error : Birth::Outcome::value;
    if (fate.fails) return Error(Errc::writer_failed, "write " + std::to_string(index));
    return {};
}

asio::awaitable<SourceOfTruth::Loading> SourceOfTruth::load(std::size_t life, const Text& key, SteadyTime deadline) {
    const auto birth = begin_load(life, key, deadline);
    const auto row = key_of_text(key);
    const Fate fate = fate_of_load();
    co_await pause(fate.before);
    const Row seen = rows_[row];
    co_await pause(fate.after);
    co_return finish_load(birth, fate, seen);
}

asio::awaitable<Result<void>> SourceOfTruth::write(Value value) {
    const auto birth = birth_of(value);
    const Fate fate = fate_of_write();
    co_await pause(fate.before);
    if (fate.happens) commit(birth);
    co_await pause(fate.after);
    co_return finish_write(birth, fate);
}

Loader<Text, Value> SourceOfTruth::loader_for(std::size_t life) {
    switch (settings_.form) {
    case SourceForm::single:
        break;
    case SourceForm::batch:
        return Loader<Text, Value>([this, life](std::span<const Text> keys,
                                                const LoadContext& context) -> asio::awaitable<std::vector<Loading>> {
            std::vector<std::size_t> births;
            for (const auto& key : keys)
                births.push_back(begin_load(life, key, context.deadline));
            std::vector<Key> rows;
            for (const auto& key : keys)
                rows.push_back(key_of_text(key));
            const Fate fate = fate_of_load();
            co_await pause(fate.before);
            std::vector<Row> seen;
            for (const auto row : rows)
                seen.push_back(rows_[row]);
            co_await pause(fate.after);
            std::vector<Loading> answers;
            for (std::size_t i = 0; i < births.size(); ++i)
                answers.push_back(finish_load(births[i], fate, seen[i]));
            co_return answers;
        });
    case SourceForm::blocking:
        return Loader<Text, Value>([this, life](const Text& key, const LoadContext& context) -> Loading {
            const auto birth = begin_load(life, key, context.deadline);
            return finish_load(birth, fate_of_load(), rows_[key_of_text(key)]);
        });
    }
    return Loader<Text, Value>([this, life](const Text& key, const LoadContext& context) -> asio::awaitable<Loading> {
        return load(life, key, context.deadline);
    });
}

Writer<Text, Value> SourceOfTruth::writer_for(std::size_t) {
    if (!settings_.has_writer) return {};
    if (settings_.form == SourceForm::blocking) {
        return Writer<Text, Value>([this](const Text&, const Value& value) -> Result<void> {
            const Fate fate = fate_of_write();
            if (fate.happens) commit(birth_of(value));
            return finish_write(birth_of(value), fate);
        });
    }
    return Writer<Text, Value>(
        [this](const Text&, const Value& value) -> asio::awaitable<Result<void>> { return write(value); });
}

void SourceOfTruth::make_all_exist() {
    for (auto& row : rows_)
        row.exists = true;
}

void SourceOfTruth::change(Key key) {
    auto& row = rows_[key];
    ++row.version;
    row.exists = settings_.pace.load || !dice_.chance(0.25);
    recorder_.note("the source has version " + std::to_string(row.version) + " of k" + std::to_string(key) +
                   (row.exists ? "" : ", which is gone"));
}

} // namespace tiercel::simulation
