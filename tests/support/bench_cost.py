"""What the promises cost: bench_cost.py [--count N] [--rounds N].

The same load on the same engines with each of them and without, in turns, so that what else the machine does falls on all. A
worker without the script, the audit or the barrier is one of a build with failpoints; nobody runs it for anything else.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from bench import bench
from brokers import Brokers
from cluster import Cluster
from engines import Kafka

SKIPPED = ("script", "audit", "barrier")
REPLICATED = {"worker": {"single": "false"}}


def measure(kafka, settings, skip, count):
    """What `certmill bench` says of a worker that leaves these out."""
    environment = {"CERTMILL_FAILPOINT": ",".join(f"skip_{what}=fail" for what in skip)}
    with tempfile.TemporaryDirectory(prefix="certmill-bench-") as folder:
        cluster = Cluster(kafka, folder, settings)
        try:
            cluster.start(workers=0)
            cluster.add_worker(environment)
            ran = bench(cluster, "--json", "--count", str(count), capture_output=True, text=True)
            if ran.returncode != 0:
                raise SystemExit(f"{ran.stderr}\n{cluster.logs()}")
            return json.loads(ran.stdout)
        finally:
            cluster.abandon()


def line(name, found):
    def middle(of):
        return statistics.median(run[of] for run in found)

    ratios = sorted(run["ratio"] for run in found)
    return (
        f"| {name} | {middle('rate_per_s'):,.0f}/s | {middle('worker_cpu_us'):.1f} us | {middle('raw_openssl_us'):.1f} us | "
        f"{middle('ratio'):.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f}) | {middle('p50_ms') / 1000:.2f} s |"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=60000, help="requests of a run (60000)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each (3)")
    o = parser.parse_args()
    variants = {"all of it": (), **{f"without the {what}": (what,) for what in SKIPPED}, "without all three": SKIPPED}
    found = {name: [] for name in variants}
    with tempfile.TemporaryDirectory(prefix="certmill-bench-") as folder, Kafka(f"{folder}/kafka") as kafka:
        for _ in range(o.rounds):
            for name, skip in variants.items():
                found[name].append(measure(kafka, {}, skip, o.count))
                print(f"{name}: {found[name][-1]}", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="certmill-bench-") as folder:
        three = Brokers(Path(folder))
        try:
            three.start()
            found["three brokers, three replicas"] = [measure(three, REPLICATED, (), o.count) for _ in range(o.rounds)]
        finally:
            three.kill()
    print("| | rate | worker CPU | raw | ratio | p50 |\n| --- | --- | --- | --- | --- | --- |")
    for name, runs in found.items():
        print(line(name, runs))


if __name__ == "__main__":
    sys.exit(main())
