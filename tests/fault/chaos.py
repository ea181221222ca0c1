#!/usr/bin/env python3
"""Puts a whole fleet under faults of every kind, and asks whether every promise was kept.

Three brokers, a Redis and its replica behind three sentinels, three workers, and clients that ask for everything and send again
what is not answered. What is injected when follows from the seed alone. At the end the faults stop, everything is answered, and
the clients' books and two independent checkers of the topics are asked.

    chaos.py [--minutes N] [--seed S] [--only FAULT,...] [--often FAULT,...]
             [--rate N] [--gap S] [--calm S] [--folder F] [--keep]

Status 0: kept; 1: broken, and everything is kept in the folder.
"""

import argparse
import gc
import os
import random
import shutil
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from client import create_topic
from clients import Load, Prober
from disk import may_mount
from faults import FAULTS, NAMES
from faults_workers import C11_WAITS, FAKETIME
from figures import Figures
from fleet import Fleet
from rest import await_rest
from sagas import set_up
from schedule import plan
from verdict import checker_verdicts, ledger_verdict, say

CLIENTS = (("c0", "ec"), ("c1", "rsa"), ("c2", "ed25519"))
PROBE = ("probe", "ec")
DRAIN_S, REST_S, HEAL_S = 600, 300, 600
SNAPSHOT_S = 100
SAY_S = 15


class Context:
    """What a fault is given."""

    def __init__(self, run, injection):
        self.run = run
        self.fleet = run.fleet
        self.redis = run.fleet.redis
        self.worker = run.fleet.workers[injection.worker]
        self.chance = random.Random(injection.seed)
        self.notes = []

    def note(self, text):
        self.notes.append(text)

    def whole(self):
        self.fleet.await_whole()

    def post_pill(self):
        self.run.prober.pills.put(None)


class Run:
    def __init__(self, o, folder):
        self.o, self.folder = o, folder
        self.began = time.monotonic()
        self.plan = plan(o.seed, o.minutes, o.gap, o.faults, o.calm)
        self.figures = Figures()
        self.locks = {what: threading.Lock() for injection in self.plan for what in injection.takes}
        self.locks.setdefault("redis", threading.Lock())
        self.fleet = Fleet(folder)
        self.loads, self.prober = [], None
        self.failures = []
        self.log = open(folder / "chaos.log", "w", buffering=1)

    def say(self, text):
        line = f"{time.monotonic() - self.began:7.1f} s  {text}"
        print(line, flush=True)
        self.log.write(f"{line}\n")

    def note(self, text):
        self.log.write(f"{time.monotonic() - self.began:7.1f} s  {text}\n")

    # ---- life ----

    def start(self):
        self.fleet.start()
        for name, _ in (*CLIENTS[1:], PROBE):
            create_topic(self.fleet.kafka.address, f"{self.fleet.prefix}.responses.{name}", 2, replicas=3)
        set_up(self.fleet.client, (*CLIENTS, PROBE))
        self.prober = Prober(self.fleet, self.o.seed)
        for i, (name, _) in enumerate(CLIENTS):
            self.loads.append(Load(self.fleet, name, self.o.seed + i + 1, self.o.rate / len(CLIENTS)))
        self.say(f"the fleet is up; {len(self.plan)} faults in {self.o.minutes:g} minutes")

    def abandon(self):
        for load in self.loads:
            load.kill()
        self.fleet.abandon()

    def in_flight(self):
        return sum(load.state["open"] for load in self.loads)

    # ---- faults ----

    def inject(self, injection):
        """One fault from its injection to the answer to what was asked after it."""
        name = injection.fault.name
        context = Context(self, injection)
        try:
            with ExitStack() as held:
                for what in injection.takes:
                    held.enter_context(self.locks[what])
                self.figures.injected(name, self.in_flight())
                steps = injection.fault.inject(context)
                next(steps)
                self.note(f"{injection}: injected {' '.join(context.notes)}")
                time.sleep(injection.seconds)
                next(steps, None)
                self.note(f"{injection}: healed")
            self.prober.probe(lambda ms: self.recovered(injection, ms))
        except Exception as e:
            self.note(f"{injection}: {type(e).__name__}: {e}")
            self.failures.append(f"{injection}: the driver failed: {type(e).__name__}: {e}")

    def recovered(self, injection, ms):
        self.note(f"{injection}: recovered in {ms:.0f} ms")
        self.figures.has_recovered(injection.fault.name, ms)

    def snapshots(self, over):
        while not over.wait(SNAPSHOT_S):
            if self.locks["redis"].acquire(timeout=1):
                try:
                    self.fleet.redis.snapshot()
                except (OSError, AssertionError):
                    pass  # the next one, then
                finally:
                    self.locks["redis"].release()

    def faults(self):
        over = threading.Event()
        threading.Thread(target=self.snapshots, args=(over,), daemon=True).start()
        began, said, threads = time.monotonic(), 0, []
        waiting = list(self.plan)
        while time.monotonic() - began < 60 * self.o.minutes:
            now = time.monotonic() - began
            while waiting and waiting[0].at <= now:
                threads.append(threading.Thread(target=self.inject, args=(waiting.pop(0),), daemon=True))
                threads[-1].start()
            if now - said > SAY_S:
                said = now
                self.say_progress(len(self.plan) - len(waiting))
            time.sleep(0.05)
        over.set()
        deadline = time.monotonic() + HEAL_S
        for thread in threads:
            thread.join(max(0, deadline - time.monotonic()))
        if any(thread.is_alive() for thread in threads):
            self.failures.append("a fault could not be healed")

    def say_progress(self, injected):
        settled = sum(load.state["settled"] for load in self.loads)
        self.say(f"{injected} faults, {settled} requests settled, {self.in_flight()} in flight")

    # ---- the end ----

    def drain(self):
        """Everything is well again; everything that was asked is answered."""
        try:
            self.fleet.mend()
            self.fleet.await_whole()
        except (RuntimeError, AssertionError, OSError) as e:
            self.failures.append(f"the engines do not come back: {e}")
        for load in self.loads:
            load.tell("drain")
        time.sleep(2)
        deadline = time.monotonic() + DRAIN_S
        while (left := self.in_flight() + self.prober.open()) and time.monotonic() < deadline:
            time.sleep(0.5)
        if left:
            self.failures.append(f"{left} requests were not answered in {DRAIN_S} s though nothing was wrong any more")
        if not await_rest(self.fleet, REST_S):
            self.failures.append(f"the groups did not come to the end of their topics in {REST_S} s")
        self.say("everything is answered" if not self.failures else self.failures[-1])

    def judge(self):
        gc.disable()  # the books and topics are millions of objects, which all stay
        books = [load.end() for load in self.loads] + [self.prober.end()]
        self.say_books(books)
        try:
            self.fleet.finish()
        except AssertionError as e:
            self.failures.append(str(e))
        print(f"\n{chr(10).join(self.figures.lines())}\n")
        idle = [f"client {book['name']} was answered nothing" for book in books if not book["requests"]]
        ledger = ledger_verdict(self.fleet, books) + self.failures + idle
        verdicts = {"the clients' books": (not ledger, ledger), **checker_verdicts(self.fleet)}
        for name, (kept, lines) in verdicts.items():
            say(name, kept, lines)
        return all(kept for kept, _ in verdicts.values())

    def say_books(self, books):
        counts, operations = Counter(), Counter()
        for book in books:
            counts.update(book["counts"])
            operations.update(book["operations"])
            counts["garbage"] += len(book["garbage"])
            counts["revoked"] += len(book["revoked"])
        self.say(f"{sum(operations.values())} requests: {', '.join(f'{n} {op}' for op, n in operations.most_common())}")
        self.say(", ".join(f"{n} {what}" for what, n in counts.most_common()))
        self.say(f"workers were started {sum(w.starts for w in [*self.fleet.workers, self.fleet.spare])} times")


def possible(fault, folder):
    if fault.needs == "disk":
        return may_mount(folder)
    if fault.needs == "clock":
        return C11_WAITS.exists() and bool(list(Path("/").glob(FAKETIME[1:])))
    return True


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog=f"faults: {' '.join(NAMES)}")
    parser.add_argument("--minutes", type=float, default=3, help="of faults (3)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32), help="what happens when (any)")
    parser.add_argument("--only", default="", help="these faults, or whose names begin so, with commas between; none: no faults")
    parser.add_argument("--often", default="", help="these, by the same rule, are twice as likely as else")
    parser.add_argument("--rate", type=float, default=60, help="how many requests the clients begin a second at the most (60)")
    parser.add_argument("--gap", type=float, default=5, help="seconds between two faults, in the mean (5)")
    parser.add_argument("--calm", type=float, default=0, help="seconds without new faults after each three minutes with them (0)")
    parser.add_argument("--folder", help="for everything that is made; removed unless a promise was broken (build/chaos/SEED)")
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    o = parser.parse_args()
    o.only = [name for name in o.only.split(",") if name]
    o.often = [name for name in o.often.split(",") if name]
    unknown = [name for name in (*o.only, *o.often) if name != "none" and not any(n.startswith(name) for n in NAMES)]
    if unknown:
        parser.error(f"no such fault: {', '.join(unknown)}; there are {', '.join(NAMES)}")
    return o


def choose_faults(o, folder):
    """Those that were asked for, of what this machine can do."""
    wanted = [f for f in FAULTS if not o.only or f.name.startswith(tuple(o.only))]
    missing = [f.name for f in wanted if not possible(f, folder)]
    if missing:
        print(f"not possible on this machine: {', '.join(missing)}")
    often = tuple(o.often)
    return [replace(f, weight=2 * f.weight) if f.name.startswith(often) else f for f in wanted if f.name not in missing]


def replay(o):
    names = "".join(f" --{option} {','.join(names)}" for option, names in (("only", o.only), ("often", o.often)) if names)
    return f"./dev chaos --minutes {o.minutes:g} --seed {o.seed} --rate {o.rate:g} --gap {o.gap:g} --calm {o.calm:g}{names}"


def main():
    o = options()
    folder = Path(o.folder or f"build/chaos/{o.seed}").resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    print(f"seed {o.seed}; again: {replay(o)}", flush=True)
    o.faults = choose_faults(o, folder)
    run = Run(o, folder)
    kept = False
    try:
        run.start()
        run.faults()
        run.drain()
        kept = run.judge()
    finally:
        run.abandon()
        if not kept or o.keep:
            print(f"everything of this run is in {folder}; again: {replay(o)}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print("every promise was kept" if kept else "PROMISES WERE BROKEN")
    return 0 if kept else 1


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    sys.exit(main())
