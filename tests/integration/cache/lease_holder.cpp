// Takes the lease of key "k" for six seconds, says so, and never ends its load: for the tests to kill.
// Usage: lease_holder redis|memcached <address>

#include "integration/cache/texts.hpp"

#include <cstdio>
#include <string_view>

#include <unistd.h>

int main(int argc, char** argv) {
    using namespace tiercel::test;
    if (argc != 3) return 2;
    auto options = texts({argv[1] == std::string_view("redis") ? redis_tier(argv[2]) : memcached_tier(argv[2])});
    options.tiers[0].leases = {.ttl = 6s};
    options.loader = [](const std::string&) -> tiercel::Result<std::optional<std::string>> {
        std::puts("loading");
        std::fflush(stdout);
        for (;;)
            ::pause();
    };
    const auto cache = made(std::move(options));
    (void)cache.get_or_load("k", {.timeout = 1h});
    return 1;
}
