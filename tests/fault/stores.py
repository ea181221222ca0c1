"""A Redis primary and its replica on loopback. The workers reach whichever is the primary, through a proxy each."""

import shutil
import time
from collections import deque

from brokers import steady_port
from engines import Redis
from proxy import Proxy

SNAPSHOTS_S = 600  # how old a snapshot is restored at the most


class Store(Redis):
    """One of the two, its data in a folder that may be a file system of its own."""

    start_timeout = 120
    patience_s = 60  # it may be busy with what it has of a long run

    def __init__(self, folder):
        super().__init__(folder, steady_port())
        self.data = self.folder / "data"
        self.data.mkdir(parents=True, exist_ok=True)
        self.settings = {"dir": self.data, "repl-diskless-sync-delay": 0}

    def wipe(self):
        for entry in self.data.iterdir():
            if entry.name != "filler":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def info(self, section, name):
        for line in self.ask("INFO", section).decode().splitlines():
            key, _, value = line.partition(":")
            if key == name:
                return value
        return None

    def follow(self, other):
        if other is None:
            self.command("REPLICAOF", "NO", "ONE")
        else:
            self.command("REPLICAOF", "127.0.0.1", str(other.port))

    def follows(self):
        return self.info("replication", "master_link_status") == "up"


class Stores:
    """Has what a Cluster asks of its Redis."""

    def __init__(self, folder, loop, spawn, listeners):
        self.all = [Store(folder / f"redis{i}") for i in range(2)]
        self.primary, self.replica = self.all
        self.spawn = spawn
        self.folder = folder
        self.snapshots = deque()  # of (time, path)
        self.proxies = {name: Proxy(loop, steady_port(), lambda: self.primary.port) for name in listeners}

    @property
    def address(self):
        return self.primary.address

    @property
    def worker_settings(self):
        return self.primary.worker_settings

    def command(self, *words):
        return self.primary.command(*words)

    def launch(self, store):
        self.spawn(store.launch)
        try:
            store.await_answers()
        except RuntimeError:
            # What a full disk left of its file cannot be read, now and then. Who operates it gives it an empty folder.
            if "Bad file format" not in store.log_tail(5):
                raise
            store.wipe()
            self.spawn(store.launch)
            store.await_answers()
        if store is self.replica:
            store.follow(self.primary)

    def start(self):
        for store in (self.primary, self.replica):
            self.launch(store)
        self.await_replica()

    def kill(self):
        for store in self.all:
            store.kill()

    def await_replica(self, timeout=60):
        deadline = time.monotonic() + timeout
        while not self.replica.follows():
            if time.monotonic() > deadline:
                raise RuntimeError(f"the replica does not catch up:\n{self.replica.log_tail()}")
            time.sleep(0.1)

    def fail_over(self):
        """The primary is dead; the other takes over, and the dead one comes back as its replica."""
        self.primary, self.replica = self.replica, self.primary
        self.primary.follow(None)
        for proxy in self.proxies.values():
            proxy.cut()

    def snapshot(self):
        """Keeps what the primary holds now."""
        if self.primary.command("SAVE") != b"+OK":
            return
        path = self.folder / f"snapshot-{time.time_ns()}.rdb"
        shutil.copy(self.primary.data / "dump.rdb", path)
        self.snapshots.append((time.monotonic(), path))
        while self.snapshots[0][0] < time.monotonic() - SNAPSHOTS_S:
            self.snapshots.popleft()[1].unlink()

    def restore(self, path):
        """The dead primary comes back with what it held then."""
        store = self.primary
        store.wipe()
        shutil.copy(path, store.data / "dump.rdb")
        store.settings["appendonly"] = "no"
        try:
            self.launch(store)
        finally:
            del store.settings["appendonly"]
        store.command("CONFIG", "SET", "appendonly", "yes")
