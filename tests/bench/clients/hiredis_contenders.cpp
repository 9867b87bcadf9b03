#include "hiredis_contenders.hpp"

#include <hiredis/hiredis.h>

#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <queue>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace tiercel::bench::clients::hiredis {
namespace {

using Reply = std::unique_ptr<redisReply, decltype(&freeReplyObject)>;

/// The words of a command, as hiredis takes them.
template <std::size_t most>
class Words {
public:
    void add(const std::string& word) {
        begins_[count_] = word.data();
        sizes_[count_++] = word.size();
    }
    int count() const { return static_cast<int>(count_); }
    const char** begins() { return begins_.data(); }
    const std::size_t* sizes() const { return sizes_.data(); }

private:
    std::array<const char*, most> begins_;
    std::array<std::size_t, most> sizes_;
    std::size_t count_ = 0;
};

const std::string get_word = "GET", set_word = "SET", mget_word = "MGET";

Words<3> command_of(const Load& load, const std::string& key, const std::string& value) {
    Words<3> words;
    words.add(load.operation == Operation::get ? get_word : set_word);
    words.add(key);
    if (load.operation == Operation::set) words.add(value);
    return words;
}

class Connection {
public:
    explicit Connection(const RedisAddress& server)
        : context_(server.unix_socket.empty() ? redisConnect("127.0.0.1", server.port)
                                              : redisConnectUnix(server.unix_socket.c_str()),
                   redisFree) {
        if (!context_ || context_->err != 0) throw std::runtime_error("hiredis cannot connect");
    }

    template <std::size_t most>
    Reply call(Words<most> words) {
        return checked(redisCommandArgv(context_.get(), words.count(), words.begins(), words.sizes()));
    }
    template <std::size_t most>
    void append(Words<most> words) {
        redisAppendCommandArgv(context_.get(), words.count(), words.begins(), words.sizes());
    }
    Reply next_reply() {
        void* reply = nullptr;
        redisGetReply(context_.get(), &reply);
        return checked(reply);
    }

private:
    Reply checked(void* reply) const {
        if (reply == nullptr) throw std::runtime_error(std::string("hiredis: ") + context_->errstr);
        return {static_cast<redisReply*>(reply), freeReplyObject};
    }

    std::unique_ptr<redisContext, decltype(&redisFree)> context_;
};

void check(const Reply& reply, const Load& load) {
    const bool good = load.operation == Operation::get
                          ? reply->type == REDIS_REPLY_STRING && reply->len == load.value_bytes
                          : reply->type == REDIS_REPLY_STATUS;
    if (!good) throw std::runtime_error("not the reply that was expected");
}

/// Free connections; a caller waits for one.
class Pool {
public:
    Pool(const RedisAddress& server, std::size_t size) {
        for (std::size_t i = 0; i < size; ++i)
            free_.push(std::make_unique<Connection>(server));
    }

    Reply call(Words<3> words) {
        auto connection = take();
        auto reply = connection->call(words);
        give(std::move(connection));
        return reply;
    }

private:
    std::unique_ptr<Connection> take() {
        std::unique_lock lock(mutex_);
        given_.wait(lock, [this] { return !free_.empty(); });
        auto connection = std::move(free_.front());
        free_.pop();
        return connection;
    }
    void give(std::unique_ptr<Connection> connection) {
        {
            const std::lock_guard lock(mutex_);
            free_.push(std::move(connection));
        }
        given_.notify_one();
    }

    std::mutex mutex_;
    std::condition_variable given_;
    std::queue<std::unique_ptr<Connection>> free_;
};

} // namespace

void fill(const RedisAddress& server, std::size_t value_bytes) {
    const Load sets{.operation = Operation::set, .value_bytes = value_bytes};
    const std::string value(value_bytes, 'v');
    Connection connection(server);
    for (const auto& key : raw_keys())
        check(connection.call(command_of(sets, key, value)), sets);
}

Sample a_connection_a_thread(const RedisAddress& server, const Load& load, Stretch& stretch) {
    const std::string value(load.value_bytes, 'v');
    return run_callers(load.threads, stretch, [&](unsigned thread) {
        return [&, connection = Connection(server), i = start_of(thread)](Tally& tally) mutable {
            const auto& key = raw_keys()[i++ % key_count];
            timed(tally, [&] { check(connection.call(command_of(load, key, value)), load); });
        };
    });
}

Sample pool(const RedisAddress& server, const Load& load, std::size_t connections, Stretch& stretch) {
    const std::string value(load.value_bytes, 'v');
    Pool shared(server, connections);
    return run_callers(load.threads, stretch, [&](unsigned thread) {
        return [&, i = start_of(thread)](Tally& tally) mutable {
            const auto& key = raw_keys()[i++ % key_count];
            timed(tally, [&] { check(shared.call(command_of(load, key, value)), load); });
        };
    });
}

Sample pipelined(const RedisAddress& server, const Load& load, Stretch& stretch) {
    const std::string value(load.value_bytes, 'v');
    return run_callers(load.threads, stretch, [&](unsigned thread) {
        return [&, connection = Connection(server), i = start_of(thread)](Tally& tally) mutable {
            for (std::size_t n = 0; n < depth; ++n)
                connection.append(command_of(load, raw_keys()[i++ % key_count], value));
            for (std::size_t n = 0; n < depth; ++n)
                check(connection.next_reply(), load);
            tally.operations += depth;
        };
    });
}

Sample mget(const RedisAddress& server, const Load& load, Stretch& stretch) {
    return run_callers(load.threads, stretch, [&](unsigned thread) {
        return [&, connection = Connection(server), i = start_of(thread)](Tally& tally) mutable {
            Words<1 + batch_size> words;
            words.add(mget_word);
            for (std::size_t n = 0; n < batch_size; ++n)
                words.add(raw_keys()[i++ % key_count]);
            const auto reply = connection.call(words);
            for (const auto* element : std::span(reply->element, reply->elements)) {
                if (element->type != REDIS_REPLY_STRING) throw std::runtime_error("a miss");
            }
            if (reply->elements != batch_size) throw std::runtime_error("not the reply that was expected");
            tally.operations += batch_size;
        };
    });
}

} // namespace tiercel::bench::clients::hiredis
