#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# contrib/man/generate.sh [ZDDC]        writes zddc(1), the completions, the schema of .zddc and the tables of the other pages again after a change of a .def file
# contrib/man/generate.sh --tables DIR  only the pages with tables, into DIR. Tests compare both with what is there.
#
# A page holds a table between the comments  .\" table NAME  and  .\" end NAME; what stands between them is replaced.
set -eu
cd "$(dirname "$0")/../.."
CC=${CC:-cc}
pages=contrib/man
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# rows FILE.def DEFINES: one line for each row, fields separated by " SEP ". The compiler reads the .def, so that this agrees with it.
rows() {
    { printf '%s\n' "$2"; printf '#include "%s"\n' "$1"; } | $CC -E -P -I. -x c - | sed -n 's/^ *ROW //p'
}

# What all tables share: C strings to text, text to troff.
LIB='
function plain(s) { gsub(/^ +| +$/, "", s); gsub(/" +"/, "", s); gsub(/^"|"$/, "", s); gsub(/\\"/, "\"", s); return s }
function troff(s) { gsub(/\\/, "\\e", s); gsub(/-/, "\\-", s); if (s ~ /^[.'"'"']/) s = "\\\\&" s; return s }
function words(s,  n, i, v, p) { n = split(s, v, ";"); for (i = 1; i <= n; i++) { split(v[i], p, "="); word[p[1]] = p[2] } }
function say(s) { if (!(s in word)) { print "generate.sh has no words for " s > "/dev/stderr"; failed = 1; exit 1 } return word[s] }
END { if (failed) exit 1 }
BEGIN { FS = " SEP " }
'

keys() {
    rows acl/keys.def '#define KEY(id, name, type, overlay, inherit, guarded, meaning) ROW name SEP type SEP overlay SEP inherit SEP guarded SEP meaning' |
        awk "$LIB"'
        BEGIN {
            words("STRING=text;BOOL=true or false;ACL=map;ROLES=map of roles;PATTERNS=list of patterns and roles;WORM_MODE=word;" \
                "DURATION=duration;RETENTION=duration, or map;GLOBS=list of globs;ROLE_LIST=list of roles;VIRTUAL=word, or map;" \
                "PATHS=map of directory names;RECORDS=map of globs;FIELD_CODES=map of fields;NAMING=word;MAP=map;TIMESTAMP=time;" \
                "WHEN=map of verbs;RISK=map of operations;ANY=any value;" \
                "SPECIFIC=the nearest wins;KEYED=joined key by key;CONCAT=joined;EVERY=each applies;THREAD=each counts;" \
                "OWN=this directory only;DEEPEST=the deepest wins;UNION=all add up;CASCADE=the deepest that matches decides;" \
                "UPWARD=the deepest wins, never lower than above;ALL=all must hold;KEYWISE=key by key, the deepest wins;LATEST=the latest counts")
        }
        {
            printf $5 + 0 ? ".TP\n.BR %s \" (G)\"\n" : ".TP\n.B %s\n", plain($1)
            printf "%s.\n", troff(plain($6))
            printf "Type: %s.\nSources: %s.\nLevels: %s.\n", say($2), say($3), say($4)
        }'
}

ops() {
    rows acl/ops.def '#define ACL_OP(id, name, place, verbs, change, risk, text) ROW name SEP #verbs SEP place SEP text
#define V_R r
#define V_W w
#define V_C c
#define V_D d
#define V_A a' |
        awk "$LIB"'
        {
            v = plain($2); gsub(/V_/, "", v); gsub(/ *\| */, " and ", v); v = tolower(v)
            need = v != "0" ? "needs " v : $3 ~ /DIR/ ? "needs that it is visible" : "is refused to everybody"
            printf ".TP\n.B %s\n%s: %s\n", troff(plain($1)), troff(plain($4)), need
        }'
}

reasons() {
    rows acl/reasons.def '#define REASON(id, word, err, text) ROW word SEP #err SEP text' |
        awk "$LIB"'
        {
            e = plain($2)
            printf e == "0" ? ".TP\n.B %s\n" : ".TP\n.BR %s \" (" e ")\"\n", troff(plain($1))
            printf "%s\n", troff(plain($3))
        }'
}

keywords() {
    rows schemas/keywords.def '#define KEYWORD(id, word, argument, check, meaning) ROW word SEP meaning' |
        awk "$LIB"'{ printf ".TP\n.B %s\n%s\n", troff(plain($1)), troff(plain($2)) }'
}

OPTS='#define OPT_TEXT(name, field, argument, meaning) ROW TEXT SEP name SEP argument SEP meaning
#define OPT_FLAG(name, field, meaning) ROW FLAG SEP name SEP "" SEP meaning
#define OPT_KERNEL(name, field, meaning) ROW FLAG SEP name SEP "" SEP meaning
#define OPT_PLAIN(name, meaning) ROW PLAIN SEP name SEP "" SEP meaning
#define OPT_LATER(name, meaning) ROW LATER SEP name SEP "" SEP meaning'

# options KIND...
options() {
    rows fs/opts.def "$OPTS" | awk -v kinds=" $* " "$LIB"'
        index(kinds, " " plain($1) " ") {
            arg = plain($3)
            name = troff(plain($2))
            printf arg != "" ? ".TP\n.BI %s= %s\n" : ".TP\n.B %s%s\n", name, arg
            printf "%s\n", troff(plain($4))
        }'
}

# Replaces the table NAME of a page by standard input.
put() {
    cat > "$work/table"
    [ -s "$work/table" ] || { echo "generate.sh: the table $2 came out empty" >&2; exit 1; }
    awk -v name="$2" -v table="$work/table" '
        $0 == ".\\\" end " name { skip = 0; found++ }
        !skip { print }
        $0 == ".\\\" table " name { skip = 1; found++; while ((getline line < table) > 0) print line }
        END { if (found != 2) { print "generate.sh: no place for the table " name > "/dev/stderr"; exit 1 } }' "$1" > "$work/page"
    cat "$work/page" > "$1"
}

tables() {
    cp $pages/zddc.5 $pages/zddcfs.8 "$work/"
    keys | put "$work/zddc.5" keys
    ops | put "$work/zddc.5" operations
    reasons | put "$work/zddc.5" reasons
    keywords | put "$work/zddc.5" keywords
    options TEXT FLAG | put "$work/zddcfs.8" options
    options PLAIN | put "$work/zddcfs.8" ordinary
    options LATER | put "$work/zddcfs.8" later
    cp "$work/zddc.5" "$work/zddcfs.8" "$1/"
}

if [ "${1:-}" = --tables ]; then
    tables "$2"
    exit
fi
zddc=${1:-build/zddc}
"$zddc" help --man > contrib/man/zddc.1
"$zddc" show-schema > schemas/zddc.schema.yaml
"$zddc" help --completion bash > contrib/completions/zddc.bash
"$zddc" help --completion zsh > contrib/completions/_zddc
"$zddc" help --completion fish > contrib/completions/zddc.fish
tables $pages
