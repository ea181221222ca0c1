"""Faults of workers: c.worker is the one that is meant, c.chance decides whatever is open."""

import glob
import time

from cluster import PROGRAMS

ARROWS = (
    "after_poll",
    "after_claims",
    "after_decide",
    "after_script",
    "after_begin",
    "after_produce",
    "after_offsets",
    "after_commit",
)
REACHED_S = 20  # a failpoint that is not reached by then is given up
FAKETIME = "/usr/lib/*/faketime/libfaketime.so.1"
C11_WAITS = PROGRAMS.parent / "tests" / "c11_waits.so"


def kill(c):
    c.fleet.hold(c.worker)
    c.worker.kill()
    yield
    c.fleet.start_worker(c.worker)


def kill_all(c):
    for worker in c.fleet.workers:
        c.fleet.hold(worker)
        worker.kill()
    yield
    for worker in c.fleet.workers:
        c.fleet.start_worker(worker)


def stop(c):
    with c.worker.lock:  # if it ends by itself just now, the next one is not this one
        c.worker.pause()
    yield
    c.worker.resume()


def leave(c):
    """In order, and the others get its partitions."""
    c.fleet.hold(c.worker)
    c.worker.stop()
    yield
    c.fleet.start_worker(c.worker)


def join(c):
    c.fleet.start_worker(c.fleet.spare)
    yield
    c.fleet.hold(c.fleet.spare)
    c.fleet.spare.stop()


# ---- at an arrow of the lane ----


def restart(c, environment):
    c.fleet.hold(c.worker)
    c.worker.kill()
    c.fleet.start_worker(c.worker, environment)
    c.fleet.hold(c.worker)


def wait_until(reached):
    deadline = time.monotonic() + REACHED_S
    while not reached() and time.monotonic() < deadline:
        time.sleep(0.05)


def arrow(c, action):
    point = f"{c.chance.choice(ARROWS)}={action}@{c.chance.randint(1, 40)}"
    c.note(point)
    restart(c, {"CERTMILL_FAILPOINT": point})


def die_at_an_arrow(c):
    arrow(c, "kill")
    wait_until(lambda: not c.worker.alive())
    yield
    c.worker.kill()
    c.fleet.start_worker(c.worker)


def freeze_at_an_arrow(c):
    """For longer than its session: others have its partitions when it goes on."""
    arrow(c, "stop")
    wait_until(c.worker.stopped)
    yield
    if c.worker.alive():
        c.worker.resume()
    time.sleep(3)  # it goes on where it was, and must not get far
    c.worker.kill()
    c.fleet.start_worker(c.worker)


# ---- the rest ----


def other_clock(c):
    """90 seconds early or late."""
    (library,) = glob.glob(FAKETIME)[:1]
    offset = c.chance.choice(("-90s", "+90s"))
    c.note(offset)
    environment = {"LD_PRELOAD": f"{C11_WAITS} {library}", "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_NO_CACHE": "1"}
    c.fleet.hold(c.worker)
    c.worker.kill()
    c.fleet.start_worker(c.worker, environment)
    yield
    c.fleet.hold(c.worker)
    c.worker.kill()
    c.fleet.start_worker(c.worker)


def same_slot(c):
    """A second worker says that it is the first; the two fence each other."""
    double = c.fleet.make_double(c.worker)
    c.fleet.spawn(double.start)
    yield
    double.kill()


def poison(c):
    """A message that kills whoever decides it, until it is given up."""
    c.post_pill()
    yield
