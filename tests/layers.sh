#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The layer table of HACKING.md, enforced by reading includes and calls. Then each rule is broken once in a copy of the tree, and
# must be caught there. tests/layers.sh [TREE] prints the violations of TREE only.
# shellcheck disable=SC2086,SC2015,SC2016 # lists of words; awk; verdict does not fail
set -u
cd "$(dirname "$0")/.." || exit 2

FOLDERS="base acl schemas ledger defaults fs cli"
passed=0
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

# Every line of code as file:line:text, without comments; strings are emptied, except the names in #include.
code() {
    (cd "$1" && for folder in $FOLDERS; do
        [ ! -d "$folder" ] || find "$folder" -name '*.[ch]' -o -name '*.def'
    done | sort | xargs awk '
        FNR == 1 { inside = 0 }
        {
            text = $0; out = ""
            if (inside) { end = index(text, "*/"); if (!end) next; text = substr(text, end + 2); inside = 0 }
            if (text ~ /^[ \t]*#[ \t]*include/) { print FILENAME ":" FNR ":" text; next }
            while (match(text, /\/\*|\/\/|"([^"\\]|\\.)*"|\047([^\047\\]|\\.)*\047/)) {
                token = substr(text, RSTART, 2)
                out = out substr(text, 1, RSTART - 1)
                text = substr(text, RSTART + RLENGTH)
                if (token == "//") { text = ""; break }
                if (token != "/*") { out = out "\"\""; continue }
                end = index(text, "*/")
                if (!end) { inside = 1; text = ""; break }
                text = substr(text, end + 2)
            }
            print FILENAME ":" FNR ":" out text
        }')
}

# calls NAME...: a pattern for a call of any of them (not of a member or of a longer name).
calls() { echo "(^|[^A-Za-z0-9_.>])($(echo "$*" | tr ' ' '|'))[ ]*[(]"; }

# find_in SCOPE EXCEPT PATTERN TEXT: prints a violation for each line of code in a file matching SCOPE, not matching EXCEPT.
find_in() {
    grep -E "^($1)" "$work/code" | grep -vE "^($2):" | pattern="$3" why="$4" awk '
        { at = match($0, /:[0-9]+:/); text = substr($0, at + RLENGTH) }
        text ~ ENVIRON["pattern"] { print substr($0, 1, at + RLENGTH - 1) " " ENVIRON["why"] }'
}

# ours FOLDER ALLOWED: includes of our own headers that FOLDER may not have.
ours() {
    grep -E "^$1/[^:]*:[0-9]+:[ 	]*#[ 	]*include[ 	]*\"" "$work/code" | grep -vE "include[ 	]*\"($2)\"" |
        sed -E "s|^([^:]*:[0-9]+:).*(\".*\").*|\1 $1/ may not include \2|"
}

# one_file INCLUDE FOLDER: more than one file of FOLDER has it, or any file outside.
one_file() {
    grep -E ":[0-9]+:[ 	]*#[ 	]*include[ 	]*<$1" "$work/code" > "$work/hits"
    grep -vE "^$2/" "$work/hits" | sed -E "s|^([^:]*:[0-9]+:).*|\1 <$1> is for one file of $2/|"
    grep -E "^$2/" "$work/hits" | cut -d: -f1 | sort -u | sed 1d | sed "s|\$|:0: <$1> is for one file of $2/, this is the second|"
}

NONE='^$'
SYSTEM="open openat openat2 creat read write pread pwrite close fopen fdopen freopen popen system fork execve execvp stat lstat fstat
    fstatat statx access faccessat rename renameat renameat2 unlink unlinkat mkdir mkdirat rmdir link symlink readlink readlinkat chmod
    fchmod chown fchown opendir fdopendir readdir ioctl mmap socket connect getxattr setxattr getpwuid getpwuid_r getpwnam getgrgid
    getgrnam getgrouplist getuid geteuid getgid getegid getpid gettid getrandom syscall sleep usleep nanosleep pthread_create signal
    sigaction kill"
CLOCK="time clock clock_gettime gettimeofday localtime localtime_r ctime getenv secure_getenv setenv setlocale rand random srand"
PRINT="printf fprintf vprintf vfprintf puts fputs putchar perror exit _exit"
BACKING="openat openat2 renameat renameat2 unlinkat mkdirat fstatat statx symlinkat readlinkat linkat mknodat fchmodat fchownat utimensat
    faccessat open_by_handle_at name_to_handle_at fdopendir rename unlink mkdir rmdir symlink link mknod chmod chown lchown truncate
    ftruncate fchmod fchown futimens fallocate copy_file_range pread pwrite getxattr lgetxattr fgetxattr setxattr lsetxattr fsetxattr
    removexattr lremovexattr fremovexattr listxattr llistxattr flistxattr"

# rule NAME: its violations.
rule() {
    case $1 in
    base-includes)     ours base 'base/[^"]*' ;;
    acl-includes)      ours acl 'base/[^"]*|acl/[^"]*|defaults/defaults\.h' ;;
    schemas-includes)  ours schemas 'base/[^"]*|schemas/[^"]*|acl/acl\.h' ;;
    ledger-includes)   ours ledger 'base/[^"]*|ledger/[^"]*' ;;
    defaults-includes) ours defaults 'defaults/defaults\.h' ;;
    fs-includes)       ours fs 'base/[^"]*|fs/[^"]*|acl/acl\.h|schemas/schemas\.h|ledger/ledger\.h|defaults/defaults\.h' ;;
    cli-includes)      ours cli 'base/[^"]*|cli/[^"]*|acl/[^"]*|schemas/[^"]*|ledger/[^"]*|defaults/defaults\.h' ;;
    yaml-one-file)     one_file 'yaml\.h' base ;;
    openssl-one-file)  one_file 'openssl/' base ;;
    uthash-one-file)   one_file 'uthash\.h' base ;;
    fuse-only-in-fs)   find_in '' 'fs/[^:]*' 'include[ \t]*<(fuse|linux/fuse)|fuse_[a-z]+_t|struct fuse_' 'FUSE belongs to fs/' ;;
    fuse-req)          find_in 'fs/' 'fs/(ll|main|notify)\.[ch]' '(^|[^A-Za-z0-9_])fuse_req_t' 'fuse_req_t is for ll.c, main.c, notify.c' ;;
    decide-in-gate)    find_in 'fs/' 'fs/gate\.c' "$(calls acl_decide)" 'acl_decide is for gate.c' ;;
    backing-calls)     find_in 'fs/' 'fs/back(_[a-z]+)?\.c' "$(calls $BACKING)|(^|[^A-Za-z0-9_])(SYS_|__NR_)" 'the backing tree is for back*.c' ;;
    fs-no-yaml)        find_in 'fs/' "$NONE" "$(calls ynode_parse)|yaml_parser" 'fs/ does not parse YAML' ;;
    pure-system)       find_in '(acl|schemas)/' "$NONE" "$(calls $SYSTEM)|include[ \t]*<(unistd|fcntl|dirent|pwd|grp|sys/(stat|mman|socket|ioctl|syscall|xattr|file))\.h>" 'no system calls here' ;;
    pure-clock)        find_in '(acl|schemas)/' "$NONE" "$(calls $CLOCK)" 'no clock, environment or chance here' ;;
    quiet)             find_in '(acl|schemas|ledger)/' "$NONE" "$(calls $PRINT)" 'libraries do not print or exit' ;;
    ledger-no-fuse)    find_in '(ledger|cli)/' "$NONE" 'include[ \t]*<fuse' 'no FUSE here' ;;
    spdx)              missing_spdx ;;
    esac
}
RULES="base-includes acl-includes schemas-includes ledger-includes defaults-includes fs-includes cli-includes uthash-one-file yaml-one-file
    openssl-one-file fuse-only-in-fs fuse-req decide-in-gate backing-calls fs-no-yaml pure-system pure-clock quiet ledger-no-fuse spdx"

missing_spdx() {
    cut -d: -f1 "$work/code" | sort -u | while read -r file; do
        head -n 3 "$tree/$file" | grep -q 'SPDX-License-Identifier: GPL-3.0-or-later' || echo "$file:1: no SPDX line"
    done
}

use_tree() { tree=$1; code "$tree" > "$work/code"; }

verdict() {
    if [ "$1" = ok ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAIL $2"; fi
}

# seed RULE FILE TEXT: with TEXT at the end of FILE in the copy, RULE names FILE.
seed() {
    rm -rf "$work/copy"
    mkdir "$work/copy"
    for folder in $FOLDERS; do
        mkdir -p "$work/copy/$folder"
        [ ! -d "$folder" ] || cp -r "$folder" "$work/copy/"
    done
    # one that keeps the second file a second one, and comments and strings that must not count
    [ "$1" != yaml-one-file ] || printf '#include <yaml.h>\n' > "$work/copy/base/aaa.c"
    printf '/* SPDX-License-Identifier: GPL-3.0-or-later */\n/* openat(fuse_req_t) */\n' > "$work/copy/$2.seed"
    [ ! -e "$work/copy/$2" ] || cat "$work/copy/$2" >> "$work/copy/$2.seed"
    [ "$1" != spdx ] || : > "$work/copy/$2.seed"
    mv "$work/copy/$2.seed" "$work/copy/$2"
    use_tree "$work/copy"
    before=$(rule "$1" | grep -c "^$2:")
    printf '%s\n' "$3" >> "$work/copy/$2"
    use_tree "$work/copy"
    after=$(rule "$1" | grep -c "^$2:")
    # the rule about SPDX is broken before the text is added
    [ "$1" != spdx ] || before=$((after - 1))
    [ "$after" -gt "$before" ] && verdict ok || verdict no "seeded violation of $1 in $2 is not caught: $3"
}

# quiet_seed RULE FILE TEXT: TEXT must not be taken for a violation.
quiet_seed() {
    mkdir -p "$work/copy/${2%/*}"
    printf '/* SPDX-License-Identifier: GPL-3.0-or-later */\n%s\n' "$3" > "$work/copy/$2"
    use_tree "$work/copy"
    [ "$(rule "$1" | grep -c "^$2:")" -eq 0 ] && verdict ok || verdict no "$1 takes this for a violation in $2: $3"
}

self_test() {
    seed base-includes     base/buf.c      '#include "acl/acl.h"'
    seed acl-includes      acl/merge.c     '#include "fs/op.h"'
    seed acl-includes      acl/merge.c     '#include "keys.def"'
    seed schemas-includes  schemas/form.c  '#include "ledger/ledger.h"'
    seed ledger-includes   ledger/chain.c  '#include "acl/acl.h"'
    seed defaults-includes defaults/defaults.h '#include "base/buf.h"'
    seed fs-includes       fs/handle.c     '#include "acl/merge.h"'
    seed cli-includes      cli/zddc.c      '#include "fs/op.h"'
    seed yaml-one-file     base/zzz.c      '#include <yaml.h>'
    seed yaml-one-file     cli/zddc.c      '#include <yaml.h>'
    seed uthash-one-file   fs/zzz.c        '#include <uthash.h>'
    seed openssl-one-file  fs/seal.c       '#include <openssl/evp.h>'
    seed fuse-only-in-fs   cli/zddc.c      '#include <fuse_lowlevel.h>'
    seed fuse-only-in-fs   acl/decide.c    'int f(fuse_ino_t n);'
    seed fuse-req          fs/op_dir.c     'void f(fuse_req_t req);'
    seed decide-in-gate    fs/op_file.c    'int f(void) { return acl_decide(p, w, v, a); }'
    seed backing-calls     fs/op_name.c    'int f(int d) { return unlinkat(d, "x", 0); }'
    seed backing-calls     fs/op_name.c    'int f(int d) { return syscall(SYS_openat2, d); }'
    seed backing-calls     fs/node.c       'int f(void) { if (open_by_handle_at(fd, h, O_PATH) < 0) return 1; return 0; }'
    seed fs-no-yaml        fs/caller.c     'int f(void) { return ynode_parse(a, f, t, l, d, &o); }'
    seed pure-system       acl/cascade.c   'int f(void) { return open("x", 0); }'
    seed pure-system       schemas/csv.c   '#include <unistd.h>'
    seed pure-clock        acl/when.c      'long f(void) { return time(NULL); }'
    seed pure-clock        schemas/stamp.c 'char *f(void) { return getenv("HOME"); }'
    seed quiet             acl/lint.c      'void f(void) { printf("x"); }'
    seed ledger-no-fuse    ledger/check.c  '#include <fuse.h>'
    seed spdx              base/nospdx.c   'int x;'
    quiet_seed backing-calls fs/quiet.c    'int g(void) { return back_mkdir(d, n) + ops->rename(a, b) + t.unlink(c); /* openat(x) */ }'
    quiet_seed backing-calls fs/quiet.c    'const char *s = "renameat2(x)"; // mkdirat(y)'
    quiet_seed pure-clock    acl/quiet.c   'int g(const struct s *s) { return s->time(3) + str_time("x") + freeze_time(s); }'
    quiet_seed quiet         acl/quiet.c   'int g(void) { return snprintf(b, n, "printf(x)"); }'
}

use_tree "${1:-$PWD}"
for each in $RULES; do
    violations=$(rule "$each")
    [ -z "$violations" ] || echo "$violations" | sed 's/^/FAIL /'
    [ -z "$violations" ] && verdict ok || verdict no "rule $each"
done
[ $# -gt 0 ] || self_test
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
