"""What is said of a run: a line for each kind of fault."""

import math
import threading
from collections import defaultdict


def percentile(values, part):
    values = sorted(values)
    return values[max(0, math.ceil(part * len(values)) - 1)]


class Figures:
    def __init__(self):
        self.lock = threading.Lock()
        self.in_flight = defaultdict(list)
        self.recovered = defaultdict(list)  # ms

    def injected(self, name, in_flight):
        with self.lock:
            self.in_flight[name].append(in_flight)

    def has_recovered(self, name, ms):
        with self.lock:
            self.recovered[name].append(ms)

    def lines(self):
        yield f"{'fault':<24} {'times':>6} {'in flight':>10} {'recovered in p50':>17} {'p99':>8} {'max ms':>8}"
        for name, in_flight in sorted(self.in_flight.items()):
            times = self.recovered[name]
            spans = [f"{percentile(times, part):.0f}" for part in (0.5, 0.99, 1)] if times else ["-"] * 3
            missing = f"  {len(in_flight) - len(times)} not recovered" if len(times) < len(in_flight) else ""
            yield f"{name:<24} {len(in_flight):>6} {sum(in_flight) / len(in_flight):>10.0f} {spans[0]:>17} {spans[1]:>8} {spans[2]:>8}{missing}"
