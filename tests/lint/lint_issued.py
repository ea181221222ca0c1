"""Is what certmill issues right? lint_issued.py [--keep DIR] KEYS JUDGE: has the spread issued on real engines and shows it to
linters and parsers, of which each must find nothing. KEYS is a folder that keeps keys, JUDGE the program of main.go. Ends with
"N passed, N failed, N skipped": one for each tool and artifact; skipped are entries that the build has not all of."""

import argparse
import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import commands
import linters
import rfc5280
import spread
from cluster import PROGRAMS, Cluster
from controls import controls
from engines import Kafka
from entries import missing
from features import Features
from issue import Issuance
from keys import Keys

LEAST = 300  # artifacts of a spread of which nothing is off


class Report:
    """What each tool said."""

    def __init__(self):
        self.passed, self.failed = Counter(), Counter()

    def add(self, tool, name, findings):
        if findings:
            self.failed[tool] += 1
        else:
            self.passed[tool] += 1
        for finding in findings:
            print(f"FAILED {tool} {name}: {finding}", flush=True)

    def close(self, skipped):
        for tool in sorted(self.passed | self.failed):
            print(f"{tool:>12} {self.passed[tool]:5} passed {self.failed[tool]:5} failed")
        print(f"{self.passed.total()} passed, {self.failed.total()} failed, {skipped} skipped")
        return 0 if self.passed.total() and not self.failed.total() else 1


def by_go(judge, artifacts):
    """(tool, id, findings) of zlint and of Go's crypto/x509."""

    def text(der):
        return base64.b64encode(der).decode()

    lines = [
        {
            "id": artifact.id,
            "kind": artifact.kind,
            "der": text(artifact.der),
            "chain": [text(der) for der in artifact.chain],
            "public_tls": artifact.public_tls,
            "revoked": [f"{serial:x}" for serial in artifact.entries],
        }
        for artifact in artifacts
    ]
    asked = "\n".join(map(json.dumps, lines))
    said = subprocess.run([judge], input=asked, stdout=subprocess.PIPE, text=True, check=True).stdout
    for line in said.splitlines():
        verdict = json.loads(line)
        yield verdict["tool"], verdict["id"], verdict["findings"] or []


def verdicts(artifacts, judge, folder):
    """(tool, id, findings) for each tool and each artifact of a kind that it knows."""
    yield from by_go(judge, artifacts)
    with ProcessPoolExecutor() as pool:
        for tool, check in (
            ("cryptography", rfc5280.judge),
            ("pkilint", linters.pkilint),
            ("badkeys", linters.check_keys),
        ):
            for artifact, findings in zip(artifacts, pool.map(check, artifacts, chunksize=8)):
                if findings is not None:
                    yield tool, artifact.id, findings
    files = [commands.Files(artifact, folder) for artifact in artifacts]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for tool, checks in (("openssl", commands.OPENSSL), ("certtool", commands.CERTTOOL)):
            judged = pool.map(lambda a, f, c=checks: c[a.kind](a, f), artifacts, files)
            for artifact, findings in zip(artifacts, judged):
                yield tool, artifact.id, findings


def judge_all(artifacts, judge, folder, report):
    wrong = {control.artifact.id: control for control in controls(artifacts)}
    everything = [*artifacts, *(control.artifact for control in wrong.values())]
    for tool, name, findings in verdicts(everything, judge, folder):
        if name not in wrong:
            report.add(tool, name, findings)
        elif tool in wrong[name].tools:
            report.add("controls", f"{name} by {tool}", [] if findings else ["was not found"])
    for name, finding in rfc5280.judge_together(artifacts):
        report.add("cryptography", name, [finding])


def issue(keys, cas, leaves):
    with tempfile.TemporaryDirectory(prefix="certmill-lint-") as folder, Kafka(f"{folder}/kafka") as kafka:
        cluster = Cluster(kafka, folder)
        try:
            cluster.start()
            issuance = Issuance(cluster.client, keys, cas, leaves)
            artifacts = issuance.run()
            cluster.finish()
            return artifacts, issuance.refused
        except AssertionError:
            print(cluster.logs(), file=sys.stderr)
            raise
        finally:
            cluster.abandon()


def switched_on(features):
    """The CAs and leaves of which the build has everything; of the others the ids, with what they lack."""
    cas = {ca.id: ca for ca in spread.CAS}
    lacking = {entry.id: missing(features, entry, cas) for entry in [*spread.CAS, *spread.LEAVES]}
    off = {name: lacks for name, lacks in lacking.items() if lacks}
    return [ca for ca in spread.CAS if ca.id not in off], [leaf for leaf in spread.LEAVES if leaf.id not in off], off


def main():
    parser = argparse.ArgumentParser(description="Lints what certmill issues.")
    parser.add_argument("keys", type=Path)
    parser.add_argument("judge", type=Path)
    parser.add_argument("--keep", type=Path, help="leave the artifacts as PEM files in this folder")
    arguments = parser.parse_args()
    began = time.monotonic()
    cas, leaves, off = switched_on(Features.of(PROGRAMS / "certmill-worker"))
    artifacts, refused = issue(Keys(arguments.keys), cas, leaves)
    kinds = Counter(artifact.kind for artifact in artifacts)
    print(
        f"issued in {time.monotonic() - began:.0f} s:",
        ", ".join(f"{n} of {kind}" for kind, n in kinds.items()),
        flush=True,
    )
    report = Report()
    for name, why in refused.items():
        report.add("certmill", name, [f"was refused: {why}"])
    with tempfile.TemporaryDirectory(prefix="certmill-lint-") as folder:
        if arguments.keep:
            arguments.keep.mkdir(parents=True, exist_ok=True)
        judge_all(artifacts, arguments.judge, arguments.keep or Path(folder), report)
    print(f"judged after {time.monotonic() - began:.0f} s")
    report.add("spread", "size", [] if len(artifacts) >= LEAST else [f"{len(artifacts)} artifacts, fewer than {LEAST}"])
    for what, entries in Counter(lack for lacks in off.values() for lack in dict.fromkeys(lacks)).most_common():
        print(f"off for want of {what}: {entries} entries")
    return report.close(len(off))


if __name__ == "__main__":
    sys.exit(main())
