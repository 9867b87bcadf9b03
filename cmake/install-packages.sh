#!/usr/bin/env bash
# Installs what cmake/packages.txt lists, as root or through sudo. Does nothing, quickly, when all is there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

mapfile -t wanted < <(sed 's/#.*//' "$here/packages.txt" | awk 'NF { print $1 }')
missing=()
for package in "${wanted[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
    echo "packages: all ${#wanted[@]} there"
    exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "packages: run this as root, or install sudo; missing: ${missing[*]}" >&2; exit 1; }
    as_root=(sudo)
fi
echo "packages: installing ${missing[*]}"
# redis-server and memcached are wanted as programs only: no service of theirs is to start.
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 bash -c '
    apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"' _ "${missing[@]}"
