#pragma once

#include <tiercel/redis.hpp>
#include <tiercel/spi/backend.hpp>
#include <tiercel/spi/sync_wait.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tiercel::redis::test {

using namespace std::chrono_literals;

inline spi::CallContext within(std::chrono::milliseconds time) {
    return {std::chrono::steady_clock::now() + time};
}

/// A backend, and two kinds of callers: run() blocks the thread, start() is a coroutine on threads that are not the
/// backend's.
class Client {
public:
    explicit Client(std::string_view url, Options options = {}) {
        auto connected = connect(url, std::move(options));
        if (!connected) throw std::runtime_error(connected.error().message());
        backend = *connected;
    }
    explicit Client(std::shared_ptr<spi::Backend> connected) : backend(std::move(connected)) {}
    ~Client() {
        backend.reset();
        pool_.join();
    }

    template <class T>
    T run(boost::asio::awaitable<T> work) {
        return spi::sync_wait(*spi::default_runtime(), std::move(work));
    }
    template <class T>
    std::future<T> start(boost::asio::awaitable<T> work) {
        return boost::asio::co_spawn(pool_, std::move(work), boost::asio::use_future);
    }

    spi::Lookup get(BytesView key, std::chrono::milliseconds time = 5s) {
        const std::vector<BytesView> keys{key};
        auto lookups = run(backend->get_many(keys, within(time)));
        EXPECT_EQ(lookups.size(), 1U);
        return std::move(lookups.at(0));
    }
    /// The value of a key that is there; "(none)" or the error's name otherwise.
    std::string text(BytesView key, std::chrono::milliseconds time = 5s) {
        const auto lookup = get(key, time);
        if (!lookup) return std::string(to_string(lookup.error().code()));
        return *lookup ? (*lookup)->value : "(none)";
    }
    Result<void> put(BytesView key, BytesView value, std::optional<std::chrono::milliseconds> ttl = std::nullopt,
                     std::chrono::milliseconds time = 5s) {
        const std::vector<spi::PutItem> items{{key, value, ttl}};
        auto results = run(backend->put_many(items, within(time)));
        EXPECT_EQ(results.size(), 1U);
        return std::move(results.at(0));
    }
    Result<bool> erase(BytesView key) {
        const std::vector<BytesView> keys{key};
        auto results = run(backend->erase_many(keys, within(5s)));
        return std::move(results.at(0));
    }
    Result<bool> touch(BytesView key, std::chrono::milliseconds ttl) {
        const std::vector<BytesView> keys{key};
        auto results = run(backend->touch_many(keys, ttl, within(5s)));
        return std::move(results.at(0));
    }
    Result<void> ping(std::chrono::milliseconds time = 5s) { return run(backend->ping(within(time))); }

    std::shared_ptr<spi::Backend> backend;

private:
    boost::asio::thread_pool pool_{2};
};

/// The kind of a failure; empty for success.
template <class T>
std::optional<Errc> code_of(const Result<T>& result) {
    if (result) return std::nullopt;
    return result.error().code();
}

} // namespace tiercel::redis::test
