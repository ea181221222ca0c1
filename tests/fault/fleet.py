"""The fleet that is put under faults: three brokers, a Redis pair and its sentinels, workers, and a proxy on every way between."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from brokers import Brokers
from client import alter_topic
from cluster import Cluster, Worker
from disk import Disk, may_mount
from proxy import Loop
from stores import Stores

WORKERS = 3
SPARE = f"w{WORKERS}"  # the slot of one more, which comes and goes
PAUSE_S = 0.5  # before a worker that has ended is started again, as a service manager would
DISK = {"redis/a": 8 << 30, "redis/b": 8 << 30, "broker3": 24 << 30}
ALWAYS = "poison=kill"  # a request for "poison-pill" kills whoever decides it

SETTINGS = {
    "kafka": {"session.timeout.ms": 6000, "heartbeat.interval.ms": 1000},
    "lanes": {"mint": 2},
    "worker": {"single": "false"},
}


class FleetWorker(Worker):
    """Is started again whenever it has ended, unless it is held."""

    def __init__(self, folder, config, slot, broker_links, redis_links):
        super().__init__(folder, config, slot)
        self.broker_links, self.redis_links = broker_links, redis_links  # the proxies on its ways
        self.held = True
        self.starts = 0
        self.lock = threading.RLock()

    @property
    def links(self):
        return [*self.broker_links, *self.redis_links]

    def environment(self):
        environment = super().environment()
        more = environment.get("CERTMILL_FAILPOINT")
        return {**environment, "CERTMILL_FAILPOINT": f"{ALWAYS},{more}" if more else ALWAYS}


class Fleet(Cluster):
    def __init__(self, folder):
        self.loop = Loop()
        # The kernel ends a child when the thread that made it ends, so that one thread makes all of them.
        self.spawner = ThreadPoolExecutor(1)
        slots = [f"w{i}" for i in range(WORKERS + 1)]
        listeners = [slot.upper() for slot in slots]
        super().__init__(
            Brokers(folder, self.loop, self.spawn, listeners), folder, SETTINGS, lambda at: Stores(at, self.loop, self.spawn, listeners)
        )
        self.disks = {}  # {folder of an engine: Disk}
        self.over = threading.Event()
        self.keeper = threading.Thread(target=self.keep, name="keeper", daemon=True)
        self.spare = None
        self.slots = slots

    def spawn(self, call, *arguments):
        return self.spawner.submit(call, *arguments).result()

    # ---- life ----

    def start(self, workers=WORKERS):
        self.mount()
        self.kafka.start()
        self.redis.start()
        self.write_config()
        made = self.worker_command("topics", timeout=180)
        assert made.returncode == 0, f"certmill-worker topics ended with {made.returncode}:\n{made.stderr}"
        self.keep_records()
        self.workers = [self.make_worker(slot) for slot in self.slots]
        self.spare = self.workers.pop()
        for worker in self.workers:
            self.start_worker(worker)
        self.keeper.start()
        return self

    def keep_records(self):
        """What is judged at the end of a long run must still be there: answers are kept for an hour, compacted records while they last."""
        alter_topic(self.kafka.address, f"{self.prefix}.responses", retention_ms=-1)
        for kind in ("state", "crl", "ca", "revoked"):
            alter_topic(self.kafka.address, f"{self.prefix}.{kind}", min_compaction_lag_ms=7 * 24 * 3600 * 1000)

    def mount(self):
        if not may_mount(self.folder):
            return
        for name, size in DISK.items():
            folder = self.folder / name
            self.disks[folder] = Disk(folder / "data", size)
            self.disks[folder].mount()

    def make_worker(self, slot, folder=None):
        config = self.folder / f"{slot}.ini"
        listener = slot.upper()
        own = {"kafka": {"brokers": self.kafka.address_of(listener)}, "redis": {"sentinels": self.redis.sentinels_of(listener)}}
        self.write_config(config, own)
        return FleetWorker(folder or self.folder / slot, config, slot, self.kafka.proxies[listener], self.redis.proxies_of(listener))

    def make_double(self, worker):
        """Another process of the same slot."""
        return self.make_worker(worker.slot, self.folder / f"{worker.slot}-double")

    def start_worker(self, worker, environment=None):
        with worker.lock:
            worker.more_environment = environment or {}
            worker.starts += 1
            self.spawn(worker.start)
            worker.held = False

    def keep(self):
        """What has ended by itself, or was killed, is started again."""
        while not self.over.wait(PAUSE_S):
            self.kafka.keep()
            for worker in [*self.workers, self.spare]:
                with worker.lock:
                    if not worker.held and not worker.alive() and not self.over.is_set():
                        self.start_worker(worker)

    def hold(self, worker):
        """It stays down when it ends."""
        with worker.lock:
            worker.held = True

    def finish(self):
        """Every worker ends when it is told to, and well."""
        self.over.set()
        self.keeper.join()
        for worker in self.workers:
            worker.finish()

    def abandon(self):
        self.over.set()
        for worker in [*self.workers, *([self.spare] if self.spare else [])]:
            worker.kill()
        super().abandon()
        self.kafka.kill()
        for disk in self.disks.values():
            disk.unmount()
        self.loop.stop()

    def partitions(self, kind):
        return len(self.kafka.topics()[f"{self.prefix}.{kind}"].partitions)

    # ---- at rest ----

    def mend(self):
        """Whatever the faults have left undone: everything runs, nothing is in the way."""
        for proxy in [p for worker in [*self.workers, self.spare] for p in worker.links]:
            proxy.restore()
        for disk in self.disks.values():
            disk.free()
        for server in [*self.kafka.all, *self.redis.everyone(), *self.workers]:
            if server.alive():
                server.resume()
        self.kafka.start()
        self.redis.mend()
        for worker in self.workers:
            with worker.lock:
                if not worker.alive():
                    self.start_worker(worker)

    def await_whole(self, timeout=300):
        """Until every replica of every partition is in sync."""
        deadline = time.monotonic() + timeout
        while not self.kafka.whole():
            if time.monotonic() > deadline:
                raise RuntimeError("partitions stay under-replicated")
            time.sleep(0.5)
