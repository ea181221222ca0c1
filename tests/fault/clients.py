"""The load's processes and the prober, as the driver holds them."""

import json
import queue
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

from ledger import home
from load import Caller

PILL_S = 300
HERE = Path(__file__).resolve().parent


class Load:
    """One client process of load.py."""

    def __init__(self, fleet, name, seed, rate):
        self.name = name
        self.ledger = fleet.folder / f"{name}.json"
        self.state = {"open": 0, "settled": 0, "problems": 0}
        self.errors = open(fleet.folder / f"{name}.log", "wb")
        words = [sys.executable, HERE / "load.py", fleet.kafka.address, fleet.prefix, name, seed, rate, self.ledger]
        self.process = subprocess.Popen(
            [str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True
        )
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.state = json.loads(line)

    def tell(self, word):
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()

    def end(self, timeout=300):
        """Its books."""
        self.tell("end")
        self.process.wait(timeout)
        if self.process.returncode != 0:
            raise RuntimeError(f"client {self.name} ended with {self.process.returncode}:\n{Path(self.errors.name).read_text()[-2000:]}")
        return json.loads(self.ledger.read_text())

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.errors.close()


class Prober:
    """A client of the driver's own: a probe is a request to each lane's every partition of .issue, to control and to query."""

    def __init__(self, fleet, seed):
        self.caller = Caller(fleet.kafka.address, fleet.prefix, "probe", seed)
        self.probes = queue.Queue()
        self.pills = queue.Queue()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run, name="prober", daemon=True)
        self.thread.start()

    def ids(self):
        """One for each partition of .issue."""
        left = set(self.caller.partitions["issue"])
        count = len(left)
        while left:
            request_id = str(uuid.UUID(int=self.caller.chance.getrandbits(128)))
            partition = home(request_id, count)
            if partition in left:
                left.remove(partition)
                yield request_id

    def calls(self):
        for request_id in self.ids():
            yield self.caller.call("issue", {"common_name": "probe.example.com"}, role="ec", id=request_id)
        yield self.caller.call("mount/tune", {"description": "probed"}, mount="mount-probe")
        yield self.caller.call("mount/list", mount=None)

    def probe(self, recovered):
        """recovered(ms) is called once all of it is answered."""
        self.probes.put((time.monotonic(), recovered))

    def begin(self, began, recovered):
        calls = list(self.calls())
        left = [len(calls)]

        def saga(call):
            yield call
            left[0] -= 1
            if left[0] == 0:
                recovered(1000 * (time.monotonic() - began))

        for call in calls:
            self.caller.begin(saga(call))

    def pill(self):
        """Kills whoever decides it. Sent again it would do so again."""
        call = self.caller.call("issue", {"common_name": "poison-pill.example.com"}, expect=["internal"], role="ec")
        call.wait = PILL_S
        yield call

    def run(self):
        while not self.over.is_set():
            self.caller.collect(0.02)
            self.caller.send_again()
            while not self.probes.empty():
                self.begin(*self.probes.get())
            while not self.pills.empty():
                self.pills.get()
                self.caller.begin(self.pill())

    def open(self):
        return len(self.caller.open) + self.probes.qsize()

    def end(self):
        self.over.set()
        self.thread.join()
        quiet = time.monotonic()
        while time.monotonic() - quiet < 2:
            if self.caller.collect(0.2):
                quiet = time.monotonic()
        return self.caller.close_books()
