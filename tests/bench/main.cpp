#include "servers.hpp"

#include <benchmark/benchmark.h>

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    // A server dies with the thread that started it: that must be this one, not a benchmark's.
    tiercel::bench::start_servers();
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
}
