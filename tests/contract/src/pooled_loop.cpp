#include <tiercel/testing/run.hpp>

#include <memory>
#include <mutex>
#include <vector>

namespace tiercel::testing {
namespace {

struct Pool {
    std::mutex mutex;
    std::vector<std::unique_ptr<boost::asio::io_context>> loops;
    std::vector<boost::asio::io_context*> idle;
};

Pool& pool() {
    static Pool& never_destroyed = *new Pool; // other threads may outlast main()
    return never_destroyed;
}

} // namespace

PooledLoop::PooledLoop() {
    const std::lock_guard lock(pool().mutex);
    if (pool().idle.empty()) {
        pool().loops.push_back(std::make_unique<boost::asio::io_context>(1));
        pool().idle.push_back(pool().loops.back().get());
    }
    loop_ = pool().idle.back();
    pool().idle.pop_back();
    loop_->restart();
}

PooledLoop::~PooledLoop() {
    const std::lock_guard lock(pool().mutex);
    pool().idle.push_back(loop_);
}

} // namespace tiercel::testing
