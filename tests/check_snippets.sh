#!/usr/bin/env bash
# Checks that the code in READMEs is the code of the examples:
#   ./tests/check_snippets.sh [README.md...]        by default all there are
# A ```cpp block after the line `<!-- snippet: examples/foo.cpp#name -->` must equal, but for indentation, the lines of
# that file between `// [snippet name]` and `// [/snippet]`. Fails on any that differs, has no such region, or has no
# block; and on regions that are not closed or share their name.
set -uo pipefail
cd "$(dirname "$0")/.."

# The region of a file, without the indentation of its first line.
region() {
    awk -v name="$2" '
        $1 == "//" && $2 == "[/snippet]" { inside = 0 }
        inside { if (!seen++) { match($0, /^ */); indent = RLENGTH }
                 head = substr($0, 1, indent); gsub(/ /, "", head)
                 print head substr($0, indent + 1) }
        $1 == "//" && $2 == "[snippet" && $3 == name "]" { inside = 1 }' "$1"
}

# The ```cpp block that follows line $2 of a README.
block() {
    awk -v after="$2" '
        NR <= after { next }
        inside && /^```/ { exit }
        inside { print; next }
        /^```cpp/ { inside = 1; next }
        NF { exit }' "$1"
}

failures=0
fail() { echo "$1"; failures=$((failures + 1)); }

readmes=("$@")
[ $# -gt 0 ] || mapfile -t readmes < <(find . \( -name build -o -name .git \) -prune -o -name '*.md' -print)
count=0
for readme in "${readmes[@]}"; do
    while IFS=: read -r line marker; do
        count=$((count + 1))
        source=${marker#*snippet: } source=${source%% *}
        file=${source%%#*} name=${source#*#}
        if [ ! -f "$file" ]; then fail "$readme:$line: there is no $file"; continue; fi
        wanted=$(region "$file" "$name") shown=$(block "$readme" "$line")
        if [ -z "$wanted" ]; then fail "$readme:$line: $file has no [snippet $name]"; continue; fi
        [ "$wanted" = "$shown" ] && continue
        fail "$readme:$line: differs from $source; the block should be:"
        diff <(printf '%s\n' "$shown") <(printf '%s\n' "$wanted")
    done < <(grep -n '^<!-- snippet: ' "$readme")
done

while IFS= read -r file; do
    awk -v file="$file" '
        function bad(text) { print file ":" NR ": " text; wrong = 1 }
        $1 == "//" && $2 == "[snippet" {
            if (inside) bad("a snippet inside another")
            if (names[$3]++) bad("a second snippet " $3)
            inside = 1
        }
        $1 == "//" && $2 == "[/snippet]" { if (!inside) bad("no snippet to end"); inside = 0 }
        END { if (inside) bad("a snippet without end"); exit wrong }' "$file" || failures=$((failures + 1))
done < <(find examples -name '*.[ch]pp')

echo "$count snippets, $failures problems"
[ "$failures" -eq 0 ]
