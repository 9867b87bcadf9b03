#include "stage.hpp"

#include "support/ask_redis.hpp"

#include <stdexcept>
#include <string>

namespace tiercel::chaos {

using tiercel::test::ask_redis;

Stage::Stage(ServerKind kind) {
    if (kind == ServerKind::redis) {
        redis_.emplace();
    } else {
        memcached_.emplace();
    }
    proxy_.emplace(server().port());
}

tiercel::test::Server& Stage::server() {
    return redis_ ? static_cast<tiercel::test::Server&>(*redis_) : *memcached_;
}

const tiercel::test::Server& Stage::server() const {
    return redis_ ? static_cast<const tiercel::test::Server&>(*redis_) : *memcached_;
}

void Stage::begin(const Fault& fault) {
    switch (fault.kind) {
    case FaultKind::stopped:
        return server().stop_replying();
    case FaultKind::killed:
        return server().kill9();
    case FaultKind::flushed:
        return flush();
    case FaultKind::evicting:
    case FaultKind::full:
    case FaultKind::read_only:
    case FaultKind::no_replicas:
        return redis_ ? begin_at_redis(fault) : begin_at_memcached(fault);
    default:
        return begin_on_the_way(fault);
    }
}

void Stage::end(const Fault& fault) {
    switch (fault.kind) {
    case FaultKind::stopped:
        return server().resume();
    case FaultKind::killed:
        return server().restart();
    case FaultKind::flushed:
        return flush();
    case FaultKind::evicting:
    case FaultKind::full:
        if (memcached_) return memcached_->restart_with({});
        return tell("CONFIG SET maxmemory 0", "+OK");
    case FaultKind::read_only:
        return tell("REPLICAOF NO ONE", "+OK");
    case FaultKind::no_replicas:
        return tell("CONFIG SET min-replicas-to-write 0", "+OK");
    default:
        return proxy_->pass();
    }
}

void Stage::begin_on_the_way(const Fault& fault) {
    using namespace std::chrono_literals;
    switch (fault.kind) {
    case FaultKind::slow:
        return proxy_->delay(std::chrono::milliseconds(fault.size));
    case FaultKind::cut:
        return proxy_->close_after(fault.size);
    case FaultKind::silent:
        return proxy_->swallow_after(fault.size);
    case FaultKind::half_open:
        return proxy_->half_open();
    case FaultKind::sliced:
        return proxy_->slice();
    case FaultKind::corrupt:
        return proxy_->corrupt(fault.number, fault.size);
    case FaultKind::refused:
        return proxy_->refuse();
    default:
        return proxy_->trouble(fault.size,
                               {.delayed = 150, .sliced = 200, .closed = 10, .stalled = 5, .longest_delay = 20ms});
    }
}

void Stage::begin_at_redis(const Fault& fault) {
    switch (fault.kind) {
    case FaultKind::evicting: {
        const auto memory = ask_redis(redis_->port(), "", "INFO memory");
        const std::string words = "used_memory:";
        const auto at = memory.find(words);
        const auto used = at == std::string::npos ? 0 : std::stoull(memory.substr(at + words.size()));
        tell("CONFIG SET maxmemory-policy allkeys-random", "+OK");
        return tell("CONFIG SET maxmemory " + std::to_string(used + (64U << 10)), "+OK");
    }
    case FaultKind::full:
        tell("CONFIG SET maxmemory-policy noeviction", "+OK");
        return tell("CONFIG SET maxmemory 1", "+OK");
    case FaultKind::read_only:
        return tell("REPLICAOF 127.0.0.1 1", "+OK");
    default:
        return tell("CONFIG SET min-replicas-to-write 1", "+OK");
    }
}

/// Its memory is set when it begins.
void Stage::begin_at_memcached(const Fault& fault) {
    if (fault.kind == FaultKind::full) return memcached_->restart_with({"-M", "-m", "2"});
    memcached_->restart_with({"-m", "2"});
}

void Stage::flush() {
    if (redis_) return tell("FLUSHALL", "+OK");
    tell("flush_all", "OK");
}

/// Memcached takes a line, and answers with one, as Redis does.
void Stage::tell(const std::string& command, const std::string& expected) const {
    const auto answer = ask_redis(server().port(), "", command);
    if (answer != expected) throw std::runtime_error("the server's answer to " + command + " was " + answer);
}

} // namespace tiercel::chaos
