"""A small file system of its own for an engine's data, which can be filled up. Takes the right to mount."""

import os
import subprocess
from functools import cache
from pathlib import Path


def run(*words):
    subprocess.run([str(word) for word in words], check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@cache
def may_mount(folder):
    """Is this a machine on which Disk works?"""
    probe = Disk(Path(folder) / "probe", 16 << 20)
    try:
        probe.mount()
    except (OSError, subprocess.CalledProcessError):
        return False
    probe.unmount()
    return True


class Disk:
    """An image beside the folder, mounted on it; sparse, so that it takes what is written."""

    def __init__(self, folder, size):
        self.folder = Path(folder)
        self.image = self.folder.with_suffix(".img")
        self.size = size
        self.filler = self.folder / "filler"

    def mount(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.image, "wb") as image:
            image.truncate(self.size)
        run("mkfs.ext4", "-q", "-m", "0", self.image)
        run("mount", "-o", "loop", self.image, self.folder)
        (self.folder / "lost+found").rmdir()

    def unmount(self):
        run("umount", "--lazy", self.folder)

    def fill(self):
        """To the last block."""
        with open(self.filler, "wb") as filler:
            try:
                while left := os.statvfs(self.folder).f_bavail * os.statvfs(self.folder).f_bsize:
                    os.posix_fallocate(filler.fileno(), os.fstat(filler.fileno()).st_size, left)
            except OSError:
                pass

    def free(self):
        self.filler.unlink(missing_ok=True)
