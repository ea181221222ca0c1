"""What stands on a prefix's topics, for checker.py: everything that was committed, in memory."""

import base64
import hashlib
import re
import time
from collections import defaultdict
from dataclasses import dataclass

import msgpack
from confluent_kafka import TopicPartition
from cryptography import x509
from kafka import KafkaAdminClient
from kafka.errors import RetriableError
from kafka.partitioner.default import murmur2

from client import consumer_of, partitions_of, read_topic

REQUESTS = ("issue", "sign", "revoke", "config", "query")
LEDGER = ("certs", "revoked", "state", "crl", "audit", "rejects", "responses")
GROUPS = {"mint": ("issue", "sign"), "control": ("revoke", "config"), "query": ("query",)}
COORDINATOR_S = 60
CLOCKS_MS = 600_000  # how far the clocks of workers and brokers may differ
READ_S = 1200
FOREVER = float("inf")
# What the rules ask for, of entries and of answers. A run of hours has millions of them.
ENTRY_KEPT = {"id", "mount", "role", "offset", "timestamp", "result", "reply_to"}
OUTCOME_KEPT = {"serial", "issuer", "not_after", "revoked_at", "already", "changes"}
ANSWER_KEPT = {"id", "op", "status"}
DATA_KEPT = {"serial", "crl_number", "state"}
PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.S)


@dataclass(frozen=True)
class Violation:
    kind: str
    place: str  # topic/partition/offset
    detail: str

    def __str__(self):
        return f"{self.place} {self.kind}: {self.detail}"


@dataclass(slots=True)
class Entry:
    """One entry of .audit."""

    place: str
    order: tuple
    source: str
    source_kind: str
    partition: int  # of the source
    offset: int
    decided: bool
    written: int  # ms
    state_offset: int
    fields: dict

    @property
    def outcome(self):
        return self.fields["outcome"]

    @property
    def at(self):
        return self.fields["timestamp"]

    @property
    def result(self):
        return self.fields["result"]

    @property
    def done(self):
        return self.result == "ok"

    @property
    def revoked(self):
        """The serial number that it revoked."""
        return self.outcome.get("serial") if self.done and "revoked_at" in self.outcome else None

    @property
    def signed(self):
        """The serial number that it signed, whatever the operation's name."""
        return self.outcome.get("serial") if self.done and "revoked_at" not in self.outcome else None

    @property
    def changes(self):
        return [key for key, _ in self.outcome.get("changes") or []] if self.done else []


def part(of, kept):
    return {name: value for name, value in (of or {}).items() if name in kept}


def certificate_in(text):
    """The DER that an answer shows in any format, the first of a bundle; b"" when there is none."""
    try:
        in_pem = PEM.search(text)
        return base64.b64decode("".join(in_pem[1].split()) if in_pem else text, validate=True)
    except (TypeError, ValueError):
        return b""


def place(record):
    return f"{record.topic}/{record.partition}/{record.offset}"


def home(key, partitions):
    key = key.encode() if isinstance(key, str) else key
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def group_offsets(admin, group):
    """A coordinator that has just moved loads the group first."""
    deadline = time.monotonic() + COORDINATOR_S
    while True:
        try:
            (offsets,) = admin.list_group_offsets([group]).values()
            return offsets
        except RetriableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def positions(brokers, prefix):
    """
    {source partition: (next offset, sequence, hash)} as the groups have committed them. By a client of pure Python: librdkafka's
    bindings read past the end of the metadata.
    """
    found = {}
    admin = KafkaAdminClient(bootstrap_servers=brokers)
    try:
        for group in GROUPS:
            for at, committed in group_offsets(admin, f"{prefix}-{group}").items():
                version, _, sequence, digest = committed.metadata.split(" ")
                assert version == "1", committed.metadata
                found[f"{at.topic}/{at.partition}"] = (committed.offset, int(sequence), digest)
    finally:
        admin.close()
    return found


class Ledger:
    """Everything that was read, and what was bad in it."""

    def __init__(self, brokers, prefix):
        self.brokers, self.prefix = brokers, prefix
        self.violations = []
        self.topics, self.lows, self.ends = {}, {}, {}
        self.firsts = {}  # {topic: {partition: when its first record was written}}
        self.cut = positions(brokers, prefix)
        # what was seen on a topic is committed: its audit, which is read behind it, has its entry
        for kind in (*REQUESTS, "rejects", "certs", "crl", "state", "revoked", "audit"):
            self.read(self.name(kind))
            if kind in REQUESTS:
                for record in self.of(kind):
                    record.value = b""
        self.heads = positions(brokers, prefix)
        self.entries = list(self.read_entries())
        self.replies = self.read_replies()
        self.requests = {place(r): r for kind in REQUESTS for r in self.of(kind) if self.decided(place(r))}
        self.rejects = list(self.with_source("rejects", self.reject_source, self.of("rejects")))
        self.answers = [(source, self.shortened(r)) for source, r in self.with_source("responses", self.answer_source, self.replies)]
        self.certificates = list(self.read_certificates())

    def name(self, kind):
        return f"{self.prefix}.{kind}"

    def kind(self, topic):
        return topic.removeprefix(f"{self.prefix}.")

    def of(self, kind):
        return self.topics[self.name(kind)]

    def order(self, record):
        """A second record is one that stands behind the first: certmill's topics in their order, then the partition, the offset."""
        kinds = (*REQUESTS, *LEDGER)
        kind = self.kind(record.topic)
        return (kinds.index(kind) if kind in kinds else len(kinds), record.topic, record.partition, record.offset)

    def bad(self, kind, record, detail):
        self.violations.append(Violation(kind, place(record), detail))

    def read(self, topic):
        consumer = consumer_of(self.brokers)
        try:
            partitions = partitions_of(consumer, topic)
            marks = [consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=20) for p in partitions]
            self.lows[topic], self.ends[topic] = map(list, zip(*marks))
        finally:
            consumer.close()
        self.topics[topic] = read_topic(self.brokers, topic, READ_S)

    def reaches(self, topic, partition, at):
        """Does what is kept go back to that time, for sure?"""
        if topic not in self.lows:
            return False
        if topic not in self.firsts:
            self.firsts[topic] = {}
            for record in self.topics[topic]:
                self.firsts[topic].setdefault(record.partition, record.timestamp)
        firsts = self.firsts[topic]
        asked = range(len(self.lows[topic])) if partition is None else [partition]
        return all(self.lows[topic][p] == 0 or firsts.get(p, FOREVER) + CLOCKS_MS <= at for p in asked)

    def audit_reaches(self, at, source=None):
        topic = self.name("audit")
        return self.reaches(topic, None if source is None else home(source, len(self.lows[topic])), at)

    def decided(self, source):
        partition, _, offset = source.rpartition("/")
        return partition in self.cut and int(offset) < self.cut[partition][0]

    def is_source(self, text):
        topic, partition, offset = text.rsplit("/", 2)
        return self.kind(topic) in REQUESTS and int(partition) < len(self.lows[topic]) and int(offset) >= 0

    def read_entries(self):
        for record in self.of("audit"):
            try:
                source = record.key.decode()
                assert self.is_source(f"{source}/0")
                body = record.body()
                entries = [
                    Entry(
                        place(record),
                        self.order(record),
                        f"{source}/{fields['offset']}",
                        self.kind(source.rpartition("/")[0]),
                        int(source.rpartition("/")[2]),
                        fields["offset"],
                        self.decided(f"{source}/{fields['offset']}"),
                        body["at"],
                        body["state_offset"],
                        {**part(fields, ENTRY_KEPT), "outcome": part(fields.get("outcome"), OUTCOME_KEPT)},
                    )
                    for fields in body["entries"]
                ]
            except (ValueError, KeyError, TypeError, AttributeError, AssertionError, msgpack.UnpackException) as e:
                self.bad("malformed", record, repr(e))
            else:
                yield from entries

    def read_replies(self):
        names = [self.name("responses")]
        for entry in self.entries:
            if entry.fields.get("reply_to") not in (None, *names):
                names.append(entry.fields["reply_to"])
        found = []
        consumer = consumer_of(self.brokers)
        known = consumer.list_topics(timeout=20).topics
        consumer.close()
        for topic in names:
            if topic in known:
                self.read(topic)
                found += self.topics[topic]
        return found

    def reject_source(self, record):
        return "/".join(record.header(n).decode() for n in ("topic", "partition", "offset"))

    def answer_source(self, record):
        return record.header("source").decode()

    def with_source(self, what, source_of, records):
        """(source, record) of what was decided."""
        for record in records:
            try:
                source = source_of(record)
                assert self.is_source(source)
                assert what != "responses" or not self.decided(source) or record.body()["status"]
            except (ValueError, KeyError, TypeError, AttributeError, AssertionError, msgpack.UnpackException) as e:
                self.bad("malformed", record, repr(e))
            else:
                if self.decided(source):
                    yield source, record

    @staticmethod
    def shortened(answer):
        body = answer.body()
        data = part(body.get("data"), DATA_KEPT)
        if "serial" in data:
            data["shown"] = hashlib.sha256(certificate_in(body["data"].get("certificate"))).digest()
        kept = {**part(body, ANSWER_KEPT), "data": data, "code": (body.get("error") or {}).get("code")}
        answer.value = msgpack.packb(kept)
        return answer

    def read_certificates(self):
        """(source, body, record) of what was decided."""
        for record in self.of("certs"):
            try:
                body = record.body()
                assert self.is_source(body["source"]) and body["request"] and body["issuer"]
                der = body.pop("certificate")
                serial = x509.load_der_x509_certificate(der).serial_number
            except (ValueError, KeyError, TypeError, AttributeError, AssertionError, msgpack.UnpackException) as e:
                self.bad("malformed", record, repr(e))
                continue
            record.value = b""
            body["shown"] = hashlib.sha256(der).digest()
            if self.decided(body["source"]):
                if serial != int.from_bytes(body["serial"], "big"):
                    self.bad("certificate_differs", record, "the certificate has another serial number than its record")
                yield body["source"], body, record


def grouped(pairs):
    groups = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return groups
