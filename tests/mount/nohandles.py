#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same promises on a backing filesystem without file handles (overlayfs): inodes are found by parent and name."""
import autoown
import crash
import files
import leaks
import policyfile
import races
import reload
import revoke
from harness import *  # noqa: F403
from harness import Archive, T


def test_symlink_swap():
    races.swap(*races.swap_archive(), scaled(30000))


if __name__ == "__main__":
    Archive.overlay = True
    T.run(test_symlink_swap, races.test_symlink_swap_slowed_down, races.test_rename_against_decide, races.test_slowed_down, files.test_create_owner,
          files.test_rename_flags, files.test_atomic_save_with_rwc, files.test_open_flags, files.test_ranges, files.test_metadata, files.test_xattrs,
          files.test_links, files.test_access, files.test_big_directory, files.test_mmap_and_locks, files.test_unlinked_while_open, files.test_many_writers,
          autoown.test_home, autoown.test_party, autoown.test_by_rename, autoown.test_slots_materialise, autoown.test_creators_undo, crash.test_killed_anywhere,
          leaks.test_after_warm, leaks.test_guessing, policyfile.test_transaction, policyfile.test_atomic_save, reload.test_edits,
          reload.test_deep_and_new, reload.test_directory_rename, revoke.test_writes_decided_again, revoke.test_file_moved_elsewhere, revoke.test_standing_in_it)
    T.finish()
