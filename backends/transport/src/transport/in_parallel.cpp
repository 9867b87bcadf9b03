#include "transport/in_parallel.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>

namespace tiercel::transport {

namespace asio = boost::asio;

namespace {

using Handler = asio::async_result<asio::use_awaitable_t<>, void(std::exception_ptr)>::handler_type;

/// Shared by the parts; the last to end resumes who waits for them.
class Gathering {
public:
    Gathering(Handler handler, std::size_t parts) : handler_(std::move(handler)), left_(parts) {}

    void one_has_ended(const std::exception_ptr& thrown) {
        {
            const std::lock_guard lock(mutex_);
            if (thrown) thrown_ = thrown;
            if (--left_ > 0) return;
        }
        const auto executor = handler_.get_executor();
        asio::post(executor,
                   [handler = std::move(handler_), thrown = thrown_]() mutable { std::move(handler)(thrown); });
    }

private:
    Handler handler_;
    std::mutex mutex_; // guards the next two
    std::size_t left_;
    std::exception_ptr thrown_;
};

} // namespace

asio::awaitable<void> in_parallel(std::vector<asio::awaitable<void>> parts) {
    if (parts.empty()) co_return;
    if (parts.size() == 1) {
        co_await std::move(parts.front());
        co_return;
    }
    // Once the last part is started the waiting coroutine may have gone on elsewhere: nothing here is in its frame.
    auto start = [](Handler handler, std::vector<asio::awaitable<void>> started) {
        const auto executor = handler.get_executor();
        const auto gathering = std::make_shared<Gathering>(std::move(handler), started.size());
        for (auto& part : started) {
            asio::co_spawn(executor, std::move(part),
                           [gathering](const std::exception_ptr& thrown) { gathering->one_has_ended(thrown); });
        }
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr)>(start, asio::use_awaitable,
                                                                                           std::move(parts));
}

} // namespace tiercel::transport
