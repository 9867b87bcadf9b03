#!/usr/bin/env bash
# Builds and runs the benchmarks, and prints a table: the median of five interleaved repetitions, its spread, and the
# rate. All numbers go to build/release/bench.json. Arguments are passed on, e.g. --benchmark_filter=redis.
set -euo pipefail
cd "$(dirname "$0")/../.."

cmake --preset release -DTIERCEL_BENCHMARKS=ON --log-level=WARNING >/dev/null
cmake --build --preset release --target tiercel_bench >&2

model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
echo "$(nproc) x ${model:-unknown processor}, $(. /etc/os-release && echo "$PRETTY_NAME"), load before: $(cut -d' ' -f1 /proc/loadavg)"
echo
echo '| benchmark | median, ns | spread (cv) | million a second |'
echo '|---|---:|---:|---:|'
build/release/tests/bench/tiercel_bench --benchmark_enable_random_interleaving=true --benchmark_repetitions=5 \
    --benchmark_min_time=0.2 --benchmark_report_aggregates_only=true --benchmark_format=csv \
    --benchmark_out=build/release/bench.json --benchmark_out_format=json "$@" 2>/dev/null |
    awk '{
        # "name",iterations,real_time,cpu_time,unit,bytes/s,items/s,... ; names hold commas, hence the quotes
        if (!match($0, /^"[^"]*"/)) next
        name = substr($0, 2, RLENGTH - 2); rest = substr($0, RLENGTH + 2); split(rest, field, ",")
        if (name ~ /_median$/) { sub(/_median$/, "", name); order[++n] = name; time[name] = field[2]; rate[name] = field[6] }
        if (name ~ /_cv$/) { sub(/_cv$/, "", name); cv[name] = field[2] }
    }
    END {
        for (i = 1; i <= n; ++i) {
            name = order[i]; shown = name
            sub(/\/real_time/, "", shown); sub(/\/threads:1$/, "", shown); sub(/\/threads:/, " ×", shown)
            printf "| %s | %.0f | %.0f %% | %s |\n", shown, time[name], 100 * cv[name], \
                rate[name] == "" ? "" : sprintf("%.3f", rate[name] / 1e6)
        }
    }'
