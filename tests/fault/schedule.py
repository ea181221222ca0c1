"""What is injected when: a function of the seed, the minutes and the faults that are wanted."""

import random
from dataclasses import dataclass

from faults import FAULTS, Fault
from fleet import WORKERS

QUIET_S = 5  # before the first and behind the last
STORM_S = 180  # between two calms
RECOVERY_S = {"broker": 12, "redis": 15}  # beside what the fault itself takes


@dataclass(frozen=True)
class Injection:
    at: float  # seconds from the start
    fault: Fault
    seconds: float
    worker: int
    seed: int

    @property
    def takes(self):
        if self.fault.takes == "worker":
            return [f"worker {self.worker}"]
        if self.fault.takes == "workers":
            return [f"worker {i}" for i in range(WORKERS)]
        return [self.fault.takes] if self.fault.takes else []

    def __str__(self):
        of = f" w{self.worker}" if self.fault.takes == "worker" else ""
        return f"{self.fault.name}{of} for {self.seconds:.1f} s"


def plan(seed, minutes, gap, faults=FAULTS, calm=0):
    """gap: seconds between two injections, in the mean; calm: so many follow on each storm, without any."""
    chance = random.Random(seed)
    free_at = {}
    at = QUIET_S
    injections = []
    while faults:
        at += chance.expovariate(1 / gap)
        (fault,) = chance.choices(faults, [f.weight for f in faults])
        seconds = min(chance.uniform(*fault.seconds), 10 * minutes)
        injection = Injection(at, fault, seconds, chance.randrange(WORKERS), chance.getrandbits(32))
        if at + seconds > 60 * minutes - QUIET_S:
            return injections
        if calm and at % (STORM_S + calm) + seconds > STORM_S:
            continue
        # of two that want the same, the later one is left out: it would only wait
        if any(free_at.get(what, 0) > at for what in injection.takes):
            continue
        for what in injection.takes:
            free_at[what] = at + seconds + RECOVERY_S.get(what, 3)
        injections.append(injection)
    return []
