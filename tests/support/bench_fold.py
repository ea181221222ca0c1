"""How long a fold takes, on a Kafka and a Redis of its own: bench_fold.py [--certificates N] [--revocations N] [--claims N].

The topics are filled with records as workers write them, in transactions, but with certificates that nobody signed: a fold
does not look into them. Then `certmill-worker rebuild` runs on an empty Redis. Beside it stands what no fold can avoid: kcat
reading the same topic, and redis-cli --pipe writing the same rows, with no lock and nothing decoded.
"""

import argparse
import os
import random
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgpack
import redis
from confluent_kafka import Producer

from cluster import PROGRAMS, Cluster
from engines import Kafka

DAY = 24 * 3600
TRANSACTION = 2000
BATCH = 500  # requests in a record of `.audit`
# what differs between the records, with the place that it has in a template
SERIAL, SIGNED, REQUEST, EXPIRES = b"\x11" * 20, b"\x22" * 160, b"r" * 36, b"\xee" * 4
ISSUER = "968f70cdc46bab143cc64485c899eb4e"


def template(record):
    """The packed record, as a %-format of what differs."""
    packed = msgpack.packb(record).replace(b"%", b"%%")
    for name, mark in ((b"serial", SERIAL), (b"signed", SIGNED), (b"request", REQUEST), (b"expires", EXPIRES)):
        packed = packed.replace(mark, b"%%(%b)b" % name)
    return packed


def templates(now):
    """Of `.certs` and of `.revoked`. A P-256 certificate has 440 octets, of which 160 are keys, identifiers and signature."""
    body = random.Random(0).randbytes(260)
    common = {"v": 1, "serial": SERIAL, "mount": "pki", "issuer": ISSUER, "request": REQUEST.decode()}
    common["not_after"] = int.from_bytes(EXPIRES, "big")
    certificate = {"role": "web", "certificate": body + SERIAL + SIGNED, "not_before": now, "issued": now * 1000}
    certificate |= {"source": "certmill.issue/2/1234567", "lease": 30 * DAY, "no_store": False}
    return template(common | certificate), template(common | {"date": now, "reason": 1})


def records(count, now):
    """(serial in hex, expiry, certificate record, revocation record) of each, the same every time; expiries in no order."""
    certificate, revoked = templates(now)
    draw = random.Random(count)
    noise = draw.randbytes(1 << 20)
    for _ in range(count):
        serial = draw.randbytes(20)
        text = serial.hex()
        expires = now + DAY + int(draw.random() * 365 * DAY)
        at = int.from_bytes(serial[:3], "big") % (len(noise) - len(SIGNED))
        values = {b"serial": serial, b"signed": noise[at : at + len(SIGNED)], b"request": text[:36].encode()}
        values[b"expires"] = struct.pack(">I", expires)
        yield text, expires, certificate % values, revoked % values


def entry_template(now):
    """Of one request in `.audit`, as an issue has it."""
    outcome = {"issuer": ISSUER, "serial": SERIAL, "not_after": int.from_bytes(EXPIRES, "big")}
    entry = {"offset": 1234567, "timestamp": now * 1000, "id": REQUEST.decode(), "op": "issue", "mount": "pki", "role": "web"}
    entry |= {"result": "ok", "hash": bytes(32), "reply_to": "certmill.responses", "outcome": outcome}
    return template(entry)


def audit_record(entries, sequence, now):
    head = {"v": 1, "sequence": sequence, "previous": bytes(32), "at": now * 1000, "worker": "w0/mint-0", "state_offset": 5, "entries": []}
    return msgpack.packb(head)[:-1] + struct.pack(">BH", 0xDC, len(entries)) + b"".join(entries)  # an array behind the last name


# ---- the topics ----


def fill(cluster, wanted, now):
    producer = Producer(
        {
            "bootstrap.servers": cluster.kafka.address,
            "transactional.id": "bench-fold",
            "partitioner": "murmur2_random",
            "compression.codec": "snappy",
            "linger.ms": 5,
            "queue.buffering.max.messages": 3 * TRANSACTION,
        }
    )
    certs, revoked, audit = (f"{cluster.prefix}.{kind}" for kind in ("certs", "revoked", "audit"))
    entry, entries = entry_template(now), []
    producer.init_transactions(30)
    producer.begin_transaction()
    for i, (serial, expires, certificate, revocation) in enumerate(records(wanted.certificates, now)):
        key = f"pki/{serial}".encode()
        if i < wanted.claims:
            values = {b"serial": bytes.fromhex(serial), b"request": serial[:36].encode(), b"expires": struct.pack(">I", expires)}
            entries.append(entry % values)
        producer.produce(certs, certificate, key)
        if i < wanted.revocations:
            producer.produce(revoked, revocation, key)
        if len(entries) == BATCH or (entries and i == wanted.certificates - 1):
            producer.produce(audit, audit_record(entries, i // BATCH + 1, now), f"{cluster.prefix}.issue/{i // BATCH % 6}".encode())
            entries.clear()
        if i % TRANSACTION == TRANSACTION - 1:
            producer.commit_transaction(60)
            producer.begin_transaction()
    producer.commit_transaction(60)


# ---- what is measured ----


class Redis:
    """The cluster's Redis: what it has spent since it was last asked."""

    def __init__(self, cluster):
        self.db = redis.Redis(port=cluster.redis.port, socket_timeout=120)
        self.since = self.cpu()

    def cpu(self):
        """Seconds of its threads and of the processes that rewrite its file."""
        info = self.db.info("cpu")
        own = info["used_cpu_user"] + info["used_cpu_sys"]
        return own, own + info["used_cpu_user_children"] + info["used_cpu_sys_children"]

    def spent(self):
        before, self.since = self.since, self.cpu()
        return [now - then for now, then in zip(self.since, before, strict=True)]

    def empty(self):
        self.db.flushall()
        self.db.config_resetstat()
        self.spent()


def run(words, **options):
    """A command to its end: the seconds it took, and its resource usage."""
    began = time.monotonic()
    child = subprocess.Popen(list(map(str, words)), **options)
    return child, began


def ended(child, began):
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{child.args[0]} ended with {child.returncode}")
    return time.monotonic() - began, usage


def line(what, count, seconds, usage, redis_cpu=None):
    own = usage.ru_utime + usage.ru_stime
    text = f"{what:18} {seconds:8.1f} s {count / seconds:10,.0f}/s   its CPU {own:7.1f} s ({own / count * 1e6:5.2f} us each)"
    if redis_cpu is not None:
        text += f"   Redis {redis_cpu[0]:7.1f} s ({redis_cpu[0] / count * 1e6:5.2f} us each), with rewrites {redis_cpu[1]:.1f} s"
    print(text, flush=True)


def fold(cluster, server, wanted, what="fold"):
    count = wanted.certificates + wanted.revocations + wanted.claims
    words = [*wanted.under.split(), PROGRAMS / "certmill-worker", "rebuild", "--config", cluster.config]
    seconds, usage = ended(*run(words))
    spent = server.spent()
    line(what, count, seconds, usage, spent)
    memory = server.db.info("memory")
    print(f"{'':18} memory: worker {usage.ru_maxrss >> 10} MiB, Redis {memory['used_memory_peak'] >> 20} MiB at the most")
    return seconds / count, spent[0] / count


def check(server, wanted, now):
    """Every row stands, expires and is revoked as it should."""
    db = server.db
    assert db.zcard("cm:idx:pki") == wanted.certificates
    assert (db.get("cm:view"), db.get("cm:fold")) == (b"ready", None)
    assert sum(1 for _ in db.scan_iter("cm:req:*", count=10000)) == wanted.claims
    assert (int(db.get("cm:n:pki:issued")), int(db.get("cm:n:pki:revoked") or 0)) == (wanted.certificates, wanted.revocations)
    step = max(1, wanted.certificates // 1000)
    for i, (serial, expires, certificate, revoked) in enumerate(records(wanted.certificates, now)):
        if i % step == 0:
            key = f"cm:cert:pki:{serial}"
            assert db.get(key) == certificate + (revoked if i < wanted.revocations else b""), key
            assert db.pexpiretime(key) == (expires + DAY) * 1000 and db.zscore("cm:idx:pki", serial) == expires, key


def plain_read(cluster, wanted):
    words = ["kcat", "-C", "-q", "-e", "-f", "", "-b", cluster.kafka.address, "-X", "isolation.level=read_committed"]
    seconds, usage = ended(*run([*words, "-t", f"{cluster.prefix}.certs"]))
    line("plain read", wanted.certificates, seconds, usage)
    return seconds / wanted.certificates


def words_of(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


def plain_write(server, cluster, wanted, now):
    """Made beforehand, in a file."""
    count = min(wanted.certificates, wanted.plain)
    path = cluster.folder / "rows"
    with path.open("wb") as rows:
        for serial, expires, certificate, _ in records(count, now):
            at = str((expires + DAY) * 1000).encode()
            rows.write(words_of(b"SET", f"cm:cert:pki:{serial}".encode(), certificate, b"PXAT", at))
            rows.write(words_of(b"ZADD", b"cm:idx:pki", str(expires).encode(), serial.encode()))
    server.empty()
    with path.open("rb") as rows:
        seconds, usage = ended(*run(["redis-cli", "-p", cluster.redis.port, "--pipe"], stdin=rows, stdout=subprocess.DEVNULL))
    path.unlink()
    spent = server.spent()
    line("plain write", count, seconds, usage, spent)
    return seconds / count, spent[0] / count


def measure(cluster, wanted):
    now = int(time.time())
    began = time.monotonic()
    fill(cluster, wanted, now)
    print(f"{wanted.certificates} certificates, {wanted.revocations} revocations and {wanted.claims} claims, made in {time.monotonic() - began:.0f} s")
    server = Redis(cluster)
    for _ in range(wanted.times):
        print("load average %.1f %.1f %.1f" % os.getloadavg())
        server.empty()
        seconds, cpu = fold(cluster, server, wanted)
        check(server, wanted, now)
    if wanted.over:
        fold(cluster, server, wanted, "fold over it")
        check(server, wanted, now)
    if wanted.plain:
        read = plain_read(cluster, wanted)
        write, write_cpu = plain_write(server, cluster, wanted, now)
        print(
            f"a record of the fold: {seconds / (read + write):.2f} times the time of a plain read and a plain write, one after"
            f" the other; {cpu / write_cpu:.2f} times the plain write's CPU in Redis"
        )


def main():
    parser = argparse.ArgumentParser(prog="./dev bench-fold", description="How long a fold takes.")
    parser.add_argument("--certificates", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--revocations", type=int, default=100_000, metavar="N", help="of the first ones")
    parser.add_argument("--claims", type=int, default=360_000, metavar="N", help="requests of one dedup window in the audit, of the first ones")
    parser.add_argument("--times", type=int, default=1, metavar="N", help="how often")
    parser.add_argument("--over", action="store_true", help="and once more over the view that stands, which is removed first")
    parser.add_argument("--plain", type=int, default=1_000_000, metavar="N", help="rows of the plain write at the most; 0: none")
    parser.add_argument("--under", default="", metavar="COMMAND", help="runs the fold, as perf does: 'perf record -g -o FILE'")
    wanted = parser.parse_args()
    wanted.claims = min(wanted.claims, wanted.certificates)
    with tempfile.TemporaryDirectory(prefix="certmill-bench-") as folder, Kafka(f"{folder}/kafka") as kafka:
        cluster = Cluster(kafka, Path(folder) / "cluster")
        try:
            cluster.start(workers=0)
            measure(cluster, wanted)
        finally:
            cluster.abandon()


if __name__ == "__main__":
    main()
