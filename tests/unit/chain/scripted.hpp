#pragma once

#include <tiercel/async.hpp>
#include <tiercel/cache.hpp>
#include <tiercel/spi/backend.hpp>
#include <tiercel/testing/virtual_runtime.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

/// What the chain's tests are made of: a backend and a source of truth that wait, fail and lie when told to, around a
/// cache of strings on a virtual clock.
namespace tiercel::testing::chain {

namespace asio = boost::asio;
using namespace std::chrono_literals;

/// Holds coroutines back while it is shut.
class Gate {
public:
    void shut() { shut_ = true; }
    void open() {
        shut_ = false;
        for (auto* timer : waiting_)
            timer->cancel();
    }
    void open_last_first() {
        std::reverse(waiting_.begin(), waiting_.end());
        open();
    }
    std::size_t waiting() const { return waiting_.size(); }

    asio::awaitable<void> pass() {
        if (!shut_) co_return;
        asio::steady_timer timer(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
        waiting_.push_back(&timer);
        (void)co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
        std::erase(waiting_, &timer);
    }

private:
    bool shut_ = false;
    std::vector<asio::steady_timer*> waiting_;
};

/// Bytes in a map, with TTLs on the runtime's clock.
class ScriptedBackend final : public spi::Backend {
public:
    struct Stored {
        Bytes value;
        SteadyTime expires = SteadyTime::max();
        std::uint64_t version = 0;
    };
    /// How one operation behaves.
    struct Script {
        Gate before; ///< holds calls that have not been applied yet
        Gate after;  ///< holds answers
        std::optional<Errc> failure;
        bool throws = false;
        bool wrong_number = false;
        int calls = 0;
        std::size_t keys = 0;
    };

    explicit ScriptedBackend(const spi::Clock& clock) : clock_(clock) {}

    std::map<Bytes, Stored> data;
    Script get, put, erase;
    Script conditional; ///< what put_if_absent and put_if_version do
    spi::Capabilities can = {};
    bool forgives_expiry = false;                                                 ///< keeps values past their TTL
    std::function<bool(BytesView)> unreachable = [](BytesView) { return false; }; ///< keys whose server is down

    void throws_all() { get.throws = put.throws = erase.throws = conditional.throws = true; }
    void open_all() {
        for (auto* script : {&get, &put, &erase, &conditional}) {
            script->before.open();
            script->after.open();
        }
    }

    std::string_view name() const noexcept override { return "scripted"; }
    spi::Capabilities capabilities() const noexcept override { return can; }

    asio::awaitable<std::vector<spi::Lookup>> get_many(std::span<const BytesView> keys, spi::CallContext) override {
        return run<spi::Lookup>(get, keys.size(), [this, keys](std::size_t i) -> spi::Lookup {
            if (unreachable(keys[i])) return Error(Errc::connection_failed, "as the script says");
            const auto* stored = standing(keys[i]);
            if (stored == nullptr) return std::optional<spi::Found>();
            spi::Found found{stored->value, spi::Version(stored->version), {}};
            if (can.reads_ttl && stored->expires != SteadyTime::max()) {
                found.remaining_ttl = std::chrono::floor<std::chrono::milliseconds>(stored->expires - clock_.now());
            }
            return std::optional<spi::Found>(std::move(found));
        });
    }
    asio::awaitable<std::vector<Result<void>>> put_many(std::span<const spi::PutItem> items,
                                                        spi::CallContext) override {
        return run<Result<void>>(put, items.size(), [this, items](std::size_t i) -> Result<void> {
            if (unreachable(items[i].key)) return Error(Errc::connection_failed, "as the script says");
            store(items[i]);
            return {};
        });
    }
    asio::awaitable<std::vector<Result<bool>>> erase_many(std::span<const BytesView> keys, spi::CallContext) override {
        return run<Result<bool>>(erase, keys.size(), [this, keys](std::size_t i) -> Result<bool> {
            if (unreachable(keys[i])) return Error(Errc::connection_failed, "as the script says");
            return data.erase(Bytes(keys[i])) != 0;
        });
    }
    asio::awaitable<std::vector<Result<bool>>> touch_many(std::span<const BytesView> keys, std::chrono::milliseconds,
                                                          spi::CallContext) override {
        co_return std::vector<Result<bool>>(keys.size(), unsupported());
    }
    asio::awaitable<Result<spi::Conditional>> put_if_absent(spi::PutItem item, spi::CallContext) override {
        return put_if(item, [](const Stored* stored) {
            return stored == nullptr ? spi::Conditional::stored : spi::Conditional::conflict;
        });
    }
    asio::awaitable<Result<spi::Conditional>> put_if_version(spi::PutItem item, spi::Version expected,
                                                             spi::CallContext) override {
        return put_if(item, [expected](const Stored* stored) {
            if (stored == nullptr) return spi::Conditional::absent;
            return spi::Version(stored->version) == expected ? spi::Conditional::stored : spi::Conditional::conflict;
        });
    }
    asio::awaitable<Result<void>> ping(spi::CallContext) override { co_return Result<void>(); }
    void close() noexcept override {}

private:
    static Error unsupported() { return Error(Errc::unsupported, "not in the script"); }

    const Stored* standing(BytesView key) const {
        const auto place = data.find(Bytes(key));
        const bool is_there = place != data.end() && (place->second.expires > clock_.now() || forgives_expiry);
        return is_there ? &place->second : nullptr;
    }
    void store(const spi::PutItem& item) {
        auto& stored = data[Bytes(item.key)];
        stored.value = Bytes(item.value);
        stored.expires = item.ttl ? clock_.now() + *item.ttl : SteadyTime::max();
        stored.version = ++last_version_;
    }
    template <class Condition>
    asio::awaitable<Result<spi::Conditional>> put_if(spi::PutItem item, Condition condition) {
        if (!can.conditional_writes) co_return unsupported();
        auto results = co_await run<Result<spi::Conditional>>(
            conditional, 1, [this, item, condition](std::size_t) -> Result<spi::Conditional> {
                if (unreachable(item.key)) return Error(Errc::connection_failed, "as the script says");
                const auto result = condition(standing(item.key));
                if (result == spi::Conditional::stored) store(item);
                return result;
            });
        co_return results.empty() ? Result<spi::Conditional>(unsupported()) : std::move(results.front());
    }

    template <class R, class Apply>
    asio::awaitable<std::vector<R>> run(Script& script, std::size_t count, Apply apply) {
        ++script.calls;
        script.keys += count;
        co_await script.before.pass();
        if (script.throws) throw std::runtime_error("as the script says");
        std::vector<R> results;
        for (std::size_t i = 0; i < count; ++i) {
            if (script.failure) {
                results.emplace_back(Error(*script.failure, "as the script says"));
            } else {
                results.push_back(apply(i));
            }
        }
        if (script.wrong_number) results.pop_back();
        co_await script.after.pass();
        co_return results;
    }

    const spi::Clock& clock_;
    std::uint64_t last_version_ = 0;
};

/// The source of truth: it reads its row, then waits at the gate, then answers.
struct ScriptedSource {
    std::map<std::string, std::string> rows;
    Gate gate;
    std::optional<Error> failure;
    int loads = 0;
    int writes = 0;
    int writing = 0;
    int most_writing = 0;

    Loader<std::string, std::string> loader() {
        return [this](const std::string& key) -> asio::awaitable<Result<std::optional<std::string>>> {
            ++loads;
            Result<std::optional<std::string>> answer = std::optional<std::string>();
            if (failure) {
                answer = *failure;
            } else if (const auto row = rows.find(key); row != rows.end()) {
                answer = std::optional<std::string>(row->second);
            }
            co_await gate.pass();
            co_return answer;
        };
    }
    Writer<std::string, std::string> writer() {
        return [this](const std::string& key, const std::string& value) -> asio::awaitable<Result<void>> {
            ++writes;
            most_writing = std::max(most_writing, ++writing);
            co_await gate.pass();
            --writing;
            if (failure) co_return *failure;
            rows[key] = value;
            co_return Result<void>();
        };
    }
};

/// What a callback got, and how often it was called.
template <class T>
struct Caught {
    std::optional<T> value;
    int calls = 0;
    std::shared_ptr<int> alive = std::make_shared<int>(); ///< what arrives later than the test wants is dropped
};

struct Harness {
    using C = Cache<std::string, std::string>;
    using Read = Result<Handle<std::string>>;

    std::shared_ptr<VirtualRuntime> runtime = std::make_shared<VirtualRuntime>();
    std::shared_ptr<ScriptedBackend> backend = std::make_shared<ScriptedBackend>(*runtime);
    ScriptedSource source;

    /// One tier, a loader, no writer.
    C::Options options() {
        C::Options options;
        options.name = "test";
        options.tiers.resize(1);
        options.tiers[0].backend = std::shared_ptr<spi::Backend>(backend);
        options.tiers[0].name = "tier";
        options.expiry.ttl = 10min;
        options.loader = source.loader();
        options.runtime = runtime;
        return options;
    }
    C::Options memory_only() {
        auto only = options();
        only.tiers.clear();
        return only;
    }
    static C make(C::Options options) { return C::create(std::move(options)).value(); }

    template <class T>
    auto into(Caught<T>& caught) {
        return asio::bind_executor(runtime->executor(), [&caught, alive = std::weak_ptr(caught.alive)](T value) {
            if (alive.expired()) return;
            ++caught.calls;
            caught.value.emplace(std::move(value));
        });
    }
    void idle() { runtime->run_until_idle(); }

    ~Harness() {
        source.gate.open();
        backend->open_all();
        runtime->advance(2h); // lets everything end that the test left hanging: coroutines own what they run on
    }
};

inline CallOptions within(std::chrono::nanoseconds timeout) {
    CallOptions options;
    options.timeout = timeout;
    return options;
}
inline CallOptions living(std::chrono::nanoseconds ttl) {
    CallOptions options;
    options.ttl = ttl;
    return options;
}
inline CallOptions past_memory() {
    CallOptions options;
    options.skip = Skip::memory();
    return options;
}
inline CallOptions strict() {
    CallOptions options;
    options.strictness = Strictness::strict;
    return options;
}

inline std::string text(const Handle<std::string>& handle) {
    return handle ? *handle : "(nothing)";
}
inline std::string text(const Result<Handle<std::string>>& handle) {
    return handle ? text(*handle) : std::string(to_string(handle.error().code()));
}

inline std::uint64_t defects(const CacheStats& stats, std::string_view name) {
    for (const auto& [defect, count] : stats.tiers.at(0).defects) {
        if (defect == name) return count;
    }
    return 0;
}
inline std::uint64_t errors(const CacheStats& stats, Errc code) {
    return stats.tiers.at(0).errors[static_cast<std::size_t>(code)];
}

} // namespace tiercel::testing::chain
