#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# tests/run.sh [SUITE[@VARIANT]...]: runs test suites one after the other; the last line is "N passed, N failed".
#
# A suite is a folder tests/SUITE. Its test programs are the executable *.sh and *.py files there and what the Makefile builds from
# its *.c files (test_*.c in unit, fuzz_*.c in fuzz, elsewhere those with a main; lib_*.c are shared parts).
# Suite "layers" is tests/layers.sh. A program says how it went by its exit status and by its last line "N passed, N failed"; what
# cmocka prints is translated. A test skipped, a program that says nothing or takes too long, a mount left behind in $TMPDIR and a
# report of a sanitizer each count as a failure.
#
# Programs see: ROOT (the project), OUT (the build directory of this variant), ZDDCFS, ZDDC, VARIANT, TMPDIR (theirs alone, mode 755,
# removed afterwards). A build that ordinary users cannot reach (a clone in a private home) is copied to where they can: they run it too.
# Set before: B, VARIANT, FUZZ_SECONDS (60; for the policy
# parser, a sixth of it for each other fuzzer), TEST_TIMEOUT (420, in seconds, for each program).
# shellcheck disable=SC2086 # lists of words
set -u
cd "$(dirname "$0")/.." || exit 2

ROOT=$PWD
B=$(realpath -m "${B:-build}")
DEFAULT_VARIANT=${VARIANT:-release}
FUZZ_SECONDS=${FUZZ_SECONDS:-60}
TEST_TIMEOUT=${TEST_TIMEOUT:-420}
ALL="layers unit policy mount mount@asan cli tools faults"
# suites that may still be empty
OPTIONAL=" tools faults "
passed=0
failed=0
export ROOT

now() { date +%s.%N; }
since() { echo "$1 $(now)" | awk '{printf "%.1f", $2 - $1}'; }
add() { passed=$((passed + $1)); failed=$((failed + $2)); }

use_variant() {
    VARIANT=$1
    OUT=$B
    [ "$VARIANT" = release ] || OUT=$B/$VARIANT
    [ "$suite" != fuzz ] || OUT=$B/fuzz
    within_reach
    ZDDCFS=$OUT/zddcfs
    ZDDC=$OUT/zddc
    export VARIANT OUT ZDDCFS ZDDC
}

# Test users start the programs of scripts: OUT becomes a copy that they can reach, if they cannot reach the build.
within_reach() {
    is_helper || return 0
    ! reachable "$OUT" || return 0
    [ "$copies" ] || { copies=$(mktemp -d /tmp/zddc-programs.XXXXXX); chmod 755 "$copies"; }
    mkdir -p "$copies/$VARIANT/tests"
    for each in zddcfs zddc; do
        cp -p "$OUT/$each" "$copies/$VARIANT/" 2> /dev/null
    done
    cp -rp "$OUT/tests/$suite" "$OUT/tests/mount" "$copies/$VARIANT/tests/" 2> /dev/null
    chmod -R a+rX "$copies/$VARIANT"
    OUT=$copies/$VARIANT
}

# An ordinary user's eyes; whoever is not root looks with their own.
reachable() {
    [ "$(id -u)" -eq 0 ] || return 0
    setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$1"
}

# ------------------------------------------------------------------------------------------------------------------ what belongs to a suite
is_program() {
    case $1 in
    tests/unit/test_*.c | tests/fuzz/fuzz_*.c) ;;
    tests/unit/* | tests/fuzz/* | */lib_*) return 1 ;;
    *) grep -q '^int main' "$1" || return 1 ;;
    esac
}

# Helpers that scripts start are not test programs by themselves.
is_helper() { case $suite in mount | policy | cli | tools | faults) return 0 ;; *) return 1 ;; esac; }

# What a sanitizer would only repeat at several times the price: the same operations over another filesystem or over many files, and,
# where it looks for races, programs in which one thing happens after the other.
repeats() {
    case $suite@$VARIANT/$1 in
    unit@asan/test_acl_cost) return 0 ;; # processor time is what it is about
    mount@[at]san/nohandles.py | mount@[at]san/realtrees.py | mount@[at]san/system.py) return 0 ;;
    mount@tsan/hidden.py | mount@tsan/names.py | mount@tsan/files.py | mount@tsan/identity.py | mount@tsan/start.py) return 0 ;;
    esac
    return 1
}

programs() {
    if [ "$suite" = layers ]; then echo tests/layers.sh; return; fi
    for file in tests/"$suite"/*.sh tests/"$suite"/*.py; do
        [ -x "$file" ] && ! repeats "${file##*/}" && echo "$file"
    done
    is_helper && return
    for file in tests/"$suite"/*.c; do
        name=${file##*/}
        [ -e "$file" ] && is_program "$file" && ! repeats "${name%.c}" && echo "$OUT/${file%.c}"
    done
}

# ------------------------------------------------------------------------------------------------------------------------- one program
# Prints "PASSED FAILED" from the last line of a log, or from cmocka's summary, or nothing. Skipped tests are failed ones.
counts() {
    awk '
        /[0-9]+ passed, [0-9]+ failed/ {
            match($0, /[0-9]+ passed/); p = substr($0, RSTART) + 0
            match($0, /[0-9]+ failed/); f = substr($0, RSTART) + 0
            if (match($0, /[0-9]+ skipped/)) f += substr($0, RSTART) + 0
            own = 1; next
        }
        match($0, /\[  PASSED  \] [0-9]+ test\(s\)/) { cp += substr($0, RSTART + 13) + 0; cm = 1 }
        match($0, /\[  (FAILED|SKIPPED) ? ?\] [0-9]+ test\(s\)/) { s = substr($0, RSTART); sub(/^[^]]*\] /, "", s); cf += s + 0; cm = 1 }
        END { if (own) print p, f; else if (cm) print cp + 0, cf + 0 }' "$1"
}

run_fuzzer() {
    mkdir -p "$TMPDIR/corpus"
    name=$(basename "$1")
    # the policy parser meets what anybody may write: it gets the whole time, the others a sixth
    [ "$name" = fuzz_policy ] && seconds=$FUZZ_SECONDS || seconds=$(((FUZZ_SECONDS + 5) / 6))
    set -- "$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -artifact_prefix="$logs/" -print_final_stats=1 \
        "$TMPDIR/corpus"
    [ ! -d "tests/fuzz/$name.corpus" ] || set -- "$@" "tests/fuzz/$name.corpus"
    [ ! -f "tests/fuzz/$name.dict" ] || set -- "$@" -dict="tests/fuzz/$name.dict"
    timeout -k 10 $((seconds + 60)) "$@" && echo "1 passed, 0 failed"
}

start() {
    case $suite@$VARIANT in
    fuzz@*) run_fuzzer "$1" ;;
    # without it the thread sanitizer cannot place its shadow on kernels with many random address bits
    *@tsan) timeout -k 10 "$TEST_TIMEOUT" setarch -R "$1" ;;
    *) timeout -k 10 "$TEST_TIMEOUT" "$1" ;;
    esac
}

sanitizers() {
    reports=$logs/$name.san
    rm -f "$reports".*
    ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}log_path=$reports:exitcode=99"
    TSAN_OPTIONS="${TSAN_OPTIONS:+$TSAN_OPTIONS:}log_path=$reports:exitcode=99"
    UBSAN_OPTIONS="${UBSAN_OPTIONS:+$UBSAN_OPTIONS:}log_path=$reports:print_stacktrace=1"
    export ASAN_OPTIONS TSAN_OPTIONS UBSAN_OPTIONS
}

# What a program may not leave behind. Prints it; nothing is left afterwards.
leftovers() {
    awk -v t="$TMPDIR/" 'index($2, t) == 1 { print $2 }' /proc/self/mounts | sort -r | while read -r mounted; do
        echo "left mounted: $mounted"
        umount -l "$mounted"
    done
    for report in "$reports".*; do
        [ -s "$report" ] && { echo "sanitizer: $report"; head -n 60 "$report"; }
    done
}

run_program() {
    name=$(basename "$1")
    log=$logs/$name.log
    begin=$(now)
    TMPDIR=$(mktemp -d /tmp/zddc-check.XXXXXX)
    chmod 755 "$TMPDIR"
    export TMPDIR
    attempt "$1"
    if timed && [ "$status" -ne 0 ] && [ "$status" -ne 124 ] && ! grep -q . "$reports".* 2> /dev/null; then
        # said aloud, never hidden: a test that needs this twice is mended
        cp "$log" "$log.first"
        echo "AGAIN $label/$name failed once: $log.first"
        grep -E '^(FAIL|not ok)' "$log" | head -n 5
        TMPDIR=$(mktemp -d /tmp/zddc-check.XXXXXX)
        chmod 755 "$TMPDIR"
        attempt "$1"
    fi
    judge "$1"
}

# Suites that watch real time pass (graces, notices, kills at random moments): a busy machine gets one more try.
timed() { case $suite in mount | tools | faults) return 0 ;; *) return 1 ;; esac; }

attempt() {
    (sanitizers; start "$1") > "$log" 2>&1 < /dev/null
    status=$?
    reports=$logs/$name.san
    left=$(leftovers)
    rm -rf --one-file-system "$TMPDIR"
}

# Sums up one program from $status, $log and $left.
judge() {
    result=$(counts "$log")
    p=${result% *}
    f=${result#* }
    why=
    [ -n "$result" ] || { p=0; f=0; why="no last line \"N passed, N failed\""; }
    [ "$status" -ne 124 ] && [ "$status" -ne 137 ] || why="took longer than $TEST_TIMEOUT s"
    [ "$status" -eq 0 ] || [ "$f" -ne 0 ] || why=${why:-exit status $status}
    [ $((p + f)) -gt 0 ] || why=${why:-no test in it ran}
    [ -z "$left" ] || why="${why:+$why; }left something behind"
    [ -z "$why" ] || f=$((f + 1))
    add "$p" "$f"
    printf '%-44s %6d passed, %d failed  %7s s%s\n' "$label/$name" "$p" "$f" "$(since "$begin")" "${why:+  ($why)}"
    [ "$f" -eq 0 ] || show_failure
}

show_failure() {
    echo "---- $log"
    grep -nE '^(FAIL|not ok|\[  FAILED)|Error|ERROR' "$log" | head -n 60
    echo "---- last lines"
    tail -n "${TAIL_LINES:-60}" "$log"
    [ -z "$left" ] || echo "$left"
    echo "----"
}

run_suite() {
    label=$1
    suite=${1%@*}
    case $1 in *@*) use_variant "${1#*@}" ;; *) use_variant "$DEFAULT_VARIANT" ;; esac
    logs=$B/logs/$label
    mkdir -p "$logs"
    chmod 1777 "$logs"
    suite_begin=$(now)
    list=$(programs)
    if [ -z "$list" ]; then
        case $OPTIONAL in
        *" $suite "*) [ -z "$explicit" ] && { echo "== $label: no tests yet"; return; } ;;
        esac
        echo "== $label: no test program in tests/$suite"
        add 0 1
        return
    fi
    for program in $list; do
        run_program "$program"
    done
    echo "== $label: $(since "$suite_begin") s"
}

# Suites that measure no time run beside the others, in a run.sh of their own, when all are asked for: two processors, one check.
BESIDE="unit@asan policy@asan random cli@asan mount@tsan fuzz"

run_beside() {
    for each in $BESIDE; do
        B=$B SUMMARY=/dev/null "$ROOT/tests/run.sh" "$each"
    done > "$B/logs/beside" 2>&1
}

# Adds what they came to: each ends with a line of its own.
add_beside() {
    wait "$beside"
    grep -v ' passed, [0-9]* failed$' "$B/logs/beside" || true
    sums=$(awk '/^[0-9]+ passed, [0-9]+ failed$/ { p += $1; f += $3; n++ } END { print p + 0, f + 0, n + 0 }' "$B/logs/beside")
    set -- $sums
    add "$1" "$2"
    [ "$3" -eq "$(echo $BESIDE | wc -w)" ] || { echo "== $BESIDE: not all of them came to an end"; add 0 1; }
}

explicit=${1:-}
beside=
copies=
trap '[ -z "$copies" ] || rm -rf "$copies"' EXIT
mkdir -p "$B/logs"
[ "${SUMMARY:-}" ] || rm -f "$B/logs/summary"
all_begin=$(now)
if [ $# -eq 0 ]; then
    run_beside &
    beside=$!
    set -- $ALL
fi
for each in "$@"; do
    run_suite "$each"
done
[ -z "$beside" ] || add_beside
echo "== all: $(since "$all_begin") s, logs in $B/logs"
echo "$passed passed, $failed failed" | tee "${SUMMARY:-$B/logs/summary}"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
