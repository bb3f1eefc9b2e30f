# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk that loses power and fails, with no help of the kernel but a loop device: the file under the loop device lies on a FUSE
filesystem of this program, which speaks the protocol itself. It keeps apart what was flushed (the loop device turns the flushes of
the filesystem above into fsync) and what only lies in the disk's cache. A power cut keeps the first and any part of the second, in any
order of sectors; a failing disk answers EIO."""
import atexit
import ctypes
import errno
import os
import random
import socket
import struct
import subprocess
import tempfile

from lab import Loop, _recv, _send, libc, umount2

LOOKUP, FORGET, GETATTR, SETATTR, OPEN, READ, WRITE, STATFS, RELEASE, FSYNC, FLUSH, INIT = 1, 2, 3, 4, 14, 15, 16, 17, 18, 20, 25, 26
SILENT = (FORGET, 36, 42)  # these two have no answer either: INTERRUPT, BATCH_FORGET
MAX_WRITE = 128 << 10
SECTOR = 512


class Server:
    """The FUSE side, in a process of its own. One file: node 2, "disk"."""

    def __init__(self, fd, control, size):
        self.fd, self.control = fd, control
        self.size = size
        self.seen, self.kept = bytearray(size), bytearray(size)
        self.cache = []  # (offset, length) written since the last flush
        self.fail_writes = self.fail_flushes = False
        self.failed = self.flushes = 0

    def serve(self):
        import select
        while True:
            ready = select.select([self.fd, self.control], [], [])[0]
            if self.fd in ready and not self.request():
                return
            if self.control in ready and not self.command():
                return

    def request(self):
        try:
            data = os.read(self.fd, MAX_WRITE + 4096)
        except OSError as e:
            return e.errno in (errno.EINTR, errno.EAGAIN, errno.ENOENT)
        _, opcode, unique, node = struct.unpack_from("<IIQQ", data)
        if opcode in SILENT:
            return True
        try:
            out = self.answer(opcode, node, data[40:])
            os.write(self.fd, struct.pack("<IiQ", 16 + len(out), 0, unique) + out)
        except OSError as e:
            os.write(self.fd, struct.pack("<IiQ", 16, -e.errno, unique))
        return True

    def attr(self, node):
        mode, size = (0o40755, 4096) if node == 1 else (0o100600, self.size)
        return struct.pack("<QQQQQQIIIIIIIIII", node, size, size // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def answer(self, opcode, node, body):
        if opcode == INIT:
            # 7.31; no write-back cache: what the loop device writes comes here at once
            return struct.pack("<IIIIHHIIHHI28x", 7, 31, 1 << 17, 1 << 5, 16, 12, MAX_WRITE, 1, 32, 0, 0)
        if opcode == LOOKUP:
            if body.rstrip(b"\0") != b"disk":
                raise OSError(errno.ENOENT, "")
            return struct.pack("<QQQQII", 2, 1, 3600, 3600, 0, 0) + self.attr(2)
        if opcode in (GETATTR, SETATTR):
            return struct.pack("<QII", 3600, 0, 0) + self.attr(node)
        if opcode == OPEN:
            return struct.pack("<QIi", 0, 1, 0)  # direct: no page cache over the disk
        if opcode == STATFS:
            return struct.pack("<QQQQQIIII24x", 1 << 20, 1 << 19, 1 << 19, 10, 10, 4096, 255, 4096, 0)
        if opcode in (RELEASE, FLUSH):
            return b""
        return self.data(opcode, body)

    def data(self, opcode, body):
        if opcode == READ:
            offset, size = struct.unpack_from("<QI", body, 8)
            return bytes(self.seen[offset:offset + size])
        if opcode == WRITE:
            offset, size = struct.unpack_from("<QI", body, 8)
            self.refuse(self.fail_writes)
            self.seen[offset:offset + size] = body[40:40 + size]
            self.cache.append((offset, size))
            return struct.pack("<II", size, 0)
        if opcode == FSYNC:
            self.refuse(self.fail_flushes)
            self.flushes += 1
            for offset, size in self.cache:
                self.kept[offset:offset + size] = self.seen[offset:offset + size]
            self.cache.clear()
            return b""
        raise OSError(errno.ENOSYS, "")

    def refuse(self, failing):
        if failing:
            self.failed += 1
            raise OSError(errno.EIO, "")

    def command(self):
        try:
            what, arg = _recv(self.control)
        except (EOFError, OSError):
            return False
        _send(self.control, getattr(self, what)(arg))
        return True

    def cut(self, arg):
        """The disk as it is after a power cut now, into a file; 'part': how much of the cache gets there all the same."""
        path, seed, part = arg
        rnd, image = random.Random(seed), bytearray(self.kept)
        for offset, size in self.cache:
            for at in range(offset, offset + size, SECTOR):
                if rnd.random() < part:
                    image[at:at + SECTOR] = self.seen[at:at + SECTOR]
        with open(path, "wb") as f:
            f.write(image)
        return len(self.cache)

    def fail(self, arg):
        self.fail_writes, self.fail_flushes = arg
        return self.failed

    def counters(self, _arg):
        return self.flushes, self.failed


class Disk:
    """A block device ('dev') that can be cut off and can fail. close() in any state."""

    def __init__(self, megabytes=16):
        self.room = tempfile.mkdtemp(prefix="zddcfs-disk-")
        atexit.register(self.close)
        self.where = os.path.join(self.room, "fuse")
        os.mkdir(self.where)
        fd = os.open("/dev/fuse", os.O_RDWR)
        options = "fd=%d,rootmode=40000,user_id=0,group_id=0,max_read=%d" % (fd, MAX_WRITE)
        if libc.mount(b"disk", os.fsencode(self.where), b"fuse", ctypes.c_ulong(6), options.encode()):
            raise OSError(ctypes.get_errno(), "mounting the disk")
        self.mine, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                self.mine.close()
                Server(fd, theirs.fileno(), megabytes << 20).serve()
            finally:
                os._exit(0)
        os.close(fd)
        theirs.close()
        self.loop = Loop(os.path.join(self.where, "disk"))
        self.dev = self.loop.dev

    def ask(self, what, arg=None):
        _send(self.mine.fileno(), (what, arg))
        return _recv(self.mine.fileno())

    def cut(self, path, seed=0, part=0.0):
        return self.ask("cut", (path, seed, part))

    def fail(self, writes, flushes):
        return self.ask("fail", (writes, flushes))

    def close(self):
        if self.pid is None:
            return
        self.loop.close()
        try:
            umount2(self.where, 2)
        except OSError:
            pass
        self.mine.close()
        os.waitpid(self.pid, 0)
        self.pid = None
        subprocess.run(["rm", "-rf", "--one-file-system", self.room])
