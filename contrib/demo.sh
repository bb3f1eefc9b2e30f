#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# make demo: a sample archive, mounted, and a walk through it as three users; every command shown is run and every output is real.
# make demo-stop: unmounts it and removes the archive and the users that it made.
# shellcheck disable=SC2016,SC2086 # commands are shown before the users' shells expand them
set -u
cd "$(dirname "$0")/.." || exit 2

B=${B:-build}
PLACE=/var/lib/zddc-demo
MOUNT=$PLACE/mnt
ARCHIVE=$PLACE/archive
GROUP=zddc-demo
SPEC='123456-EL-SPC-2623_A (IFR) - Specification For Switchgear.txt'
wrong=0

fail() { echo "demo: $*" >&2; exit 1; }

# --------------------------------------------------------------------------------------------------------------------------- taking down
mounted() { awk -v at="$MOUNT" '$2 == at { found = 1 } END { exit !found }' /proc/self/mounts; }

stop() {
    [ -e "$PLACE" ] || { echo "demo: nothing to stop"; return; }
    [ -e "$PLACE/made-by-make-demo" ] || fail "$PLACE exists and is not the demo's: move it away"
    ! mounted || umount "$MOUNT" || umount -l "$MOUNT" || fail "cannot unmount $MOUNT"
    while read -r user; do
        ! id "$user" > /dev/null 2>&1 || userdel "$user" 2> /dev/null || echo "demo: user $user is still in use, remove it by hand" >&2
    done < "$PLACE/users"
    ! grep -q "^$GROUP:" /etc/group || groupdel "$GROUP"
    rm -rf --one-file-system "$PLACE"
    echo "demo: unmounted, $PLACE and its users removed"
}

# ----------------------------------------------------------------------------------------------------------------------------- setting up
add_user() {
    id "$1" > /dev/null 2>&1 && return
    echo "$1" >> "$PLACE/users"
    useradd --system --no-create-home --home-dir /nonexistent --gid "$GROUP" --shell /usr/sbin/nologin "$1" || fail "cannot make user $1"
}

# Only root and the three users reach the mount point's parent; only root the archive behind it.
make_users() {
    grep -q "^$GROUP:" /etc/group || groupadd --system "$GROUP" || fail "cannot make group $GROUP"
    for who in controller engineer observer; do
        add_user "zddc-demo-$who"
        usermod -a -G "$GROUP" "zddc-demo-$who"
    done
}

make_archive() {
    install -d -m 700 "$ARCHIVE" "$ARCHIVE/.zddc.d"
    mkdir -p "$ARCHIVE/Bridge"
    cat > "$ARCHIVE/.zddc" <<'YAML'
title: Demo archive
admins: [root@example.com]
YAML
    cat > "$ARCHIVE/.zddc.d/identities.yaml" <<'YAML'
identities:
  root: root@example.com
  zddc-demo-controller: carla@example.com
  zddc-demo-engineer: erik@example.com
  zddc-demo-observer: olga@example.com
YAML
    cat > "$ARCHIVE/Bridge/.zddc" <<'YAML'
title: Bridge over the river
roles:
  document_controller: {members: [carla@example.com]}
  project_team: {members: [erik@example.com]}
  observer: {members: [olga@example.com]}
YAML
}

start() {
    [ "$(id -u)" -eq 0 ] || fail "run \"make demo\" as root: it makes three users and mounts"
    [ -c /dev/fuse ] || fail "no /dev/fuse here: load the module (modprobe fuse) or give the container the device"
    [ ! -e "$PLACE" ] || stop
    install -d "$PLACE"
    touch "$PLACE/made-by-make-demo" "$PLACE/users"
    make_users
    chgrp "$GROUP" "$PLACE" && chmod 750 "$PLACE"
    install -d "$MOUNT" "$PLACE/bin" "$PLACE/files"
    install -m 755 "$B/zddc" "$PLACE/bin/"
    install -m 644 LICENSE "$PLACE/files/$SPEC"
    install -m 644 README.md "$PLACE/files/calculation.md"
    make_archive
}

# ------------------------------------------------------------------------------------------------------------------------------- the walk
say() { printf '\n# %s\n' "$*"; }

# as WHO EXPECT COMMAND: runs COMMAND in the project as that user; EXPECT is "yes" or "no".
as() {
    printf '%s$ %s\n' "$1" "$3"
    if (cd "$MOUNT/Bridge" && PATH="$PLACE/bin:$PATH" FILES=$PLACE/files SPEC=$SPEC runuser -u "zddc-demo-$1" -- sh -c "$3") 2>&1
    then answer=yes
    else answer=no
    fi
    [ "$answer" = "$2" ] && return
    wrong=$((wrong + 1))
    echo "demo: this should have been $([ "$2" = yes ] && echo allowed || echo refused)"
}

walk() {
    say "Who am I here? The mount knows the Unix user, policy knows the e-mail address and its roles."
    as controller yes 'zddc whoami .'

    say "The document controller makes two parties. A party folder gets its .zddc in the same step (auto-own)."
    as controller yes 'mkdir archive/Acme archive/Borealis'
    as controller yes 'cat archive/Acme/.zddc'
    say "The folders of a party are declared by policy: they are there without having been made."
    as controller yes 'ls archive/Acme'

    say "The engineer works in a folder of his own, which nobody else can enter, the controller included."
    as engineer yes 'mkdir archive/Acme/working/erik && cp "$FILES/$SPEC" archive/Acme/working/erik/ && ls -l archive/Acme/working/erik'
    as engineer yes 'cat archive/Acme/working/erik/.zddc'
    as controller no 'ls archive/Acme/working/erik'

    say "He hands the document over: into staging he may put, but not change what is there (the ratchet)."
    as engineer yes 'cp "archive/Acme/working/erik/$SPEC" archive/Acme/staging/'
    as engineer no 'echo "one more line" >> "archive/Acme/staging/$SPEC"'
    say "Why? Every refusal names the file and the line that decided."
    as engineer no 'zddc why .'

    say "The observer reads everything of the project and changes nothing."
    as observer yes 'head -n 2 "archive/Acme/staging/$SPEC"'
    as observer no 'cp "$FILES/calculation.md" archive/Borealis/incoming/'

    say "The controller issues the document: one rename. Issued is write-once, for the controller too."
    as controller yes 'mv "archive/Acme/staging/$SPEC" archive/Acme/issued/'
    as controller no 'rm -f "archive/Acme/issued/$SPEC"'
    as controller no 'zddc explain "archive/Acme/issued/$SPEC" --op unlink'
    as observer yes 'cmp "archive/Acme/issued/$SPEC" "$FILES/$SPEC" && echo "byte for byte what the engineer wrote"'

    say "What policy says here, with the file and line of each key."
    as observer yes 'head -n 25 archive/Acme/issued/.zddc.d/effective.yaml'
}

demo() {
    start
    say "Mounting the sample archive"
    echo "root# zddcfs $ARCHIVE $MOUNT"
    "$B/zddcfs" "$ARCHIVE" "$MOUNT" || fail "the archive does not mount: see the message above"
    walk
    printf '\nThe archive is mounted at %s and stays so. Try it yourself:\n' "$MOUNT"
    echo "    cd $MOUNT/Bridge && runuser -u zddc-demo-engineer -- ls -l archive/Acme/issued"
    echo "make demo-stop (or umount $MOUNT) ends it."
    [ "$wrong" -eq 0 ] || fail "$wrong of the commands above did not do what they should"
}

case ${1:-} in
--stop) stop ;;
'') demo ;;
*) echo "usage: demo.sh [--stop]" >&2; exit 2 ;;
esac
