// zstd on values of a usual size, through the tier's packer (header, checksum, reused contexts) and by hand.

#include "wire/packer.hpp"
#include "workload.hpp"

#include <tiercel/zstd.hpp>

#include <benchmark/benchmark.h>

#include <zstd.h>

#include <memory>
#include <string>
#include <vector>

namespace {

using namespace tiercel::bench;
namespace wire = tiercel::wire;

constexpr std::size_t values = 256;

const std::vector<std::string>& json() {
    static const std::vector<std::string> all = [] {
        std::vector<std::string> made;
        for (std::size_t i = 0; i < values; ++i)
            made.push_back(json_value(i, 776));
        return made;
    }();
    return all;
}

const wire::Packer& packer() {
    static const wire::Packer one(tiercel::zstd::compressor({.level = 3}), 1 << 20);
    return one;
}

void pack(benchmark::State& state) {
    std::size_t i = 0, raw = 0, stored = 0;
    for (auto _ : state) {
        const auto packed = packer().pack({}, json()[i++ % values]);
        raw += packed->raw_bytes;
        stored += packed->bytes.size();
    }
    state.counters["ratio"] = static_cast<double>(raw) / static_cast<double>(stored);
}

void unpack(benchmark::State& state) {
    std::vector<tiercel::Bytes> stored;
    for (const auto& value : json())
        stored.push_back(packer().pack({}, value)->bytes);
    std::size_t i = 0;
    for (auto _ : state) {
        wire::Unpacked out;
        benchmark::DoNotOptimize(packer().unpack(stored[i++ % values], {}, out));
        benchmark::DoNotOptimize(out.payload.data());
    }
}

void compress_naive(benchmark::State& state) {
    std::string out(ZSTD_compressBound(1'000), '\0');
    std::size_t i = 0, raw = 0, stored = 0;
    for (auto _ : state) {
        const auto& value = json()[i++ % values];
        raw += value.size();
        stored += ZSTD_compress(out.data(), out.size(), value.data(), value.size(), 3);
    }
    state.counters["ratio"] = static_cast<double>(raw) / static_cast<double>(stored);
}

void compress_reusing(benchmark::State& state) {
    const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
    std::string out(ZSTD_compressBound(1'000), '\0');
    std::size_t i = 0;
    for (auto _ : state) {
        const auto& value = json()[i++ % values];
        benchmark::DoNotOptimize(
            ZSTD_compressCCtx(context.get(), out.data(), out.size(), value.data(), value.size(), 3));
    }
}

void decompress_naive(benchmark::State& state) {
    std::vector<std::string> stored;
    for (const auto& value : json()) {
        std::string out(ZSTD_compressBound(value.size()), '\0');
        out.resize(ZSTD_compress(out.data(), out.size(), value.data(), value.size(), 3));
        stored.push_back(std::move(out));
    }
    std::string raw(1'000, '\0');
    std::size_t i = 0;
    for (auto _ : state) {
        const auto& one = stored[i++ % values];
        benchmark::DoNotOptimize(ZSTD_decompress(raw.data(), raw.size(), one.data(), one.size()));
    }
}

} // namespace

BENCHMARK(pack)->Name("compress 776 B: tiercel, with header and checksum");
BENCHMARK(compress_naive)->Name("compress 776 B: ZSTD_compress, a new context each time");
BENCHMARK(compress_reusing)->Name("compress 776 B: ZSTD_compressCCtx, one context");
BENCHMARK(unpack)->Name("decompress 776 B: tiercel, with header and checksum");
BENCHMARK(decompress_naive)->Name("decompress 776 B: ZSTD_decompress, a new context each time");
