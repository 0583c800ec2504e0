#!/bin/bash
# Whole commands of envgit beside those of other tools, on one machine, on one tree.
#
# usage: benches/compare.sh FIXTURE [WORK]
#   FIXTURE  a folder with `venv` (before) and `venv-after` (the same environment after an upgrade, made at the path
#            of `venv` and then moved aside). It is copied with cp -a and never changed.
#   WORK     where copies and repositories go: three to six times the size of venv, on the file system to be measured.
#            Default: a new folder under ${TMPDIR:-/tmp}. Removed at the end unless KEEP=1.
#
# settings (environment)
#   ENVGIT   the binary to measure                (default: target/release/envgit, built when absent)
#   RUNS     pairs of runs of quick measurements  (default 5); slow ones get SLOW_RUNS (default 3)
#   ONLY     names of sections to run, e.g. ONLY="status commit" (default: all)
#
# How it measures. Both sides of a pair take turns (A B A B ...), so that a machine that grows slower or busier hits both.
# Times are wall-clock of the whole process, from /usr/bin/time; hyperfine, where installed, is used for commands that
# take milliseconds and change nothing. The page cache is warm for both, unless you drop it. Whatever a run must not
# pay for (removing the last repository, swapping the tree) happens between runs. A tool that is not installed is
# skipped, and the table says so. Every restore is checked: a manifest of the tree must equal that of the fixture.
#
# A machine that does other work gives other figures: look at the load in the first lines before you quote a ratio.
set -euo pipefail
usage() { sed -n '2,/^set -/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 2; }
name=compare
. "$(dirname "$0")/setting.sh"
runs=${RUNS:-5} slow=${SLOW_RUNS:-3} only=${ONLY:-status commit first layer checkout history memory}
[ -x /usr/bin/time ] || { echo "needs GNU time at /usr/bin/time (apt-get install time)" >&2; exit 1; }

have() { command -v "$1" >/dev/null; }

# --- measuring -----------------------------------------------------------------------------------------------------

# timed FILE COMMAND...: appends the seconds that the command took.
timed() {
    local file=$1
    shift
    /usr/bin/time -o "$work/time" -f '%e %M' "$@" >"$work/out" 2>"$work/err" ||
        { say "FAILED: $*"; cat "$work/err" >&2; exit 1; }
    # GNU time counts in hundredths; for short commands bash's clock is finer, see fine().
    awk '{print $1}' "$work/time" >>"$file"
    awk '{print $2}' "$work/time" >>"$file.memory"
}
# row WHAT A-NAME A-FILE B-NAME B-FILE: one line of the table; the ratio is that of the medians, A to B.
row() {
    local a b
    a=$(median "$3") b=$(median "$5")
    printf '%s\t%s\t%.3f\t%.3f\t%s\t%.3f\t%.3f\t%.2f\n' "$1" "$2" "$(least "$3")" "$a" "$4" "$(least "$5")" "$b" \
        "$(awk -v a="$a" -v b="$b" 'BEGIN { print (b > 0) ? a / b : 0 }')" >>"$rows"
    say "  $1: $2 ${a}s, $4 ${b}s"
}
# alone WHAT NAME FILE: a line without a peer.
alone() {
    printf '%s\t%s\t%.3f\t%.3f\t-\t-\t-\t-\n' "$1" "$2" "$(least "$3")" "$(median "$3")" >>"$rows"
    say "  $1: $2 $(median "$3")s"
}
# pairs N CLOCK WHAT A-NAME B-NAME: runs a and b, which the caller defines, with before_a and before_b unmeasured.
pairs() {
    local count=$1 clock=$2 what=$3 a=$work/a.times b=$work/b.times i
    rm -f "$a"* "$b"*
    for ((i = 0; i < count; i++)); do
        before_a; "$clock" "$a" "${a_command[@]}"; after_a
        before_b; "$clock" "$b" "${b_command[@]}"; after_b
    done
    row "$what" "$4" "$a" "$5" "$b"
}
reset_hooks() { before_a() { :; }; before_b() { :; }; after_a() { :; }; after_b() { :; }; }
reset_hooks

# --- the trees ------------------------------------------------------------------------------------------------------

venv=$work/env/venv other=$work/env/venv-after
mkdir "$work/env"
say "copying $fixture"
cp -a "$fixture/venv" "$venv"
cp -a "$fixture/venv-after" "$other"
# swap: the other state at the same path, as an upgrade (or its undoing) would leave it.
swap() { mv "$venv" "$work/env/x" && mv "$other" "$venv" && mv "$work/env/x" "$other"; }
manifest() { (cd "$1" && find . -mindepth 1 \( -type f -printf '%p f %m %T@ %s\n' -o -type l -printf '%p l %l %T@\n' -o -type d -printf '%p d %m\n' \) | sort; find . -type f -print0 | sort -z | xargs -0 sha256sum); }
(cd "$venv" && manifest .) >"$work/before.manifest"
(cd "$other" && manifest .) >"$work/after.manifest"
size=$(du -sB1 "$venv" | cut -f1)
files=$(find "$venv" | wc -l)

eg() { "$envgit" -C "$work/project" "$@"; }
new_repository() { rm -rf "$work/project" && mkdir "$work/project" && eg init --yes --no-project --root "env=$venv:venv" >/dev/null; }

{
    echo "envgit     $("$envgit" --version 2>/dev/null || echo unknown)"
    echo "fixture    $files paths, $((size >> 20)) MiB before the upgrade"
    echo "machine    $(nproc) cores, $(uname -r), load $(cut -d' ' -f1-3 /proc/loadavg), $(stat -f -c %T "$work")"
    for tool in git borg restic rustic zstd tar; do have "$tool" && echo "$tool  $({ "$tool" --version || "$tool" version; } 2>/dev/null | head -n 1)"; done
} >"$work/header" || true
cat "$work/header" >&2

say "first commits, so that there is something to compare"
new_repository
eg commit -m before -t before >/dev/null
if peer git; then
    git init -q "$work/git"
    gitcmd=(git -C "$venv" --git-dir="$work/git/.git" --work-tree="$venv")
    "${gitcmd[@]}" -c core.fsync=none add -A -f .
    "${gitcmd[@]}" commit -qm before
fi

# --- status and commit with nothing changed ---------------------------------------------------------------------------

# Twice, so that no cache is racy any more.
sleep 1
eg status >/dev/null
eg status >/dev/null
if wanted status && peer git; then
    "${gitcmd[@]}" status >/dev/null
    a_command=("$envgit" -C "$work/project" status) b_command=("${gitcmd[@]}" status)
    pairs "$((runs * 2))" fine "status, clean" envgit "git status"
    if have hyperfine; then
        hyperfine -N -w 2 -i --export-json "$work/hyperfine.json" "${a_command[*]}" "${b_command[*]}" >&2
    fi
fi
if wanted commit; then
    a_command=("$envgit" -C "$work/project" commit -m nothing) b_command=("$envgit" -C "$work/project" status)
    pairs "$((runs * 2))" fine "commit, nothing changed" envgit "envgit status"
fi

# --- the first commit -------------------------------------------------------------------------------------------------

tar_zstd() { tar c -C "$(dirname "$venv")" venv | zstd -q -1 -T0 -f -o "$work/full.tar.zst"; }
if wanted first; then
    before_a() { new_repository; sync; }
    after_a() { sync; }
    a_command=("$envgit" -C "$work/project" commit -m before -t before)
    if peer zstd && peer tar; then
        before_b() { rm -f "$work/full.tar.zst"; sync; }
        b_command=(bash -c "tar c -C '$(dirname "$venv")' venv | zstd -q -1 -T0 -f -o '$work/full.tar.zst' && sync '$work/full.tar.zst'")
        pairs "$slow" timed "first commit" envgit "tar | zstd -1 -T0"
    fi
    if peer borg; then
        before_b() { rm -rf "$work/borg" && borg init -e none "$work/borg" 2>/dev/null; sync; }
        b_command=(borg create -C zstd,1 "$work/borg::one" "$venv")
        pairs "$slow" timed "first commit" envgit "borg create zstd,1"
        rm -rf "$work/borg"
    fi
    if peer restic; then
        before_b() { rm -rf "$work/restic" && restic -q -r "$work/restic" init; sync; }
        b_command=(restic -q -r "$work/restic" backup --compression auto "$venv")
        pairs "$slow" timed "first commit" envgit "restic backup"
        rm -rf "$work/restic"
    fi
    if peer rustic; then
        before_b() { rm -rf "$work/rustic" && rustic -r "$work/rustic" init >/dev/null 2>&1; sync; }
        b_command=(rustic -r "$work/rustic" backup "$venv")
        pairs "$slow" timed "first commit" envgit "rustic backup"
        rm -rf "$work/rustic"
    fi
    reset_hooks
fi

if wanted layer && peer zstd; then
    [ -e "$work/full.tar.zst" ] || tar_zstd
    ours=$(cat "$work/project/.envgit/layers"/*.tar.zst | wc -c) theirs=$(wc -c <"$work/full.tar.zst")
    printf 'size of the first layer (MB)\tenvgit\t%.1f\t%.1f\ttar | zstd -1\t%.1f\t%.1f\t%.3f\n' \
        "$(awk "BEGIN { print $ours / 1e6 }")" "$(awk "BEGIN { print $ours / 1e6 }")" \
        "$(awk "BEGIN { print $theirs / 1e6 }")" "$(awk "BEGIN { print $theirs / 1e6 }")" \
        "$(awk "BEGIN { print $ours / $theirs }")" >>"$rows"
fi

# --- after the upgrade --------------------------------------------------------------------------------------------------

swap
say "the upgraded state"
rm -f "$work/up"*
timed "$work/up" "$envgit" -C "$work/project" commit -m after -t after
alone "commit after the upgrade" envgit "$work/up"

verify() { # verify WHAT STATE: the live tree equals the fixture's, contents included
    (cd "$venv" && manifest .) >"$work/now.manifest"
    cmp -s "$work/now.manifest" "$work/$2.manifest" ||
        { say "FAILED: $1 did not bring back $2:"; diff "$work/$2.manifest" "$work/now.manifest" | head -n 20 >&2; exit 1; }
}

if wanted checkout; then
    [ -e "$work/full.tar.zst" ] || { swap; tar_zstd; swap; }
    say "checkout across the upgrade, from the layers"
    rm -f "$work"/back* "$work"/forth* "$work"/full.times*
    for ((i = 0; i < slow; i++)); do
        sync
        timed "$work/back" "$envgit" -C "$work/project" checkout before
        [ "$i" != 0 ] || verify "envgit checkout before" before
        rm -rf "$work/extract" && mkdir "$work/extract" && sync
        timed "$work/full.times" bash -c "zstd -dc '$work/full.tar.zst' | tar x -C '$work/extract' && sync -f '$work/extract'"
        rm -rf "$work/extract" && sync
        timed "$work/forth" "$envgit" -C "$work/project" checkout after
        [ "$i" != 0 ] || verify "envgit checkout after" after
    done
    row "checkout, back over the upgrade" envgit "$work/back" "zstd -dc | tar x" "$work/full.times"
    row "checkout, forth again" envgit "$work/forth" "zstd -dc | tar x" "$work/full.times"
    # In place, deleting what the snapshot lacks, is the same work as a checkout. What cannot do that restores to a
    # free place instead.
    for tool in restic rustic; do
        peer "$tool" || continue
        repository=$work/$tool target=$work/extract label="$tool restore, free place"
        swap
        if [ "$tool" = restic ]; then
            restic -q -r "$repository" init
            restic -q -r "$repository" backup "$venv"
            peer_command=(restic -q -r "$repository" restore latest --target "$target")
            if restic restore --help | grep -q -e --delete; then
                label="restic restore --delete" target=
                peer_command=(restic -q -r "$repository" restore "latest:$venv" --target "$venv" --delete)
            fi
        else
            rustic -r "$repository" init >/dev/null 2>&1
            rustic -r "$repository" backup "$venv" >/dev/null 2>&1
            label="rustic restore --delete" target=
            peer_command=(rustic -r "$repository" restore --delete "latest:$venv" "$venv")
        fi
        swap
        rm -f "$work/peer"* "$work/mine"*
        for ((i = 0; i < slow; i++)); do
            sync
            timed "$work/mine" "$envgit" -C "$work/project" checkout before
            eg checkout after >/dev/null
            [ -z "$target" ] || rm -rf "$target"
            sync
            timed "$work/peer" "${peer_command[@]}"
            restored=${target:+$target$venv}
            (cd "${restored:-$venv}" && find . -type f -print0 | sort -z | xargs -0 sha256sum) >"$work/peer.manifest"
            grep -E '^[0-9a-f]{64}  ' "$work/before.manifest" | cmp -s - "$work/peer.manifest" ||
                { say "FAILED: $tool did not bring back the files"; exit 1; }
            eg checkout --discard after >/dev/null
        done
        row "checkout, back over the upgrade" envgit "$work/mine" "$label" "$work/peer"
        rm -rf "$repository" "$work/extract"
    done
fi

# --- questions to the history -------------------------------------------------------------------------------------------

if wanted history; then
    for verb in "diff before after" "diff --stat before after" log "log --package numpy" "show after"; do
        rm -f "$work/verb"
        for ((i = 0; i < runs * 2; i++)); do
            # shellcheck disable=SC2086
            fine "$work/verb" "$envgit" -C "$work/project" $verb
        done
        alone "$verb" envgit "$work/verb"
    done
fi

if wanted memory; then
    for file in a.times.memory up.memory back.memory forth.memory; do
        [ -e "$work/$file" ] || continue
        peak=$(sort -g "$work/$file" | tail -n 1)
        case $file in a.times.memory) what="first commit" ;; up.memory) what="commit after the upgrade" ;; *) what="checkout ${file%.memory}" ;; esac
        printf 'peak memory of %s (MB)\tenvgit\t%.0f\t%.0f\t-\t-\t-\t-\n' "$what" "$(awk "BEGIN { print $peak / 1024 }")" \
            "$(awk "BEGIN { print $peak / 1024 }")" >>"$rows"
    done
fi

cat "$work/header"
echo
{
    printf 'what\ttool\tmin\tmedian\tpeer\tmin\tmedian\tratio\n'
    cat "$rows"
} | column -t -s "$(printf '\t')"
echo
echo "Seconds unless said otherwise. Ratio: median of the tool to median of the peer; below 1 the tool is faster (or smaller)."
for tool in "${missing[@]-}"; do [ -z "$tool" ] || echo "SKIPPED: $tool is not installed, its rows are missing."; done
