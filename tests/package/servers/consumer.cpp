// A stranger's program over the modules that talk to servers, and the journal; no server is asked.
#include <tiercel/spi/backend.hpp>
#ifdef WITH_JOURNAL
#include <tiercel/journal.hpp>
#endif
#ifdef WITH_REDIS
#include <tiercel/redis.hpp>
#endif
#ifdef WITH_MEMCACHED
#include <tiercel/memcached.hpp>
#endif

#if __has_include("transport/connection.hpp")
#error "what the server modules are built on shows"
#endif

#include <iostream>

int main() {
#ifdef WITH_REDIS
    const auto redis = tiercel::redis::connect("redis://127.0.0.1:1");
    if (!redis || (*redis)->name() != "redis") return 1;
    if (tiercel::redis::connect("not a url")) return 2;
    const tiercel::TlsOptions anybody = {.verify_peer = false};
    if (!tiercel::redis::connect("rediss://127.0.0.1:1", {.tls = anybody})) return 4; // links OpenSSL
    (*redis)->close();
#endif
#ifdef WITH_MEMCACHED
    const auto memcached = tiercel::memcached::connect("127.0.0.1:1");
    if (!memcached || (*memcached)->name() != "memcached") return 3;
    (*memcached)->close();
    if (!tiercel::memcached::connect_sasl("127.0.0.1:1", {.username = "a", .password = "b"}))
        return 5; // links libmemcached
#endif
#ifdef WITH_JOURNAL
    if (tiercel::open_journal("/no/such/folder/journal")) return 6; // links SQLite
#endif
    std::cout << "tiercel: the server modules link\n";
}
