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
#   ONLY     names of sections to run      (default: folder s3 push)
#   LINE     MB/s that the S3 server gives to each connection, as those far away do (default: all it can)
#
# Sections: folder, clone from a folder to another, longer path, with layers that are shared on one disk, and with layers
# that are copied, as from another machine (the remote belongs to somebody else), and its memory; s3, clone from S3 on
# loopback (SeaweedFS, `weed`); push, the bytes that a push of the upgrade moves, against its layer, and a push with
# nothing new. Peers: restic and rustic restore, and tar of one zstd archive. A tool that is not installed is skipped, and
# the table says so.
set -euo pipefail
usage() { sed -n '2,/^# the table/p' "$0" | sed 's/^# \{0,1\}//'; exit 2; }
name=clone
. "$(dirname "$0")/setting.sh"
runs=${RUNS:-3} only=${ONLY:-folder s3 push}
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
(cd "$work/env" && tar cf - venv | zstd -q -1 -T0 -o "$work/venv.tar.zst")

# Every run gets a place of its own, and nothing is removed before the end: for minutes after many files are removed,
# ext4 makes new ones several times slower, whoever comes next.
place=0
fresh() { place=$((place + 1)) to=$work/to/$place; mkdir "$to"; }
clone_to() { "$envgit" -q clone --yes --root "env=$2" "$1" "$to/project"; }
beside() { # WHAT FILE KIND: the peers' times are in t.KIND-PEER
    told "$1" "$2" "\`tar x\` of one zstd archive" "$work/t.$3-tar"
    [ ! -s "$work/t.$3-restic" ] || told "the same" "$2" '`restic restore`' "$work/t.$3-restic"
    [ ! -s "$work/t.$3-rustic" ] || told "the same" "$2" '`rustic restore`' "$work/t.$3-rustic"
}

if wanted folder; then
    # As from another machine: what is not this user's own is never shared.
    cp -a "$work/remote" "$work/far"
    if [ "$(id -u)" = 0 ]; then chown -R nobody "$work/far/layers"; else chmod -R g+w "$work/far/layers"; fi
    peer restic && { restic init -q -r "$work/restic"; (cd "$work/env" && restic backup -q -r "$work/restic" venv); }
    peer rustic && { rustic -r "$work/rustic" init >/dev/null 2>&1; (cd "$work/env" && rustic -r "$work/rustic" backup venv >/dev/null 2>&1); }
    for _ in $(seq "$runs"); do
        fresh; timed "$work/t.near" clone_to "$work/remote" "$to/a/longer/place/for/venv"
        fresh; timed "$work/t.far" clone_to "$work/far" "$to/a/longer/place/for/venv"
        fresh; mkdir "$to/tar"; timed "$work/t.folder-tar" bash -c "zstd -dcq '$work/venv.tar.zst' | tar xf - -C '$to/tar'"
        if [ -d "$work/restic" ]; then fresh; timed "$work/t.folder-restic" restic restore -q -r "$work/restic" latest --target "$to/restic"; fi
        if [ -d "$work/rustic" ]; then fresh; timed "$work/t.folder-rustic" rustic -r "$work/rustic" restore latest "$to/rustic"; fi
    done
    # One that is looked at: the paths, modes and times, and that it runs.
    fresh
    memory=$({ /usr/bin/time -f %M "$envgit" -q clone --yes --root "env=$to/a/longer/place/for/venv" "$work/remote" "$to/project" >/dev/null; } 2>&1 | tail -n 1)
    cmp <(listing "$venv") <(listing "$to/a/longer/place/for/venv") || { say "FAILED: the clone differs"; exit 1; }
    "$to/a/longer/place/for/venv/bin/python" -m pip --version >/dev/null
    beside "clone to another path, compared with the commit" "$work/t.near" folder
    beside "the same with layers that cannot be shared" "$work/t.far" folder
    fact "memory of the clone" "$((memory / 1024)) MB"
fi

serve() { # an S3 server on ports of its own, ended with this script
    mkdir "$work/s3"
    cat >"$work/s3.json" <<'END'
{"identities": [{"name": "bench", "credentials": [{"accessKey": "BENCH", "secretKey": "bench-secret"}],
  "actions": ["Admin", "Read", "Write", "List"]}]}
END
    export AWS_ACCESS_KEY_ID=BENCH AWS_SECRET_ACCESS_KEY=bench-secret AWS_REGION=us-east-1
    read -r -a ports < <(python3 -c 'import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(8)]
print(*(each.getsockname()[1] for each in held))')
    weed server -dir="$work/s3" -ip=127.0.0.1 -s3 -s3.config="$work/s3.json" -volume.max=100 \
        -master.telemetry=false -s3.port.iceberg=0 -s3.port.lance=0 \
        -s3.port="${ports[0]}" -s3.port.grpc="${ports[1]}" -master.port="${ports[2]}" \
        -master.port.grpc="${ports[3]}" -volume.port="${ports[4]}" -volume.port.grpc="${ports[5]}" \
        -filer.port="${ports[6]}" -filer.port.grpc="${ports[7]}" >"$work/s3.log" 2>&1 &
    server=$!
    trap 'kill $server ${line:-}; wait $server || true; [ "${KEEP:-0}" = 1 ] || rm -rf "$work"' EXIT
    s3=http://127.0.0.1:${ports[0]}
    answers "$s3"
}
answers() {
    for _ in $(seq 100); do ! curl -s -o "$work/out" "$1" || return 0; sleep 0.2; done
    say "FAILED: the S3 server does not answer"; exit 1
}
line() { # from here on the server is behind a line that gives each connection $LINE MB/s
    python3 - "${s3##*:}" "$LINE" >"$work/line" 2>/dev/null <<'END' &
import socket, sys, threading, time
port, rate = int(sys.argv[1]), float(sys.argv[2]) * 1e6
def pass_on(source, sink, rate):
    due = time.monotonic()
    try:
        while data := source.recv(65536):
            sink.sendall(data)
            if rate:
                due = max(due, time.monotonic() - 0.05) + len(data) / rate
                time.sleep(max(0, due - time.monotonic()))
    except OSError: pass
    for end in (source, sink):
        try: end.shutdown(socket.SHUT_RDWR)
        except OSError: pass
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    client, _ = server.accept()
    there = socket.create_connection(("127.0.0.1", port))
    threading.Thread(target=pass_on, args=(client, there, 0), daemon=True).start()
    threading.Thread(target=pass_on, args=(there, client, rate), daemon=True).start()
END
    line=$!
    for _ in $(seq 50); do [ ! -s "$work/line" ] || break; sleep 0.1; done
    s3=http://127.0.0.1:$(cat "$work/line")
    answers "$s3"
}
signed() { curl -sf --aws-sigv4 aws:amz:us-east-1:s3 --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" "$@"; }

if wanted s3 && peer weed && peer curl; then
    serve
    signed -X PUT "$s3/bench" >/dev/null
    there="s3://bench/envs?endpoint=$s3"
    eg remote add s3 "$there" >/dev/null
    timed "$work/t.up" eg push s3
    signed -T "$work/venv.tar.zst" "$s3/bench/venv.tar.zst" >/dev/null
    peer restic && { restic init -q -r "s3:$s3/bench/restic"; (cd "$work/env" && restic backup -q -r "s3:$s3/bench/restic" venv); }
    peer rustic && {
        cat >"$work/rustic-s3.toml" <<END
[repository]
repository = "opendal:s3"
password = "bench"
[repository.options]
bucket = "bench"
root = "/rustic"
endpoint = "$s3"
region = "us-east-1"
END
        rustic -P "$work/rustic-s3" init >/dev/null 2>&1
        (cd "$work/env" && rustic -P "$work/rustic-s3" backup venv >/dev/null 2>&1)
    }
    if [ -n "${LINE:-}" ]; then
        before=$s3
        line
        there="s3://bench/envs?endpoint=$s3"
        ! peer rustic || sed -i "s|$before|$s3|" "$work/rustic-s3.toml"
    fi
    for _ in $(seq "$runs"); do
        fresh; timed "$work/t.s3" clone_to "$there" "$to/a/longer/place/for/venv"
        fresh; mkdir "$to/tar"; timed "$work/t.s3-tar" bash -c "set -o pipefail; curl -sf --aws-sigv4 aws:amz:us-east-1:s3 --user BENCH:bench-secret '$s3/bench/venv.tar.zst' | zstd -dcq | tar xf - -C '$to/tar'"
        if peer restic; then fresh; timed "$work/t.s3-restic" restic restore -q -r "s3:$s3/bench/restic" latest --target "$to/restic"; fi
        if peer rustic; then fresh; timed "$work/t.s3-rustic" rustic -P "$work/rustic-s3" restore latest "$to/rustic"; fi
    done
    fresh; clone_to "$there" "$to/a/longer/place/for/venv" >/dev/null
    cmp <(listing "$venv") <(listing "$to/a/longer/place/for/venv") || { say "FAILED: the clone from S3 differs"; exit 1; }
    told "push to S3" "$work/t.up"
    beside "clone from S3 on loopback${LINE:+, $LINE MB/s for each connection,} to another path" "$work/t.s3" s3
fi

if wanted push; then
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
fi

echo "envgit   $("$envgit" --version)"
echo "fixture  $(find "$fixture/venv" | wc -l) paths, $(du -sh "$fixture/venv" | cut -f 1)"
echo "load     $(cut -d ' ' -f 1-3 /proc/loadavg)"
[ ${#missing[@]} -eq 0 ] || echo "skipped  ${missing[*]}"
echo
echo '| what | envgit (min / median / max, s) | beside it | median ÷ ours |'
echo '|---|---|---|---|'
cat "$rows"
