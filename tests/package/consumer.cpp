// A stranger's program: something of each module that needs no server.
#include <tiercel/eviction.hpp>
#include <tiercel/memory_backend.hpp>
#include <tiercel/result.hpp>
#include <tiercel/spi/backend.hpp>
#include <tiercel/spi/compressor.hpp>
#include <tiercel/zstd.hpp>

#include <iostream>
#include <string>

int main() {
    const auto backend = tiercel::memory_backend::create({.max_entries = 10});
    if (!backend || (*backend)->name() != "memory") return 1;

    const auto compressor = tiercel::zstd::compressor();
    const std::string text(10'000, 'x');
    const auto compressed = compressor->compress(text).value();
    if (!compressed || compressor->decompress(*compressed, text.size()).value() != text) return 2;

    std::cout << "tiercel: " << tiercel::eviction::lru().name() << ", " << (*backend)->name() << ", " << text.size()
              << " bytes in " << compressed->size() << '\n';
}
