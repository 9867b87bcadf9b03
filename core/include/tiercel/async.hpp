#pragma once

#include <tiercel/cache.hpp>
#include <tiercel/detail/async_call.hpp>
#include <tiercel/loader.hpp>
#include <tiercel/runtime.hpp>
#include <tiercel/spi/run_loop.hpp>
#include <tiercel/spi/runtime.hpp>
#include <tiercel/writer.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace tiercel {

namespace detail {

/// A request to give up that may come before there is a way to.
class GivingUp {
public:
    void ask() {
        Cancel cancel;
        {
            const std::lock_guard lock(mutex_);
            asked_ = true;
            cancel = cancel_;
        }
        if (cancel) cancel();
    }
    void allow(Cancel cancel) {
        bool at_once = false;
        {
            const std::lock_guard lock(mutex_);
            at_once = asked_;
            cancel_ = cancel;
        }
        if (at_once && cancel) cancel();
    }

private:
    std::mutex mutex_;
    Cancel cancel_;
    bool asked_ = false;
};

/// An operation's way into Asio: the handler is posted to its own executor, and its cancellation slot gives up.
template <class T, class Token>
auto initiate(std::optional<T> ready, auto start, Token&& token) {
    return boost::asio::async_initiate<Token, void(T)>(
        [](auto handler, std::optional<T> at_once, auto begin) {
            auto shared = std::make_shared<decltype(handler)>(std::move(handler));
            auto executor = boost::asio::get_associated_executor(*shared);
            auto slot = boost::asio::get_associated_cancellation_slot(*shared);
            // As Asio has it: a loop whose handler is awaited has work.
            auto done = [shared, executor, work = boost::asio::make_work_guard(executor)](T result) {
                boost::asio::post(executor, [shared, result = std::move(result)]() mutable {
                    boost::asio::get_associated_cancellation_slot(*shared).clear();
                    std::move (*shared)(std::move(result));
                });
            };
            if (at_once) {
                done(*std::move(at_once));
                return;
            }
            const spi::RunLoop::Away away; // nobody on this thread waits for it
            if (!slot.is_connected()) {
                begin(std::move(done));
                return;
            }
            // The slot is the next operation's as soon as this one has ended, which may be before begin() returns.
            auto giving_up = std::make_shared<GivingUp>();
            slot.assign([giving_up](boost::asio::cancellation_type) { giving_up->ask(); });
            giving_up->allow(begin(std::move(done)));
        },
        token, std::move(ready), std::move(start));
}

template <class Token, class T>
struct AsyncCall {
    template <class Start, class AnyToken>
    static auto start(std::optional<T> ready, Start begin, AnyToken&& token) {
        return initiate<T>(std::move(ready), std::move(begin), token);
    }
};

/// The coroutine form: what is there already does not suspend.
template <class T>
struct AsyncCall<Awaiting, T> {
    template <class Start>
    static boost::asio::awaitable<T> start(std::optional<T> ready, Start begin, Awaiting) {
        if (ready) co_return *std::move(ready);
        co_return co_await initiate<T>(std::optional<T>(), std::move(begin), boost::asio::use_awaitable);
    }
};

/// Runs a coroutine of the user's on the executor of the batch's cache, and settles the batch with what it gives.
template <class Work>
void spawn_for(const std::shared_ptr<SourceBatch>& calls, Work work) {
    boost::asio::co_spawn(calls->runtime().executor(), std::move(work), [calls](const std::exception_ptr& thrown) {
        if (!thrown) return;
        try {
            std::rethrow_exception(thrown);
        } catch (...) {
            calls->all_threw();
        }
    });
}

template <class K, class V, class R, class E>
struct LoaderKind<K, V, boost::asio::awaitable<R, E>> {
    static constexpr SourceStyle single = SourceStyle::async_single;
    static constexpr SourceStyle batch = SourceStyle::async_batch;

    template <class F>
    static void run_one(const std::shared_ptr<F>& function, const std::shared_ptr<SourceBatch>& calls, std::size_t i) {
        check_load_answer<V, R>();
        spawn_for(calls, [function, calls, i]() -> boost::asio::awaitable<void> {
            const LoadContextOf<V> context(calls, i);
            const auto& key = static_cast<const TypedEntry<K, V>&>(calls->entry(i)).typed_key();
            auto answer = co_await call_loader<F, const K&, V>(*function, key, context);
            LoadSlot<V>{*calls, i}.take(std::move(answer));
        });
    }

    template <class F>
    static void run_all(const std::shared_ptr<F>& function, const std::shared_ptr<SourceBatch>& calls) {
        check_batch_answer<V, R>();
        spawn_for(calls, [function, calls]() -> boost::asio::awaitable<void> {
            const auto keys = keys_of<K, V>(*calls);
            const LoadContextOf<V> context(calls, 0);
            auto answers = co_await call_loader<F, std::span<const K>, V>(*function, std::span<const K>(keys), context);
            take_all<V>(*calls, std::move(answers));
        });
    }
};

template <class K, class V, class R, class E>
struct WriterKind<K, V, boost::asio::awaitable<R, E>> {
    static constexpr SourceStyle single = SourceStyle::async_single;
    static constexpr SourceStyle batch = SourceStyle::async_batch;

    template <class F>
    static void run_one(const std::shared_ptr<F>& function, const std::shared_ptr<SourceBatch>& calls, std::size_t i) {
        check_write_answer<R>();
        spawn_for(calls, [function, calls, i]() -> boost::asio::awaitable<void> {
            const auto write = write_of<K, V>(*calls, i);
            if constexpr (std::is_void_v<R>) {
                co_await (*function)(write.key, write.value);
                calls->done(i, {});
            } else {
                const Result<void> answer = co_await (*function)(write.key, write.value);
                WriteSlot{*calls, i}.take(answer);
            }
        });
    }

    template <class F>
    static void run_all(const std::shared_ptr<F>& function, const std::shared_ptr<SourceBatch>& calls) {
        spawn_for(calls, [function, calls]() -> boost::asio::awaitable<void> {
            std::vector<Write<K, V>> writes;
            writes.reserve(calls->size());
            for (std::size_t i = 0; i < calls->size(); ++i)
                writes.push_back(write_of<K, V>(*calls, i));
            auto answers = co_await (*function)(std::span<const Write<K, V>>(writes));
            take_all_writes(*calls, answers);
        });
    }
};

} // namespace detail
} // namespace tiercel
