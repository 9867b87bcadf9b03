#!/usr/bin/env bash
# The main job: looks up Debian packages through memory, Redis and Memcached over SQLite, and shows what the cache does.
#   ./examples/run.sh [options of the program, see --help]
#   ./examples/run.sh --built <program> [options]     runs a program built elsewhere, and installs nothing
# Starts a redis-server and a memcached of its own, on free ports of 127.0.0.1, and stops them. Exits with 1 if one of
# the three moments did not go as promised.
set -euo pipefail
cd "$(dirname "$0")/.."

program=build/release/examples/package_lookup/example_package_lookup
if [ "${1:-}" = --built ]; then
    [ $# -ge 2 ] || { echo "run.sh: --built needs the program's path" >&2; exit 2; }
    program=$2
    shift 2
else
    cmake/install-packages.sh
    launcher=()
    command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
    cmake --preset release --log-level=WARNING "${launcher[@]}" >/dev/null
    NINJA_STATUS='[%f/%t %es] ' cmake --build --preset release --target example_package_lookup
fi
for option in "$@"; do
    case $option in --help | -h) exec "$program" --help ;; esac
done

dir=$(mktemp -d "${TMPDIR:-/tmp}/tiercel-example-XXXXXX")
keeper= memcached= lookup=

stop() {
    local status=$?
    trap - EXIT INT TERM
    # Who would start a server again goes before the server.
    for pid in $lookup $keeper $(cat "$dir/redis.pid" 2>/dev/null) $memcached; do
        kill "$pid" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    rm -rf "$dir"
    exit $status
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

free_port() { # below the range of outgoing connections; the server's own bind has the last word
    local port
    while :; do
        port=$((10240 + RANDOM % 20000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
    done
}

# answers <port> <request> <beginning of the answer>: true when a server does so.
answers() {
    local line=
    { exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
    printf '%s\r\n' "$2" >&3
    read -r -t 1 line <&3 || true
    exec 3>&-
    [[ $line == "$3"* ]]
}

# comes_up <pid> <port> <request> <answer>: waits for it, up to ten seconds.
comes_up() {
    local try
    for try in {1..100}; do
        kill -0 "$1" 2>/dev/null || return 1
        ! answers "$2" "$3" "$4" || return 0
        sleep 0.1
    done
    return 1
}

# Keeps a redis-server running, as an init system would: one that died comes back a second and a half later.
keep_redis() {
    local port=$1
    while :; do
        redis-server --bind 127.0.0.1 --port "$port" --dir "$dir" --save '' --appendonly no >>"$dir/redis.log" &
        echo $! >"$dir/redis.pid.new"
        mv "$dir/redis.pid.new" "$dir/redis.pid"
        wait $! || true
        sleep 1.5
    done 2>/dev/null
}

servers=()
if command -v redis-server >/dev/null; then
    for try in 1 2 3; do
        port=$(free_port)
        keep_redis "$port" &
        keeper=$!
        while [ ! -s "$dir/redis.pid" ] && kill -0 "$keeper" 2>/dev/null; do sleep 0.02; done
        if comes_up "$(cat "$dir/redis.pid")" "$port" PING +PONG; then
            servers+=(--redis "redis://127.0.0.1:$port" --redis-pid-file "$dir/redis.pid")
            break
        fi
        kill "$keeper" "$(cat "$dir/redis.pid")" 2>/dev/null || true
        rm -f "$dir/redis.pid"
        keeper=
    done
fi
[ -n "$keeper" ] || echo "run.sh: no redis-server could be started; the embedded memory backend stands in for it"

if command -v memcached >/dev/null; then
    for try in 1 2 3; do
        port=$(free_port)
        memcached -l 127.0.0.1 -p "$port" -U 0 -m 64 -u "$(id -un)" >>"$dir/memcached.log" 2>&1 &
        memcached=$!
        if comes_up "$memcached" "$port" version VERSION; then
            servers+=(--memcached "127.0.0.1:$port")
            break
        fi
        kill "$memcached" 2>/dev/null || true
        memcached=
    done
fi
[ -n "$memcached" ] || echo "run.sh: no memcached could be started; the embedded memory backend stands in for it"

began=$SECONDS
"$program" --database "$dir/packages.sqlite" "${servers[@]}" "$@" & # so that a signal finds us waiting
lookup=$!
wait $lookup
echo "All as promised, in $((SECONDS - began)) seconds."
