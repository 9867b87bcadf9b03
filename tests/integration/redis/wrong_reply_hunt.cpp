// Many callers with short deadlines, coroutines some of whom change their minds and threads that block, against a real
// server behind a network that delays, slices, stalls and closes. Each value names its key; nobody may get another's
// reply: wrong_reply_hunt [requests [seed]]. Without a number: 50 thousand requests; 10 million with TIERCEL_LONG set;
// less under a sanitizer.

#include "named_value.hpp"

#include "support/effort.hpp"
#include "support/fault_proxy.hpp"
#include "support/redis_server.hpp"

#include <tiercel/redis.hpp>
#include <tiercel/spi/backend.hpp>
#include <tiercel/spi/sync_wait.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace tiercel::redis::test {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using std::chrono::microseconds;

constexpr unsigned threads = 2;
constexpr unsigned callers_of_a_thread = 48;
constexpr unsigned blocked_callers = 12;

const tiercel::test::Troubles troubles{.delayed = 150, .sliced = 200, .closed = 4, .stalled = 2, .longest_delay = 3ms};

struct Tally {
    std::atomic<std::uint64_t> left{0}; ///< requests that are yet to be made
    std::atomic<std::uint64_t> right{0};
    std::atomic<std::uint64_t> timed_out{0};
    std::atomic<std::uint64_t> cancelled{0};
    std::atomic<std::uint64_t> failed{0};
    std::atomic<std::uint64_t> mismatches{0};

    void mismatch(const std::string& what) {
        if (mismatches.fetch_add(1) < 10) std::fprintf(stderr, "MISMATCH: %s\n", what.c_str());
    }
    /// Of a key that got no answer. Such as only somebody else's reply explains are mismatches.
    void failure(const std::string& what, const Error& error) {
        switch (error.code()) {
        case Errc::timeout:
            timed_out.fetch_add(1);
            break;
        case Errc::cancelled: // counted where it is asked for
            break;
        case Errc::connection_lost:
        case Errc::connection_failed:
            failed.fetch_add(1);
            break;
        default:
            mismatch(what + ": " + error.message());
        }
    }
};

/// One caller after another request.
class Caller {
public:
    Caller(std::shared_ptr<spi::Backend> backend, asio::any_io_executor executor, std::uint64_t seed, Tally& tally)
        : backend_(std::move(backend)), timer_(std::move(executor)), random_(seed), tally_(tally) {}

    asio::awaitable<void> run() {
        while (take_one())
            co_await make_one();
    }

    /// On a thread that blocks, and so cannot change its mind.
    void run_blocked() {
        blocked_ = true;
        while (take_one())
            spi::sync_wait(*spi::default_runtime(), make_one());
    }

private:
    asio::awaitable<bool> make_one() {
        switch (random_() % 16) {
        case 0:
        case 1:
        case 2:
            co_await put();
            break;
        case 3:
            co_await erase();
            break;
        case 4:
            co_await touch();
            break;
        case 5:
            co_await put_if_absent();
            break;
        case 6:
            co_await put_if_version();
            break;
        default:
            co_await get();
        }
        co_return true;
    }

    bool take_one() {
        auto left = tally_.left.load();
        while (left != 0 && !tally_.left.compare_exchange_weak(left, left - 1)) {
        }
        return left != 0;
    }

    spi::CallContext soon() {
        const auto longest = random_() % 4 == 0 ? 1s : microseconds(5ms);
        return {std::chrono::steady_clock::now() +
                microseconds(random_() % static_cast<std::uint64_t>(longest.count()))};
    }

    /// The work's result, or nothing if the caller has thought better of it meanwhile, as one in eight does, and the
    /// backend goes along.
    template <class T>
    asio::awaitable<std::optional<T>> maybe_cancelled(asio::awaitable<T> work) {
        if (blocked_ || random_() % 8 != 0) co_return co_await std::move(work);
        const auto change_of_mind = std::make_shared<asio::cancellation_signal>();
        timer_.expires_after(microseconds(random_() % 2000));
        timer_.async_wait([change_of_mind, &tally = tally_](const boost::system::error_code& error) {
            if (error) return;
            tally.cancelled.fetch_add(1);
            change_of_mind->emit(asio::cancellation_type::terminal);
        });
        auto token = asio::bind_cancellation_slot(change_of_mind->slot(), asio::use_awaitable);
        std::optional<T> result;
        try {
            result = co_await asio::co_spawn(timer_.get_executor(), std::move(work), token);
        } catch (const boost::system::system_error& error) {
            if (error.code() != asio::error::operation_aborted) throw;
        }
        timer_.cancel();
        co_return result;
    }

    asio::awaitable<void> get() {
        std::vector<std::string> names;
        for (std::size_t left = 1 + random_() % 8; left > 0; --left)
            names.push_back(any_name(random_));
        const std::vector<BytesView> keys(names.begin(), names.end());
        const auto lookups = co_await maybe_cancelled(backend_->get_many(keys, soon()));
        if (!lookups) co_return;
        if (lookups->size() != keys.size()) tally_.mismatch("a batch of another size");
        for (std::size_t i = 0; i < keys.size(); ++i) {
            const auto& lookup = (*lookups)[i];
            if (!lookup) {
                tally_.failure("get " + names[i], lookup.error());
            } else if (const auto wrong = what_is_wrong(names[i], *lookup)) {
                tally_.mismatch(*wrong);
            } else {
                tally_.right.fetch_add(1);
            }
        }
    }

    asio::awaitable<void> put() {
        std::vector<std::string> names;
        std::vector<std::string> values;
        for (std::size_t left = 1 + random_() % 4; left > 0; --left) {
            names.push_back(any_written_name(random_));
            values.push_back(value_of(names.back(), random_));
        }
        std::vector<spi::PutItem> items;
        for (std::size_t i = 0; i < names.size(); ++i)
            items.push_back({names[i], values[i], std::nullopt});
        const auto results = co_await maybe_cancelled(backend_->put_many(items, soon()));
        if (results) count("put", *results);
    }

    asio::awaitable<void> erase() {
        const auto name = any_passing_name(random_);
        const std::vector<BytesView> keys{name};
        const auto results = co_await maybe_cancelled(backend_->erase_many(keys, soon()));
        if (results) count("erase", *results);
    }

    asio::awaitable<void> touch() {
        const auto kept = any_kept_name(random_);
        const auto missing = any_missing_name(random_);
        const std::vector<BytesView> keys{kept, missing};
        const auto results = co_await maybe_cancelled(backend_->touch_many(keys, 1h, soon()));
        if (!results) co_return;
        count("touch", *results);
        if ((*results)[0] && !*(*results)[0]) tally_.mismatch("touch: " + kept + " is said to be missing");
        if ((*results)[1] && *(*results)[1]) tally_.mismatch("touch: " + missing + " is said to be there");
    }

    asio::awaitable<void> put_if_absent() {
        const auto kept = any_kept_name(random_);
        const auto value = value_of(kept, random_);
        const spi::PutItem item{kept, value, std::nullopt};
        const auto result = co_await maybe_cancelled(backend_->put_if_absent(item, soon()));
        if (!result) co_return;
        if (!*result) {
            tally_.failure("put_if_absent", result->error());
        } else if (**result != spi::Conditional::conflict) {
            tally_.mismatch("put_if_absent: " + kept + " is said to have been missing");
        } else {
            tally_.right.fetch_add(1);
        }
    }

    asio::awaitable<void> put_if_version() {
        const auto missing = any_missing_name(random_);
        const spi::PutItem item{missing, "never to be written", std::nullopt};
        const auto result = co_await maybe_cancelled(backend_->put_if_version(item, spi::Version(random_()), soon()));
        if (!result) co_return;
        if (!*result) {
            tally_.failure("put_if_version", result->error());
        } else if (**result != spi::Conditional::absent) {
            tally_.mismatch("put_if_version: " + missing + " is said to have been there");
        } else {
            tally_.right.fetch_add(1);
        }
    }

    template <class T>
    void count(const char* what, const std::vector<Result<T>>& results) {
        for (const auto& result : results) {
            if (result) {
                tally_.right.fetch_add(1);
            } else {
                tally_.failure(what, result.error());
            }
        }
    }

    const std::shared_ptr<spi::Backend> backend_;
    asio::steady_timer timer_;
    std::mt19937_64 random_;
    Tally& tally_;
    bool blocked_ = false;
};

asio::awaitable<void> call_until_done(std::shared_ptr<spi::Backend> backend, std::uint64_t seed, Tally& tally) {
    auto executor = co_await asio::this_coro::executor;
    Caller caller(std::move(backend), std::move(executor), seed, tally);
    co_await caller.run();
}

/// Writes the kept keys, by a connection of its own without faults.
void fill(const std::string& url) {
    const auto backend = connect(url).value();
    std::mt19937_64 random(1);
    for (const auto& name : kept_names()) {
        const auto value = value_of(name, random);
        const std::vector<spi::PutItem> items{{name, value, std::nullopt}};
        asio::io_context loop;
        auto done =
            asio::co_spawn(loop, backend->put_many(items, {std::chrono::steady_clock::now() + 20s}), asio::use_future);
        loop.run();
        done.get().at(0).value();
    }
}

int hunt(std::uint64_t requests, std::uint64_t seed) {
    tiercel::test::RedisServer server;
    fill(server.url());
    tiercel::test::FaultProxy proxy(server.port());
    proxy.trouble(seed, troubles);
    const auto backend = connect("redis://127.0.0.1:" + std::to_string(proxy.port()), {.connect_timeout = 200ms,
                                                                                       .max_silence = 50ms,
                                                                                       .reconnect_delay_min = 1ms,
                                                                                       .reconnect_delay_max = 5ms,
                                                                                       .connections = 2})
                             .value();
    std::printf("wrong_reply_hunt: %llu requests, seed %llu\n", static_cast<unsigned long long>(requests),
                static_cast<unsigned long long>(seed));
    std::fflush(stdout);

    Tally tally;
    tally.left = requests;
    std::vector<std::thread> running;
    for (unsigned thread = 0; thread < threads; ++thread) {
        running.emplace_back([&, thread] {
            asio::io_context loop{1};
            for (unsigned caller = 0; caller < callers_of_a_thread; ++caller) {
                const auto number = std::uint64_t{thread} * callers_of_a_thread + caller;
                asio::co_spawn(loop, call_until_done(backend, seed * 1000 + number, tally),
                               [](const std::exception_ptr& thrown) {
                                   if (thrown) std::rethrow_exception(thrown);
                               });
            }
            loop.run();
        });
    }
    for (unsigned caller = 0; caller < blocked_callers; ++caller) {
        running.emplace_back([&, number = threads * callers_of_a_thread + caller] {
            Caller(backend, spi::default_runtime()->executor(), seed * 1000 + number, tally).run_blocked();
        });
    }
    for (auto& thread : running)
        thread.join();

    const auto met = proxy.met();
    const auto number = [](const std::atomic<std::uint64_t>& count) {
        return static_cast<unsigned long long>(count.load());
    };
    std::printf("seed %llu: %llu requests; %u pieces delayed, %u sliced, %u stalled, %u closed; %zu connections; "
                "%llu right, %llu timeouts, %llu cancelled, %llu lost or not connected, %llu mismatches\n",
                static_cast<unsigned long long>(seed), static_cast<unsigned long long>(requests), met.delayed,
                met.sliced, met.stalled, met.closed, proxy.accepted(), number(tally.right), number(tally.timed_out),
                number(tally.cancelled), number(tally.failed), number(tally.mismatches));
    if (tally.mismatches != 0) return 1;
    // A hunt in which nothing happened proves nothing; a short one may miss what is rare.
    bool eventful = tally.right > requests / 10 && tally.timed_out > 0 && tally.cancelled > 0;
    if (requests >= 20'000) {
        eventful = eventful && tally.failed > 0 && met.closed > 0 && met.stalled > 0 && proxy.accepted() > 2;
    }
    if (!eventful) std::fprintf(stderr, "too little happened for this to prove anything\n");
    return eventful ? 0 : 1;
}

} // namespace
} // namespace tiercel::redis::test

int main(int argc, char** argv) try {
    const auto requests = argc > 1 ? std::stoull(argv[1]) : tiercel::test::effort(50'000, 10'000'000);
    const auto seed = argc > 2 ? std::stoull(argv[2]) : std::random_device()();
    return tiercel::redis::test::hunt(requests, seed);
} catch (const std::exception& error) {
    std::fprintf(stderr, "wrong_reply_hunt: %s\n", error.what());
    return 1;
}
