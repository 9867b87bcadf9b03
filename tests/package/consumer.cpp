// A stranger's program: a cache over a compressed tier over a loader, and no server.
#include <tiercel/cache.hpp>
#include <tiercel/memory_backend.hpp>
#include <tiercel/zstd.hpp>

#include <iostream>
#include <string>

int main() {
    using Pages = tiercel::Cache<std::string, std::string>;
    int loads = 0;
    Pages::Options options;
    options.name = "pages";
    options.tiers = {{.backend = tiercel::memory_backend::create(), .compressor = tiercel::zstd::compressor()}};
    options.loader = [&](const std::string& key) -> tiercel::Result<std::optional<std::string>> {
        ++loads;
        return key + std::string(10'000, 'x');
    };
    auto pages = Pages::create(std::move(options));
    if (!pages) {
        std::cerr << pages.error().message() << '\n';
        return 1;
    }
    for (int round = 0; round < 3; ++round) {
        const auto page = pages->get_or_load("home");
        if (!page || (*page)->size() != 10'004) return 2;
    }
    if (loads != 1) return 3;
    std::cout << "tiercel: three look-ups, " << loads << " load\n";
}
