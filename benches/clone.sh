#!/bin/bash
# A team's environment on another machine: whole commands of envgit beside those that bring a folder from the same place.
#
# usage: benches/clone.sh FIXTURE [WORK]
#   FIXTURE  a folder with `venv` (before) and `venv-after` (the same environment after an upgrade). Never changed.
#   WORK     where copies and repositories go: twenty times the size of venv. Default: a new folder under ${TMPDIR:-/tmp}.
#            Removed at the end unless KEEP=1.
#
# settings (environment)
#   ENVGIT   the binary to measure         (default: target/release/envgit, built when absent)
#   RUNS     runs of each, taken in turn   (default 3)
#
# Measured: clone from a folder to another, longer path; the bytes that a push of the upgrade moves, against its layer; a
# push with nothing new; the memory of a clone. Layers that could be shared on one disk are
# copied all the same, as from another machine (the remote belongs to somebody else). Peers: restic and rustic restore,
# and tar of one zstd archive. A tool that is not installed is skipped, and the table says so.
set -euo pipefail
export LC_ALL=C

usage() { sed -n '2,/^# and tar/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 2; }
[ $# -ge 1 ] && [ -d "$1/venv" ] && [ -d "$1/venv-after" ] || usage
fixture=$(realpath "$1")
here=$(cd "$(dirname "$0")/.." && pwd)
envgit=${ENVGIT:-${CARGO_TARGET_DIR:-$here/target}/release/envgit}
[ -x "$envgit" ] || (cd "$here" && cargo build --release)
runs=${RUNS:-3}
if [ $# -ge 2 ]; then mkdir -p "$2" && work=$(realpath "$2")/clone && mkdir "$work"; else work=$(mktemp -d); fi
[ "${KEEP:-0}" = 1 ] || trap 'rm -rf "$work"' EXIT

mkdir -p "$work/home" "$work/project" "$work/to"
export HOME=$work/home XDG_CONFIG_HOME=$work/home/.config XDG_STATE_HOME=$work/home/.state XDG_CACHE_HOME=$work/home/.cache
export RESTIC_PASSWORD=bench RUSTIC_PASSWORD=bench
unset VIRTUAL_ENV CONDA_PREFIX ENVGIT_DIR

say() { printf '%s\n' "$*" >&2; }
skipped=()
peer() { command -v "$1" >/dev/null || { skipped+=("$1"); say "SKIPPED: $1 is not installed"; return 1; }; }
rows=$work/rows
: >"$rows"
timed() { # timed FILE COMMAND...: appends the seconds that the command took
    local file=$1 start
    shift
    sync
    start=$EPOCHREALTIME
    "$@" >"$work/out" 2>"$work/err" || { say "FAILED: $*"; cat "$work/err" >&2; exit 1; }
    awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.6f\n", b - a }' >>"$file"
}
median() { sort -g "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
three() { printf '%.2f / %.2f / %.2f' "$(sort -g "$1" | head -n 1)" "$(median "$1")" "$(sort -g "$1" | tail -n 1)"; }
row() { # row WHAT A-FILE [PEER B-FILE]: min / median / max, and how often the peer's median holds ours
    if [ $# -lt 4 ]; then
        printf '| %s | %s | | |\n' "$1" "$(three "$2")" >>"$rows"
    else
        printf '| %s | %s | %s: %s | %.2f |\n' "$1" "$(three "$2")" "$3" "$(three "$4")" \
            "$(awk -v a="$(median "$2")" -v b="$(median "$4")" 'BEGIN { print b / a }')" >>"$rows"
    fi
    tail -n 1 "$rows" >&2
}
fact() { printf '| %s | %s | | |\n' "$1" "$2" >>"$rows"; tail -n 1 "$rows" >&2; }
eg() { "$envgit" -q -C "$work/project" "$@"; }
listing() { (cd "$1" && find . -mindepth 1 \( -type f -printf '%p f %m %T@\n' -o -type l -printf '%p l %T@\n' \) | sort); }

venv=$work/env/venv
mkdir "$work/env"
cp -a "$fixture/venv" "$venv"
eg init --yes --no-project --root "env=$venv:venv" >/dev/null
eg commit -m before >/dev/null
eg remote add origin "$work/remote" >/dev/null
eg push >/dev/null
# As from another machine: what is not this user's own is never shared.
[ "$(id -u)" != 0 ] || chown -R nobody "$work/remote/layers"
(cd "$work/env" && tar cf - venv | zstd -q -1 -T0 -o "$work/venv.tar.zst")
peer restic && { restic init -q -r "$work/restic"; (cd "$work/env" && restic backup -q -r "$work/restic" venv); }
peer rustic && { rustic -r "$work/rustic" init >/dev/null 2>&1; (cd "$work/env" && rustic -r "$work/rustic" backup venv >/dev/null 2>&1); }

# Every run gets a place of its own, and nothing is removed before the end: for minutes after many files are removed,
# ext4 makes new ones several times slower, whoever comes next.
place=0
fresh() { place=$((place + 1)) to=$work/to/$place; mkdir "$to"; }
clone_to() { "$envgit" -q clone --yes --root "env=$1" "$work/remote" "$to/project"; }
for _ in $(seq "$runs"); do
    fresh; timed "$work/t.moved" clone_to "$to/a/longer/place/for/venv"
    fresh; mkdir "$to/tar"; timed "$work/t.tar" bash -c "zstd -dcq '$work/venv.tar.zst' | tar xf - -C '$to/tar'"
    if [ -d "$work/restic" ]; then fresh; timed "$work/t.restic" restic restore -q -r "$work/restic" latest --target "$to/restic"; fi
    if [ -d "$work/rustic" ]; then fresh; timed "$work/t.rustic" rustic -r "$work/rustic" restore latest "$to/rustic"; fi
done
# One that is looked at: the paths, modes and times, and that it runs.
fresh
memory=$({ /usr/bin/time -f %M "$envgit" -q clone --yes --root "env=$to/a/longer/place/for/venv" "$work/remote" "$to/project" >/dev/null; } 2>&1 | tail -n 1)
cmp <(listing "$venv") <(listing "$to/a/longer/place/for/venv") || { say "FAILED: the clone differs"; exit 1; }
"$to/a/longer/place/for/venv/bin/python" -m pip --version >/dev/null

row "clone to another path, compared with the commit" "$work/t.moved" "\`tar x\` of one zstd archive" "$work/t.tar"
[ ! -s "$work/t.restic" ] || row "the same" "$work/t.moved" '`restic restore`' "$work/t.restic"
[ ! -s "$work/t.rustic" ] || row "the same" "$work/t.moved" '`rustic restore`' "$work/t.rustic"
fact "memory of the clone" "$((memory / 1024)) MB"

rsync -a --delete "$fixture/venv-after/" "$venv/"
eg commit -m after >/dev/null
before=$(du -sb "$work/remote" | cut -f 1)
timed "$work/t.push" eg push
after=$(du -sb "$work/remote" | cut -f 1)
layer=$(find "$work/project/.envgit/layers" -type f -printf '%T@ %s\n' | sort -g | tail -n 1 | cut -d ' ' -f 2)
row "push of the upgrade" "$work/t.push"
fact "bytes that it moved, beyond its layer" "$(awk -v a=$((after - before)) -v b="$layer" 'BEGIN { printf "%.2f %%", (a / b - 1) * 100 }')"
for _ in $(seq $((runs * 3))); do timed "$work/t.nothing" eg push; done
row "push with nothing new" "$work/t.nothing"

echo "envgit   $("$envgit" --version)"
echo "fixture  $(find "$fixture/venv" | wc -l) paths, $(du -sh "$fixture/venv" | cut -f 1)"
echo "load     $(cut -d ' ' -f 1-3 /proc/loadavg)"
[ ${#skipped[@]} -eq 0 ] || echo "skipped  ${skipped[*]}"
echo
echo '| what | envgit (min / median / max, s) | beside it | median ÷ ours |'
echo '|---|---|---|---|'
cat "$rows"
