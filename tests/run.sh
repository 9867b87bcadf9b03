#!/usr/bin/env bash
# Builds and runs the tests; fails on any that fails, is skipped or does not run, and when there are none.
#   ./tests/run.sh         GCC, optimised: unit, contract, simulation, integration, fuzz, package tests, the examples
#   ./tests/run.sh --ci    that, formatting, headers on their own, and unit, contract and simulation tests under
#                          ASan+UBSan and TSan
#   ./tests/run.sh --all   that, Clang and clang-tidy, integration tests under the sanitizers, and the long modes
# Runs again in seconds when nothing changed. Its last line is "N passed, N failed, N skipped".
set -uo pipefail
cd "$(dirname "$0")/.."

mode=plain
case "${1:-}" in
    '') ;;
    --ci) mode=ci ;;
    --all) mode=all ;;
    *) sed -n '2,7s/^# \{0,1\}//p' tests/run.sh; [ "$1" = --help ] && exit 0 || exit 2 ;;
esac

jobs=$(nproc)
passed=0 failed=0 skipped=0
problems=()

phase() { printf '== %4ds  %s\n' "$SECONDS" "$1"; }

finish() {
    phase "end"
    for problem in "${problems[@]}"; do echo "FAILED: $problem"; done
    if [ $((passed + failed + skipped)) -eq 0 ]; then
        echo "FAILED: no test ran"
        problems+=("no test ran")
    fi
    echo "$passed passed, $failed failed, $skipped skipped"
    [ ${#problems[@]} -eq 0 ] && [ "$failed" -eq 0 ] && [ "$skipped" -eq 0 ]
    exit
}

# must <what> <command...>: without it the rest has no point.
must() {
    phase "$1"
    "${@:2}" || { problems+=("$1"); finish; }
}

# check <what> <command...>: counts as a failure, but the rest goes on.
check() {
    phase "$1"
    "${@:2}" || problems+=("$1")
}

# build <preset> <target...>
build() {
    local preset=$1 launcher=()
    shift
    command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
    must "$preset: configure" cmake --preset "$preset" --log-level=WARNING -DCMAKE_EXPORT_COMPILE_COMMANDS=ON \
        "${launcher[@]}"
    must "$preset: build $*" env NINJA_STATUS='[%f/%t %es] ' cmake --build --preset "$preset" -j "$jobs" --target "$@"
}

# run_tests <preset> [ctest options...]: adds to the counts.
run_tests() {
    local preset=$1 report="$PWD/build/$1/tests.xml"
    shift
    phase "$preset: test $*"
    rm -f "$report"
    ctest --test-dir "build/$preset" -j 2 --output-on-failure --no-tests=error --output-junit "$report" "$@" 2>&1 |
        awk '/ Test +#[0-9]+: .* Passed /  { if (++n % 100 == 0) { print "   " n " passed"; fflush() } next }
             /^ +Start +[0-9]+: /          { next }
                                           { print; fflush() }'
    local status=${PIPESTATUS[0]}
    count() { grep -c "<testcase .*status=\"$1\"" "$report" 2>/dev/null || true; }
    local total run fail
    total=$(grep -c '<testcase ' "$report" 2>/dev/null || true) run=$(count run) fail=$(count fail)
    total=${total:-0} run=${run:-0} fail=${fail:-0}
    passed=$((passed + run)) failed=$((failed + fail)) skipped=$((skipped + total - run - fail))
    [ "$total" -gt 0 ] || problems+=("$preset: no test matches $*")
    [ $((total - run - fail)) -eq 0 ] || problems+=("$preset: $((total - run - fail)) skipped, disabled or not run $*")
    [ "$status" -eq 0 ] || [ "$fail" -gt 0 ] || problems+=("$preset: ctest $*")
}

sources() { git ls-files -z --cached --others --exclude-standard -- '*.cpp' '*.hpp'; }

formatted() { sources | xargs -0 --no-run-if-empty clang-format-14 --dry-run -Werror; }

# The code that ships, under the checks of .clang-tidy; the tests and examples stay out to keep it to minutes.
tidy() {
    git ls-files -z -- 'core/src/*.cpp' 'backends/*/src/*.cpp' 'compression/*/src/*.cpp' |
        timeout 1800 xargs -0 --no-run-if-empty -P "$jobs" -n 2 clang-tidy-14 -p build/clang --quiet
}

# Ten times what the fuzz tests do.
fuzz() {
    local at=build/clang/tests/fuzz
    mkdir -p "$at/found/$1"
    "$at/$1_fuzz" -max_total_time=200 -max_len=4096 -rss_limit_mb=1024 -timeout=10 "$at/found/$1" "tests/fuzz/corpus/$1" \
        2>&1 | tail -n 20
}

export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-second_deadlock_stack=1:suppressions=$PWD/tests/tsan.supp}
[ $mode = all ] && export TIERCEL_LONG=1

must "packages" cmake/install-packages.sh
if [ $mode != plain ]; then
    check "formatting" formatted
fi

build release all
run_tests release
# libFuzzer comes with Clang; a short run each.
build clang tiercel_fuzzers
run_tests clang -L '^fuzz$' -R libfuzzer
if [ $mode = plain ]; then finish; fi

must "release: each public header on its own" cmake --build --preset release -j "$jobs" \
    --target all_verify_interface_header_sets
for preset in asan tsan; do
    if [ $mode = all ]; then
        build $preset tiercel_unit_tests tiercel_contract_tests tiercel_simulation_tests tiercel_integration_tests
        run_tests $preset -L '^(unit|contract|simulation|integration)$'
    else
        build $preset tiercel_unit_tests tiercel_contract_tests tiercel_simulation_tests
        run_tests $preset -L '^(unit|contract|simulation)$'
    fi
done
if [ $mode = all ]; then
    build clang all
    run_tests clang -LE '^(package|fuzz)$'
    check "clang-tidy" tidy
    check "benchmarks, briefly" tests/bench/run.sh --benchmark_repetitions=2 --benchmark_min_time=0.01
    check "comparison of memory tiers, briefly" tests/bench/run.sh peers --quick
    check "comparison of clients, briefly" tests/bench/run.sh clients --seconds 0.02 --repetitions 1
    for corpus in tests/fuzz/corpus/*; do
        check "long fuzzing: ${corpus##*/}" fuzz "${corpus##*/}"
    done
fi
finish
