#include "libmemcached_contenders.hpp"

#include <libmemcached/memcached.h>
#include <libmemcached/util.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <stdexcept>

namespace tiercel::bench::clients::libmemcached {
namespace {

using Client = std::unique_ptr<memcached_st, decltype(&memcached_free)>;

Client client_of(const Address& server) {
    Client client(memcached_create(nullptr), memcached_free);
    const auto added = server.unix_socket.empty()
                           ? memcached_server_add(client.get(), "127.0.0.1", server.port)
                           : memcached_server_add_unix_socket(client.get(), server.unix_socket.c_str());
    if (memcached_failed(added)) throw std::runtime_error("libmemcached does not take the server");
    memcached_behavior_set(client.get(), MEMCACHED_BEHAVIOR_TCP_NODELAY, 1);
    return client;
}

void call(memcached_st* client, const Load& load, const std::string& key, const std::string& value) {
    if (load.operation == Operation::set) {
        const auto code = memcached_set(client, key.data(), key.size(), value.data(), value.size(), 0, 0);
        if (memcached_failed(code)) throw std::runtime_error(memcached_strerror(client, code));
        return;
    }
    std::size_t size = 0;
    std::uint32_t flags = 0;
    auto code = MEMCACHED_SUCCESS;
    const std::unique_ptr<char, decltype(&std::free)> got(
        memcached_get(client, key.data(), key.size(), &size, &flags, &code), std::free);
    if (!got || size != load.value_bytes) throw std::runtime_error(memcached_strerror(client, code));
}

/// Waits for a client; libmemcached counts the wait in whole seconds.
class Borrowed {
public:
    explicit Borrowed(memcached_pool_st* pool) : pool_(pool) {
        timespec longest{.tv_sec = 10, .tv_nsec = 0};
        auto code = MEMCACHED_SUCCESS;
        client_ = memcached_pool_fetch(pool_, &longest, &code);
        if (client_ == nullptr) throw std::runtime_error("libmemcached's pool gave no client");
    }
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;
    ~Borrowed() { memcached_pool_release(pool_, client_); }
    memcached_st* get() const noexcept { return client_; }

private:
    memcached_pool_st* pool_;
    memcached_st* client_;
};

} // namespace

void fill(const Address& server, std::size_t value_bytes) {
    const auto client = client_of(server);
    const std::string value(value_bytes, 'v');
    for (const auto& key : raw_keys())
        call(client.get(), {.operation = Operation::set, .value_bytes = value_bytes}, key, value);
}

Sample a_client_a_thread(const Address& server, const Load& load, Stretch& stretch) {
    const std::string value(load.value_bytes, 'v');
    return run_callers(load.threads, stretch, [&](unsigned thread) {
        return [&, client = client_of(server), i = start_of(thread)](Tally& tally) mutable {
            const auto& key = raw_keys()[i++ % key_count];
            timed(tally, [&] { call(client.get(), load, key, value); });
        };
    });
}

Sample pool(const Address& server, const Load& load, std::uint32_t clients, Stretch& stretch) {
    const std::string value(load.value_bytes, 'v');
    const auto model = client_of(server);
    const std::unique_ptr<memcached_pool_st, void (*)(memcached_pool_st*)> shared(
        memcached_pool_create(model.get(), clients, clients),
        [](memcached_pool_st* old) { memcached_pool_destroy(old); });
    if (!shared) throw std::runtime_error("libmemcached makes no pool");
    return run_callers(load.threads, stretch, [&](unsigned thread) {
        return [&, i = start_of(thread)](Tally& tally) mutable {
            const auto& key = raw_keys()[i++ % key_count];
            timed(tally, [&] { call(Borrowed(shared.get()).get(), load, key, value); });
        };
    });
}

Sample mget(const Address& server, const Load& load, Stretch& stretch) {
    return run_callers(load.threads, stretch, [&](unsigned thread) {
        return [client = client_of(server), i = start_of(thread)](Tally& tally) mutable {
            std::array<const char*, batch_size> begins;
            std::array<std::size_t, batch_size> sizes;
            for (std::size_t n = 0; n < batch_size; ++n) {
                const auto& key = raw_keys()[i++ % key_count];
                begins[n] = key.data();
                sizes[n] = key.size();
            }
            auto code = memcached_mget(client.get(), begins.data(), sizes.data(), batch_size);
            memcached_result_st result; // freed by the fetch that finds no more
            memcached_result_create(client.get(), &result);
            std::size_t found = 0;
            while (memcached_fetch_result(client.get(), &result, &code) != nullptr)
                ++found;
            if (found != batch_size) throw std::runtime_error(memcached_strerror(client.get(), code));
            tally.operations += batch_size;
        };
    });
}

} // namespace tiercel::bench::clients::libmemcached
