#!/bin/bash
# Going back: whole commands of envgit beside those that can bring a folder back in place, on one machine, on one tree.
#
# usage: benches/rollback.sh FIXTURE [WORK]
#   FIXTURE  a folder with `venv` (before) and `venv-after` (the same environment after an upgrade, made at the path
#            of `venv` and then moved aside). It is copied with cp -a and never changed.
#   WORK     where copies and repositories go, on the file system to be measured: five times the size of venv.
#            Default: a new folder under ${TMPDIR:-/tmp}. Removed at the end unless KEEP=1.
#
# settings (environment)
#   ENVGIT   the binary to measure         (default: target/release/envgit, built when absent)
#   RUNS     runs of each, taken in turn   (default 5); of whole commits SLOW_RUNS (default 3)
#   ONLY     names of sections to run      (default: back layers dirty small crash pins)
#
# Sections: back, across the upgrade with pins, beside rsync from a full copy, git checkout, restic and rustic; layers, the
# same without pins; dirty, with a state that must be recorded first; small, one package of the size of numpy; crash,
# what the next command needs after kill -9; pins, what pinning costs a commit.
#
# Both sides take turns. Times are wall-clock of the whole process, from start to exit. After each of envgit's restores
# in the first round the tree is compared, contents included. envgit syncs what it does, the others do not; `sync` runs
# before each. A tool that is not installed is skipped, and the table says so.
set -euo pipefail
usage() { sed -n '2,/^# Both sides/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 2; }
name=rollback
. "$(dirname "$0")/setting.sh"
runs=${RUNS:-5} slow=${SLOW_RUNS:-3} only=${ONLY:-back layers dirty small crash pins}

# --- the trees ------------------------------------------------------------------------------------------------------

env=$work/env venv=$work/env/venv
mkdir "$env"
say "copying $fixture/venv"
cp -a "$fixture/venv" "$venv"
manifest() { (cd "$1" && find . -mindepth 1 \( -type f -printf '%p f %m %T@ %s\n' -o -type l -printf '%p l %l %T@\n' -o -type d -printf '%p d %m\n' \) | sort; find . -type f -print0 | sort -z | xargs -0 sha256sum); }
check() { # check WHAT MANIFEST: the live tree is as that says
    manifest "$venv" >"$work/now.manifest"
    cmp -s "$work/now.manifest" "$2" || { say "FAILED: $1 did not bring it back:"; diff "$2" "$work/now.manifest" | head -n 20 >&2; exit 1; }
}
# The tree becomes one of the fixture, as an upgrade leaves it: only what differs is another file.
become() { rsync -a --delete "$fixture/$1/" "$venv/"; }
eg() { "$envgit" -q -C "$work/project" "$@"; }
new_repository() { rm -rf "$work/project" && mkdir "$work/project" && eg init --yes --no-project --root "env=$venv:venv" >/dev/null; }
command -v rsync >/dev/null || { echo "needs rsync (apt-get install rsync)" >&2; exit 1; }

header() {
    echo "envgit   $("$envgit" --version)"
    echo "fixture  $(find "$venv" | wc -l) paths, $(du -sm "$venv" | cut -f1) MiB before the upgrade"
    echo "machine  $(nproc) cores, Linux $(uname -r), load $(cut -d' ' -f1-3 /proc/loadavg), $(stat -f -c %T "$work")"
}
header | tee "$work/header" >&2
manifest "$venv" >"$work/before.manifest"
new_repository
say "commit before"
eg commit -m before -t before >/dev/null
become venv-after
manifest "$venv" >"$work/after.manifest"
say "commit after"
eg commit -m after -t after >/dev/null
sleep 1

before_peer() { :; }
# back LABEL PEER COMMAND...: our way back and the peer's, in turn, each from `after`.
back() {
    local label=$1 name=$2 i
    shift 2
    rm -f "$work/a" "$work/b"
    for ((i = 0; i < runs; i++)); do
        sync
        fine "$work/a" "$envgit" -C "$work/project" checkout before
        [ "$i" != 0 ] || check "envgit checkout before" "$work/before.manifest"
        eg checkout after >/dev/null
        [ "$i" != 0 ] || check "envgit checkout after" "$work/after.manifest"
        before_peer
        sync
        fine "$work/b" "$@"
        eg checkout --discard after >/dev/null
    done
    told "$label" "$work/a" "$name" "$work/b"
}
eg checkout before >/dev/null
eg checkout after >/dev/null
if wanted back; then
    label="back across the upgrade, pins present"
    back "$label" '`rsync -a --delete` from a full copy' rsync -a --delete "$fixture/venv/" "$venv/"
    if peer git; then
        say "git add of both states"
        git init -q "$work/git"
        gitcmd=(git -C "$venv" --git-dir="$work/git/.git" --work-tree="$venv" -c core.fsync=none -c core.autocrlf=false)
        for state in before after; do
            eg checkout "$state" >/dev/null
            "${gitcmd[@]}" add -A -f . && "${gitcmd[@]}" commit -qm "$state" && "${gitcmd[@]}" tag "$state"
        done
        git_back() { "${gitcmd[@]}" checkout -q -f before; }
        back_by_git() {
            rm -f "$work/a" "$work/b"
            for ((i = 0; i < runs; i++)); do
                sync
                fine "$work/a" "$envgit" -C "$work/project" checkout before
                eg checkout after >/dev/null
                # Its own index must know the tree.
                "${gitcmd[@]}" reset -q --hard after
                sync
                fine "$work/b" git_back
                "${gitcmd[@]}" checkout -q -f after
                eg checkout --discard after >/dev/null
            done
            told "$label" "$work/a" '`git checkout` (no modes, no times)' "$work/b"
        }
        back_by_git
        rm -rf "$work/git"
    fi
    if peer restic; then
        say "restic backup of both states"
        restic -q -r "$work/restic" init
        eg checkout before >/dev/null
        restic -q -r "$work/restic" backup --tag before "$venv"
        eg checkout after >/dev/null
        restic -q -r "$work/restic" backup --tag after "$venv"
        if restic restore --help | grep -q -e --delete; then
            back "$label" '`restic restore --delete`' restic -q -r "$work/restic" restore --tag before "latest:$venv" --target "$venv" --delete
        else
            # It cannot replace links either; so into a free place, which is less to do.
            before_peer() { rm -rf "$work/free"; }
            back "$label" '`restic restore` to a free place (this version has no --delete)' \
                restic -q -r "$work/restic" restore --tag before latest --target "$work/free"
            before_peer() { :; }
            rm -rf "$work/free"
        fi
        rm -rf "$work/restic"
    fi
    if peer rustic; then
        rustic -r "$work/rustic" init >/dev/null 2>&1
        eg checkout before >/dev/null
        rustic -r "$work/rustic" backup "$venv" >/dev/null 2>&1
        eg checkout after >/dev/null
        back "$label" '`rustic restore --delete`' rustic -r "$work/rustic" restore --delete "latest:$venv" "$venv"
        rm -rf "$work/rustic"
    fi
fi

if wanted layers; then
    rm -f "$work/a" "$work/b"
    for ((i = 0; i < slow; i++)); do
        # Not by rm: a live file that loses a name has another time of change, and would be read again first.
        eg pins --drop >/dev/null
        sync
        fine "$work/a" "$envgit" -C "$work/project" checkout before
        eg checkout after >/dev/null
        sync
        fine "$work/b" rsync -a --delete "$fixture/venv/" "$venv/"
        eg checkout --discard after >/dev/null
    done
    told "the same without pins, from the layers" "$work/a" '`rsync -a --delete` from a full copy' "$work/b"
fi

if wanted dirty; then
    rm -f "$work/a"
    for ((i = 0; i < runs; i++)); do
        head -c 1000000 /dev/urandom >"$venv/dirty-$i"
        sync
        fine "$work/a" "$envgit" -C "$work/project" checkout before
        eg checkout after >/dev/null
    done
    told "the same from a state with a new file, which is recorded first" "$work/a"
fi

if wanted small; then
    numpy=$(find "$venv" -type d -path '*/site-packages/numpy' | head -n 1)
    say "another numpy: $(find "$numpy" -type f | wc -l) files"
    cp -a "$numpy" "$work/numpy"
    find "$work/numpy" -type f -exec sh -c 'for f; do echo "#" >>"$f"; done' sh {} +
    rm -rf "$numpy" && cp -a "$work/numpy" "$numpy"
    eg commit -m numpy -t numpy >/dev/null
    sleep 1
    eg checkout after >/dev/null && eg checkout numpy >/dev/null
    rm -f "$work/a"
    for ((i = 0; i < runs; i++)); do
        sync
        fine "$work/a" "$envgit" -C "$work/project" checkout after
        eg checkout numpy >/dev/null
    done
    eg checkout after >/dev/null
    told "back over a change of all of numpy" "$work/a"
fi

if wanted crash; then
    rm -f "$work/a" "$work/b"
    for ((i = 1; i <= runs * 2; i++)); do
        start=$EPOCHREALTIME
        eg checkout before >/dev/null 2>&1
        whole=$(awk -v a="$start" -v b="$EPOCHREALTIME" -v part="$i" -v of="$((runs * 2 + 1))" 'BEGIN { print (b - a) * part / of }')
        eg checkout after >/dev/null
        "$envgit" -C "$work/project" checkout before >/dev/null 2>&1 &
        sleep "$whole"
        kill -9 $! 2>/dev/null || true
        wait $! 2>/dev/null || true
        fine "$work/a" "$envgit" -C "$work/project" status
        eg checkout after >/dev/null
    done
    told "\`status\` after a checkout was killed at $((runs * 2)) moments, recovery included" "$work/a"
fi

if wanted pins; then
    rm -f "$work/a" "$work/b" "$work/c" "$work/d"
    for ((i = 0; i < slow; i++)); do
        for size in default 0; do
            become venv
            new_repository
            [ "$size" = default ] || eg config pins.max_size 0 >/dev/null
            sync
            if [ "$size" = default ]; then first=$work/c again=$work/a; else first=$work/d again=$work/b; fi
            fine "$first" "$envgit" -C "$work/project" commit -m before
            become venv-after
            sync
            fine "$again" "$envgit" -C "$work/project" commit -m after
        done
    done
    told "first commit with pins" "$work/c" "without pins" "$work/d"
    told "commit of the upgrade with pins" "$work/a" "without pins" "$work/b"
fi

cat "$work/header"
echo
echo "| what | envgit: min / median / max (s) | beside it | how often ours fits into it |"
echo "|---|---|---|---|"
cat "$rows"
for tool in "${missing[@]-}"; do [ -z "$tool" ] || echo "SKIPPED: $tool is not installed, its rows are missing."; done
