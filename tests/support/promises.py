"""Both checkers of the promises, `certmill audit verify` and tests/fault/checker.py, on one cluster."""

import json

import checker

VIOLATED = 5  # exit status


def command_finds(cluster, *options):
    """({(kind, place)}, the summary) of `certmill audit verify`."""
    done = cluster.certmill("audit", "verify", "-format=json", *options, timeout=120)
    assert done.returncode in (0, VIOLATED), f"certmill audit verify ended with {done.returncode}:\n{done.stderr}"
    *lines, summary = map(json.loads, done.stdout.splitlines())
    assert (done.returncode == VIOLATED) == bool(lines) and summary["violations"] == len(lines), done.stdout
    return {(v["violation"], f"{v['topic']}/{v['partition']}/{v['offset']}") for v in lines}, summary


def found(cluster, *options):
    """{(kind, place)}, of which both must be of one mind."""
    others = checker.check(cluster.kafka.address, cluster.prefix)
    lines, _ = command_finds(cluster, *options)
    theirs = {(v.kind, v.place) for v in others}
    said = "\n".join(map(str, others))
    assert lines == theirs, f"only the command: {lines - theirs}\nonly the checker: {theirs - lines}\n{said}"
    return lines


def verify(cluster):
    """Every promise was kept. Only for a cluster that is at rest."""
    violations = found(cluster)
    assert not violations, "\n".join(f"{place} {kind}" for kind, place in sorted(violations))
