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
# Measured: clone from a folder to another, longer path, with layers that are shared on one disk, and with layers that are
# copied, as from another machine (the remote belongs to somebody else); the bytes that a push of the upgrade moves,
# against its layer; a push with nothing new; the memory of a clone. Peers: restic and rustic restore, and tar of one
# zstd archive. A tool that is not installed is skipped, and the table says so.
set -euo pipefail
usage() { sed -n '2,/^# zstd archive/p' "$0" | sed 's/^# \{0,1\}//'; exit 2; }
name=clone
. "$(dirname "$0")/setting.sh"
runs=${RUNS:-3}
mkdir "$work/to"
timed() { sync; fine "$@"; }
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
cp -a "$work/remote" "$work/far"
if [ "$(id -u)" = 0 ]; then chown -R nobody "$work/far/layers"; else chmod -R g+w "$work/far/layers"; fi
(cd "$work/env" && tar cf - venv | zstd -q -1 -T0 -o "$work/venv.tar.zst")
peer restic && { restic init -q -r "$work/restic"; (cd "$work/env" && restic backup -q -r "$work/restic" venv); }
peer rustic && { rustic -r "$work/rustic" init >/dev/null 2>&1; (cd "$work/env" && rustic -r "$work/rustic" backup venv >/dev/null 2>&1); }

# Every run gets a place of its own, and nothing is removed before the end: for minutes after many files are removed,
# ext4 makes new ones several times slower, whoever comes next.
place=0
fresh() { place=$((place + 1)) to=$work/to/$place; mkdir "$to"; }
clone_to() { "$envgit" -q clone --yes --root "env=$2" "$work/$1" "$to/project"; }
for _ in $(seq "$runs"); do
    fresh; timed "$work/t.near" clone_to remote "$to/a/longer/place/for/venv"
    fresh; timed "$work/t.far" clone_to far "$to/a/longer/place/for/venv"
    fresh; mkdir "$to/tar"; timed "$work/t.tar" bash -c "zstd -dcq '$work/venv.tar.zst' | tar xf - -C '$to/tar'"
    if [ -d "$work/restic" ]; then fresh; timed "$work/t.restic" restic restore -q -r "$work/restic" latest --target "$to/restic"; fi
    if [ -d "$work/rustic" ]; then fresh; timed "$work/t.rustic" rustic -r "$work/rustic" restore latest "$to/rustic"; fi
done
# One that is looked at: the paths, modes and times, and that it runs.
fresh
memory=$({ /usr/bin/time -f %M "$envgit" -q clone --yes --root "env=$to/a/longer/place/for/venv" "$work/remote" "$to/project" >/dev/null; } 2>&1 | tail -n 1)
cmp <(listing "$venv") <(listing "$to/a/longer/place/for/venv") || { say "FAILED: the clone differs"; exit 1; }
"$to/a/longer/place/for/venv/bin/python" -m pip --version >/dev/null

beside() { # WHAT FILE
    told "$1" "$2" "\`tar x\` of one zstd archive" "$work/t.tar"
    [ ! -s "$work/t.restic" ] || told "the same" "$2" '`restic restore`' "$work/t.restic"
    [ ! -s "$work/t.rustic" ] || told "the same" "$2" '`rustic restore`' "$work/t.rustic"
}
beside "clone to another path, compared with the commit" "$work/t.near"
beside "the same with layers that cannot be shared" "$work/t.far"
fact "memory of the clone" "$((memory / 1024)) MB"

rsync -a --delete "$fixture/venv-after/" "$venv/"
eg commit -m after >/dev/null
before=$(du -sb "$work/remote" | cut -f 1)
timed "$work/t.push" eg push
after=$(du -sb "$work/remote" | cut -f 1)
layer=$(find "$work/project/.envgit/layers" -type f -printf '%T@ %s\n' | sort -g | tail -n 1 | cut -d ' ' -f 2)
told "push of the upgrade" "$work/t.push"
fact "bytes that it moved, beyond its layer" "$(awk -v a=$((after - before)) -v b="$layer" 'BEGIN { printf "%.2f %%", (a / b - 1) * 100 }')"
for _ in $(seq $((runs * 3))); do timed "$work/t.nothing" eg push; done
told "push with nothing new" "$work/t.nothing"

echo "envgit   $("$envgit" --version)"
echo "fixture  $(find "$fixture/venv" | wc -l) paths, $(du -sh "$fixture/venv" | cut -f 1)"
echo "load     $(cut -d ' ' -f 1-3 /proc/loadavg)"
[ ${#missing[@]} -eq 0 ] || echo "skipped  ${missing[*]}"
echo
echo '| what | envgit (min / median / max, s) | beside it | median ÷ ours |'
echo '|---|---|---|---|'
cat "$rows"
