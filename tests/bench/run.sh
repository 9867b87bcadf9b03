#!/usr/bin/env bash
# Builds and runs benchmarks, and prints their tables (tests/bench/README.md says how to read them). Options are passed on.
#   tests/bench/run.sh [--benchmark_filter=redis ...]   Google Benchmarks: the median of five interleaved repetitions, its
#                                                       spread, and the rate; all numbers go to build/release/bench.json
#   tests/bench/run.sh peers [--filter 'hits x2' ...]   the memory tier beside other in-process caches; all numbers go to
#                                                       build/release/peers.json; --help lists the options
#   tests/bench/run.sh clients [--filter memcached ...] the clients of Redis and Memcached beside others, over real servers;
#                                                       all numbers go to build/release/clients.json
#   tests/bench/run.sh outage                           what a server that does not answer costs, and for how long
set -euo pipefail
cd "$(dirname "$0")/../.."

case "${1:-}" in
    peers | clients) comparison=$1 program=bench_$1; shift ;;
    outage) comparison='' program=bench_outage ;;
    *) comparison='' program=tiercel_bench ;;
esac
cmake --preset release -DTIERCEL_BENCHMARKS=ON --log-level=WARNING >/dev/null
cmake --build --preset release --target $program >&2

model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
echo "$(nproc) x ${model:-unknown processor}, $(. /etc/os-release && echo "$PRETTY_NAME"), load before: $(cut -d' ' -f1 /proc/loadavg)"
if [ -n "$comparison" ]; then
    exec "build/release/tests/bench/$comparison/$program" --json "build/release/$comparison.json" "$@"
fi
if [ $program = bench_outage ]; then exec build/release/tests/bench/bench_outage; fi
echo
echo '| benchmark | median, ns | spread (cv) | million a second |'
echo '|---|---:|---:|---:|'
build/release/tests/bench/tiercel_bench --benchmark_enable_random_interleaving=true --benchmark_repetitions=5 \
    --benchmark_min_time=0.2 --benchmark_report_aggregates_only=true \
    --benchmark_out=build/release/bench.json --benchmark_out_format=json "$@" >/dev/null

# Google Benchmark writes a field a line.
awk '
    function value(line) { sub(/^[^:]*: */, "", line); sub(/,$/, "", line); gsub(/^"|"$/, "", line); return line }
    /"run_name":/       { name = value($0); rate_of = "" }
    /"aggregate_name":/ { kind = value($0) }
    /"real_time":/      { time = value($0); if (kind == "median") { order[++n] = name; median[name] = time } }
    /"real_time":/      { if (kind == "cv") cv[name] = time }
    /"items_per_second":/ { if (kind == "median") rate[name] = value($0) }
    END {
        for (i = 1; i <= n; ++i) {
            name = order[i]; shown = name
            sub(/\/real_time/, "", shown); sub(/\/threads:1$/, "", shown); sub(/\/threads:/, " ×", shown)
            printf "| %s | %.0f | %.0f %% | %s |\n", shown, median[name], 100 * cv[name], \
                rate[name] == "" ? "" : sprintf("%.3f", rate[name] / 1e6)
        }
    }' build/release/bench.json
