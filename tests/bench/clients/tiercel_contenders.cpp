#include "tiercel_contenders.hpp"

#include <tiercel/spi/sync_wait.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>

#include <array>
#include <mutex>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace tiercel::bench::clients::ours {
namespace {

namespace asio = boost::asio;
using Phase = Stretch::Phase;

std::shared_ptr<spi::Backend> backend_of(Connected connected) {
    if (!connected) throw std::runtime_error(connected.error().message());
    return *std::move(connected);
}

spi::CallContext patient() {
    return {std::chrono::steady_clock::now() + std::chrono::seconds(10)};
}

void check(std::span<const spi::Lookup> found) {
    for (const auto& one : found) {
        if (!one) throw std::runtime_error(one.error().message());
        if (!*one) throw std::runtime_error("a miss");
    }
}
void check(std::span<const Result<void>> put) {
    for (const auto& one : put) {
        if (!one) throw std::runtime_error(one.error().message());
    }
}

std::vector<BytesView> batch_from(std::size_t first) {
    std::vector<BytesView> keys;
    keys.reserve(batch_size);
    for (std::size_t n = 0; n < batch_size; ++n)
        keys.emplace_back(our_keys()[(first + n) % key_count]);
    return keys;
}

/// An event loop with threads of its own, for as long as the coroutines begun on it run.
class Loop {
public:
    explicit Loop(const ConnectOn& connect) {
        auto runtime = make_runtime(context_.get_executor());
        if (!runtime) throw std::runtime_error(runtime.error().message());
        backend_ = backend_of(connect(*std::move(runtime)));
    }

    spi::Backend& backend() const { return *backend_; }

    void begin(asio::awaitable<void> work) {
        ++running_;
        asio::co_spawn(context_, std::move(work), [this](std::exception_ptr thrown) {
            const std::lock_guard lock(mutex_);
            if (thrown && !failure_) failure_ = thrown;
            if (--running_ == 0) context_.stop(); // connections would keep it going
        });
    }

    /// Turns the loop on that many threads until all that was begun has ended.
    void run(unsigned threads, Stretch& stretch) {
        {
            std::vector<std::jthread> turning;
            for (unsigned thread = 0; thread < threads; ++thread)
                turning.emplace_back([this] { context_.run(); });
            stretch.pass();
        }
        if (failure_) std::rethrow_exception(failure_);
    }

private:
    asio::io_context context_; // goes last
    std::shared_ptr<spi::Backend> backend_;
    std::mutex mutex_;
    std::size_t running_ = 0;
    std::exception_ptr failure_;
};

asio::awaitable<void> get_until_over(spi::Backend& backend, std::size_t i, const Stretch& stretch, Tally& tally) {
    for (auto phase = stretch.phase(); phase != Phase::over; phase = stretch.phase()) {
        const std::array<BytesView, 1> key{our_keys()[i++ % key_count]};
        auto call = backend.get_many(key, patient());
        const auto found = co_await std::move(call);
        check(found);
        if (phase == Phase::measuring) ++tally.operations;
    }
}

asio::awaitable<void> set_until_over(spi::Backend& backend, std::size_t i, const std::string& value,
                                     const Stretch& stretch, Tally& tally) {
    for (auto phase = stretch.phase(); phase != Phase::over; phase = stretch.phase()) {
        const std::array<spi::PutItem, 1> item{
            spi::PutItem{.key = our_keys()[i++ % key_count], .value = value, .ttl = std::nullopt}};
        auto call = backend.put_many(item, patient());
        const auto put = co_await std::move(call);
        check(put);
        if (phase == Phase::measuring) ++tally.operations;
    }
}

asio::awaitable<void> batches_until_over(spi::Backend& backend, const Stretch& stretch, Tally& tally) {
    std::size_t first = 0;
    for (auto phase = stretch.phase(); phase != Phase::over; phase = stretch.phase()) {
        const auto keys = batch_from(first);
        first += batch_size;
        auto call = backend.get_many(keys, patient());
        const auto found = co_await std::move(call);
        check(found);
        if (phase == Phase::measuring) tally.operations += batch_size;
    }
}

asio::awaitable<void> get_one(spi::Backend& backend, BytesView key) {
    const std::array<BytesView, 1> one{key};
    auto call = backend.get_many(one, patient());
    const auto found = co_await std::move(call);
    check(found);
}

asio::awaitable<void> singles_until_over(spi::Backend& backend, const Stretch& stretch, Tally& tally) {
    const auto executor = co_await asio::this_coro::executor;
    std::size_t first = 0;
    for (auto phase = stretch.phase(); phase != Phase::over; phase = stretch.phase()) {
        using Started = decltype(asio::co_spawn(executor, get_one(backend, {}), asio::deferred));
        std::vector<Started> all;
        all.reserve(batch_size);
        for (const auto key : batch_from(first))
            all.push_back(asio::co_spawn(executor, get_one(backend, key), asio::deferred));
        first += batch_size;
        auto group = asio::experimental::make_parallel_group(std::move(all));
        const auto [order, thrown] = co_await group.async_wait(asio::experimental::wait_for_all(), asio::use_awaitable);
        for (const auto& one : thrown) {
            if (one) std::rethrow_exception(one);
        }
        if (phase == Phase::measuring) tally.operations += batch_size;
    }
}

} // namespace

void fill(const Connect& connect, std::size_t value_bytes) {
    const auto backend = backend_of(connect());
    const auto runtime = spi::default_runtime();
    const std::string value(value_bytes, 'v');
    std::vector<spi::PutItem> items;
    for (const auto& key : our_keys())
        items.push_back({.key = key, .value = value, .ttl = std::nullopt});
    check(spi::sync_wait(*runtime, backend->put_many(items, patient())));
}

Sample callers(const Connect& connect, const Load& load, Stretch& stretch) {
    const auto backend = backend_of(connect());
    const auto runtime = spi::default_runtime();
    const std::string value(load.value_bytes, 'v');
    return run_callers(load.threads, stretch, [&](unsigned thread) {
        return [&, i = start_of(thread)](Tally& tally) mutable {
            const auto& key = our_keys()[i++ % key_count];
            timed(tally, [&] {
                if (load.operation == Operation::get) {
                    const std::array<BytesView, 1> one{key};
                    check(spi::sync_wait(*runtime, backend->get_many(one, patient())));
                } else {
                    const std::array<spi::PutItem, 1> one{
                        spi::PutItem{.key = key, .value = value, .ttl = std::nullopt}};
                    check(spi::sync_wait(*runtime, backend->put_many(one, patient())));
                }
            });
        };
    });
}

Sample batches(const Connect& connect, const Load& load, Stretch& stretch) {
    const auto backend = backend_of(connect());
    const auto runtime = spi::default_runtime();
    return run_callers(load.threads, stretch, [&](unsigned thread) {
        return [&, first = start_of(thread)](Tally& tally) mutable {
            const auto keys = batch_from(first);
            first += batch_size;
            check(spi::sync_wait(*runtime, backend->get_many(keys, patient())));
            tally.operations += batch_size;
        };
    });
}

Sample in_flight(const ConnectOn& connect, const Load& load, Stretch& stretch) {
    const std::string value(load.value_bytes, 'v');
    std::vector<Tally> tallies(depth);
    Loop loop(connect);
    for (std::size_t n = 0; n < depth; ++n) {
        loop.begin(load.operation == Operation::get
                       ? get_until_over(loop.backend(), start_of(n), stretch, tallies[n])
                       : set_until_over(loop.backend(), start_of(n), value, stretch, tallies[n]));
    }
    loop.run(load.threads, stretch);
    return stretch.sample(tallies);
}

Sample batches_on_loop(const ConnectOn& connect, Stretch& stretch) {
    std::vector<Tally> tallies(1);
    Loop loop(connect);
    loop.begin(batches_until_over(loop.backend(), stretch, tallies.front()));
    loop.run(1, stretch);
    return stretch.sample(tallies);
}

Sample singles_on_loop(const ConnectOn& connect, Stretch& stretch) {
    std::vector<Tally> tallies(1);
    Loop loop(connect);
    loop.begin(singles_until_over(loop.backend(), stretch, tallies.front()));
    loop.run(1, stretch);
    return stretch.sample(tallies);
}

} // namespace tiercel::bench::clients::ours
