"""A small or a read-only file system that only this process and its children see: it ends with them."""

import ctypes
import os
import subprocess
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000


def enter_own_mounts() -> bool:
    """Whether this process may mount now, for itself alone; as an ordinary user by a user namespace of its own."""
    user, group = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        if libc.unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0:
            return False
        for name, text in (('setgroups', 'deny'), ('uid_map', f'0 {user} 1'), ('gid_map', f'0 {group} 1')):
            Path('/proc/self', name).write_text(text)
    return _mount('--make-rprivate', '/')


def mount_memory(folder: Path, size_bytes: int) -> bool:
    """Whether an empty file system of that size is on a folder now, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    return _mount('-t', 'tmpfs', '-o', f'size={size_bytes}', 'tmpfs', str(folder))


def fill(folder: Path, left_bytes: int) -> Path:
    """Write a file that leaves so much room, in whole pages, on a folder's file system; gives the file."""
    filler = folder / '.filler'
    room = os.statvfs(folder)
    count = max(0, room.f_bavail * room.f_frsize - left_bytes)
    with open(filler, 'wb') as file:
        os.posix_fallocate(file.fileno(), 0, max(count, 1))
    return filler


def set_read_only(folder: Path, read_only: bool) -> bool:
    """Whether a mounted folder can, or cannot, be written to now."""
    return _mount('-o', f'remount,{"ro" if read_only else "rw"}', str(folder))


def mount_read_only(source: Path, folder: Path) -> bool:
    """Whether a folder shows another one, which cannot be written to through it."""
    folder.mkdir(parents=True, exist_ok=True)
    if not _mount('--bind', str(source), str(folder)):
        return False
    if _mount('-o', 'remount,bind,ro', str(folder)):
        return True
    subprocess.run(['umount', str(folder)], check=True)  # what is removed in it would be removed in the source
    return False


def _mount(*arguments: str) -> bool:
    return subprocess.run(['mount', *arguments], capture_output=True, check=False).returncode == 0
