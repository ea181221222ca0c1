"""A Redis primary, its replica and three sentinels on loopback. Each worker reaches all of them through proxies of its own."""

import shutil
import time
from collections import deque

from engines import GuardedRedis, Redis, free_port, wait_until
from proxy import Proxy

SNAPSHOTS_S = 600  # how old a snapshot is restored at the most
SETTLED_S = 300  # a sentinel on a machine that stands still now and then does nothing for half a minute each time


class Store(Redis):
    """A server whose data stand in a folder that may be a file system of its own."""

    start_timeout = 120
    patience_s = 60  # it may be busy with what it has of a long run

    def __init__(self, folder, settings, **how):
        super().__init__(folder, settings=settings, **how)
        self.data = self.folder / "data"
        self.data.mkdir(parents=True, exist_ok=True)
        self.settings["dir"] = self.data

    def wipe(self):
        for entry in self.data.iterdir():
            if entry.name != "filler":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


class Stores(GuardedRedis):
    """Has what a Cluster asks of its Redis."""

    make_server = Store

    def __init__(self, folder, loop, spawn, listeners):
        super().__init__(folder)
        self.spawn = spawn
        self.folder = folder
        self.snapshots = deque()  # of (time, path)
        self.server_proxies, self.sentinel_proxies = {}, {}
        for name in listeners:
            self.add_proxies(name, loop)

    def add_proxies(self, listener, loop):
        """What a sentinel calls the primary is, for whom it tells it, a proxy."""
        servers = {server.port: Proxy(loop, free_port(), server.port) for server in self.servers}

        def translate(data):
            for port, proxy in servers.items():
                data = data.replace(b"$5\r\n%d\r\n" % port, b"$5\r\n%d\r\n" % proxy.port)
            return data

        self.server_proxies[listener] = list(servers.values())
        self.sentinel_proxies[listener] = [Proxy(loop, free_port(), s.port, translate) for s in self.sentinels]

    def proxies_of(self, listener):
        return [*self.server_proxies[listener], *self.sentinel_proxies[listener]]

    def sentinels_of(self, listener):
        """As a setting of its worker."""
        return ",".join(proxy.address for proxy in self.sentinel_proxies[listener])

    # ---- life ----

    def launch(self, server):
        self.spawn(server.launch)
        try:
            server.await_answers()
        except RuntimeError:
            # What a full disk left of its file cannot be read, now and then. Who operates it gives it an empty folder.
            if "Bad file format" not in server.log_tail(5):
                raise
            server.wipe()
            self.spawn(server.launch)
            server.await_answers()

    def start(self):
        for server in self.everyone():
            self.launch(server)
        return self.await_started()

    def settled(self):
        """The primary that the sentinels agree on, if it knows that it is one and has its replica."""
        primary = self.primary
        whole = primary is not None and primary.ask("ROLE")[:1] == [b"master"] and self.linked(self.replica)
        return primary if whole else None

    def settle(self):
        """The primary, when nothing is left of an earlier fault."""
        return wait_until(self.settled, "Redis did not settle", SETTLED_S)

    def wait_for_failover(self, old, timeout=SETTLED_S):
        return super().wait_for_failover(old, timeout)

    def mend(self):
        for server in self.everyone():
            if not server.alive():
                self.launch(server)
        self.settle()
        for server in self.servers:
            server.command("CONFIG", "SET", "maxmemory", "0")

    # ---- what it held ----

    def snapshot(self):
        """Keeps what the primary holds now, if it can be had. It goes on meanwhile: of a million certificates that takes a while."""
        primary = self.primary
        if primary is None or not primary.command("BGSAVE").startswith(b"+"):
            return
        wait_until(lambda: b"rdb_bgsave_in_progress:0" in primary.ask("INFO", "persistence"), "Redis did not save", SETTLED_S)
        if b"rdb_last_bgsave_status:ok" not in primary.ask("INFO", "persistence"):
            return
        path = self.folder / f"snapshot-{time.time_ns()}.rdb"
        shutil.copy(primary.data / "dump.rdb", path)
        self.snapshots.append((time.monotonic(), path))
        while self.snapshots[0][0] < time.monotonic() - SNAPSHOTS_S:
            self.snapshots.popleft()[1].unlink()

    def launch_with(self, server, path):
        """The dead one comes back with what was held then; without a path, with nothing."""
        server.wipe()
        if path is None:
            self.launch(server)
            return
        shutil.copy(path, server.data / "dump.rdb")
        server.settings["appendonly"] = "no"
        try:
            self.launch(server)
        finally:
            del server.settings["appendonly"]
        server.command("CONFIG", "SET", "appendonly", "yes")
