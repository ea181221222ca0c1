"""Whether a run kept the promises: the clients' books, the CRLs and rejects beside them, and both checkers."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgpack
from cryptography import x509

from client import read_topic
from cluster import PROGRAMS
from ledger import REQUESTS, home

HERE = Path(__file__).resolve().parent
CHECK_S = 3600
READ_S = 1200
SAID = 15  # lines of each verdict


def crl_entries(fleet):
    """{mount: serial numbers of every current CRL of it}."""
    last = {record.key.decode(): record.value for record in read_topic(fleet.kafka.address, f"{fleet.prefix}.crl", READ_S)}
    entries = {}
    for key, der in last.items():
        if der is not None:
            crl = x509.load_der_x509_crl(der)
            entries.setdefault(key.split("/")[0], set()).update(entry.serial_number for entry in crl)
    return entries


def revocations_stand(fleet, books):
    entries = crl_entries(fleet)
    for book in books:
        for mount, serial in book["revoked"]:
            if int(serial.replace(":", ""), 16) not in entries.get(mount, ()):
                yield f"{serial} of {mount} was answered to be revoked and is on no CRL"


def garbage_is_rejected(fleet, books):
    rejects = {}
    for record in read_topic(fleet.kafka.address, f"{fleet.prefix}.rejects", READ_S):
        source = tuple(record.header(name).decode() for name in ("topic", "partition", "offset"))
        rejects[source] = rejects.get(source, 0) + 1
    for source, count in rejects.items():
        if count > 1:
            yield f"{'/'.join(source)} was rejected {count} times"
    for book in books:
        for topic, partition, offset in book["garbage"]:
            if (topic, str(partition), str(offset)) not in rejects:
                yield f"{topic}/{partition}/{offset} is garbage and was not rejected"


def copies_at_home(fleet):
    """{id: how many messages ask for it, each counted where it is decided}."""
    copies = Counter()
    for kind in REQUESTS:
        records = read_topic(fleet.kafka.address, f"{fleet.prefix}.{kind}", READ_S)
        partitions = fleet.partitions(kind)
        for record in records:
            try:
                body = record.body()
                request_id, mount = body["id"], body.get("mount", "pki")
            except (ValueError, KeyError, TypeError, AttributeError, msgpack.UnpackException):
                continue
            key = mount if kind in ("revoke", "config") else request_id
            copies[request_id] += kind == "query" or home(key, partitions) == record.partition
    return copies


def each_copy_is_answered(fleet, books):
    copies = copies_at_home(fleet)
    for book in books:
        for request_id, (acked, answers) in book["requests"].items():
            if answers != copies[request_id]:
                yield f"client {book['name']}: {request_id} was asked for {copies[request_id]} times and got {answers} answers"
            if copies[request_id] < acked:
                yield f"client {book['name']}: {request_id} was taken by a broker {acked} times and stands there {copies[request_id]} times"


def ledger_verdict(fleet, books):
    """Lines, empty when the books agree."""
    lines = [f"client {book['name']}: {problem}" for book in books for problem in book["problems"]]
    lines += each_copy_is_answered(fleet, books)
    return lines + list(revocations_stand(fleet, books)) + list(garbage_is_rejected(fleet, books))


def checker_verdicts(fleet):
    """{name: (kept?, lines)} of `certmill audit verify` and of checker.py, which run side by side."""
    words = {
        "certmill audit verify": [str(PROGRAMS / "certmill"), "audit", "verify", "-timeout=30m"],
        "checker.py": [sys.executable, str(HERE / "checker.py"), fleet.kafka.address, fleet.prefix],
    }
    environment = {**os.environ, **fleet.client_environment()}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "stdin": subprocess.DEVNULL}
    running = {name: subprocess.Popen(argv, env=environment, **pipes) for name, argv in words.items()}
    verdicts = {}
    try:
        for name, process in running.items():
            out, err = process.communicate(timeout=CHECK_S)
            verdicts[name] = (process.returncode == 0, (out if process.returncode in (0, 5) else out + err).splitlines())
    finally:
        for process in running.values():
            process.kill()
    return verdicts


def say(name, kept, lines):
    print(f"{name}: {'kept' if kept else 'BROKEN'}")
    for line in lines[:SAID] if not kept else lines[-1:]:
        print(f"    {line}")
    if not kept and len(lines) > SAID:
        print(f"    and {len(lines) - SAID} more")
