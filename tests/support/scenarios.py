"""Runs scenarios on a Kafka, a Redis and a worker of its own: scenarios.py FILE..., a scenario a line (see scenario/).

Says of each that it passed, failed or was skipped, and why. Ends with "N passed, N failed, N skipped"; status 1 if any
failed.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from cluster import PROGRAMS, Cluster
from engines import Kafka
from scenario.manual import read_manual
from scenario.runner import Result, run_scenario


def manual_of_worker():
    words = [PROGRAMS / "certmill-worker", "messages"]
    return read_manual(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


def scenarios_of(path):
    """(name, scenario or None) of each line."""
    for number, line in enumerate(Path(path).read_text().splitlines(), 1):
        if not line.strip():
            continue
        try:
            scenario = json.loads(line)
        except ValueError:
            scenario = None
        if isinstance(scenario, dict) and scenario.keys() >= {"id", "steps"}:
            yield scenario["id"], scenario
        else:
            yield f"{path}:{number}", None


def run_files(paths, cluster, say=print):
    """The Results of every scenario in the files, said as they come. cluster: a function that gives the running one."""
    manual = manual_of_worker()
    results = []
    for path in paths:
        for name, scenario in scenarios_of(path):
            if scenario is None:
                result = Result(name, "failed", "this is no scenario: a JSON object with id and steps")
            else:
                result = run_scenario(scenario, cluster, manual, len(results) + 1)
            results.append(result)
            say(f"{result.state:7} {result.id}{': ' if result.why else ''}{result.why}")
    return results


def count(results):
    passed, failed, skipped = (sum(r.state == state for r in results) for state in ("passed", "failed", "skipped"))
    return f"{passed} passed, {failed} failed, {skipped} skipped"


class Engines:
    """Started when the first scenario needs them."""

    def __init__(self, stack):
        self.stack = stack
        self.cluster = None

    def __call__(self):
        if self.cluster is None:
            folder = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="certmill-scenarios-"))
            kafka = self.stack.enter_context(Kafka(f"{folder}/kafka"))
            self.cluster = Cluster(kafka, folder)
            self.stack.callback(self.cluster.abandon)
            self.cluster.start()
        return self.cluster


def main(paths):
    if not paths:
        print("usage: scenarios FILE...", file=sys.stderr)
        return 2
    unreadable = [path for path in paths if not Path(path).is_file()]
    if unreadable:
        print(f"scenarios: no such file: {', '.join(unreadable)}", file=sys.stderr)
        return 2
    with contextlib.ExitStack() as stack:
        engines = Engines(stack)
        results = run_files(paths, engines, lambda text: print(text, flush=True))
        failed = any(result.state == "failed" for result in results)
        if failed and engines.cluster is not None:
            print(engines.cluster.logs(), file=sys.stderr)
    print(count(results))
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
