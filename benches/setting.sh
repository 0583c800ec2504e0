# What the scripts here share: a place of their own to work in, nothing of the user's settings, and how they measure and
# tell. Sourced with the arguments of the script, its `name`, and `usage`, which says how it is called.
export LC_ALL=C
[ $# -ge 1 ] && [ -d "$1/venv" ] && [ -d "$1/venv-after" ] || usage
fixture=$(realpath "$1")
here=$(cd "$(dirname "$0")/.." && pwd)
envgit=${ENVGIT:-${CARGO_TARGET_DIR:-$here/target}/release/envgit}
[ -x "$envgit" ] || (cd "$here" && cargo build --release)
if [ $# -ge 2 ]; then mkdir -p "$2" && work=$(realpath "$2")/$name && mkdir "$work"; else work=$(mktemp -d); fi
[ "${KEEP:-0}" = 1 ] || trap 'rm -rf "$work"' EXIT

# Hermetic: no settings and no registry of the user, one fixed identity.
mkdir -p "$work/home" "$work/project"
export HOME=$work/home XDG_CONFIG_HOME=$work/home/.config XDG_STATE_HOME=$work/home/.state XDG_CACHE_HOME=$work/home/.cache
export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=bench GIT_AUTHOR_EMAIL=bench@localhost
export GIT_COMMITTER_NAME=bench GIT_COMMITTER_EMAIL=bench@localhost
export BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes BORG_RELOCATED_REPO_ACCESS_IS_OK=yes
export RESTIC_PASSWORD=bench RUSTIC_PASSWORD=bench
unset VIRTUAL_ENV CONDA_PREFIX ENVGIT_DIR GIT_DIR

say() { printf '%s\n' "$*" >&2; }
wanted() { case " $only " in *" $1 "*) return 0 ;; *) return 1 ;; esac; }
missing=()
peer() { command -v "$1" >/dev/null || { case " ${missing[*]-} " in *" $1 "*) ;; *) missing+=("$1"); say "SKIPPED: $1 is not installed" ;; esac; return 1; }; }

rows=$work/rows
: >"$rows"
# fine FILE COMMAND...: appends the seconds that the command took, by the clock of the shell.
fine() {
    local file=$1 start=$EPOCHREALTIME
    shift
    "$@" >"$work/out" 2>"$work/err" || { say "FAILED: $*"; cat "$work/err" >&2; exit 1; }
    awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.6f\n", b - a }' >>"$file"
}
least() { sort -g "$1" | head -n 1; }
median() { sort -g "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
most() { sort -g "$1" | tail -n 1; }
three() { printf '%.3f / %.3f / %.3f' "$(least "$1")" "$(median "$1")" "$(most "$1")"; }
# told WHAT A-FILE [PEER B-FILE]: min / median / max of each, and how often the peer's median holds ours.
told() {
    if [ $# -lt 4 ]; then
        printf '| %s | %s | | |\n' "$1" "$(three "$2")" >>"$rows"
    else
        printf '| %s | %s | %s: %s | %.2f |\n' "$1" "$(three "$2")" "$3" "$(three "$4")" \
            "$(awk -v a="$(median "$2")" -v b="$(median "$4")" 'BEGIN { print b / a }')" >>"$rows"
    fi
    tail -n 1 "$rows" >&2
}
