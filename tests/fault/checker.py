#!/usr/bin/env python3
"""The promises, checked from the topics alone: what a reader of committed messages can see of a run.

The second opinion beside `certmill audit verify`: the same rules (docs/operations.md, "Checking the promises"), no code in
common, everything in memory. What is asked is settled by the cut, the committed offsets before anything was read.

    checker.py BROKERS PREFIX [--dedup-window SECONDS]     prints a line a violation; status 5 when there is one
"""

import argparse
import hashlib
import sys
from collections import defaultdict
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import msgpack
from confluent_kafka import TopicPartition
from cryptography import x509
from kafka import KafkaAdminClient
from kafka.partitioner.default import murmur2

from client import consumer_of, partitions_of, read_topic

REQUESTS = ("issue", "sign", "revoke", "config", "query")
LEDGER = ("certs", "revoked", "state", "crl", "audit", "rejects", "responses")
GROUPS = {"mint": ("issue", "sign"), "control": ("revoke", "config"), "query": ("query",)}
CLOCKS_MS = 600_000  # how far the clocks of workers and brokers may differ
FOREVER = float("inf")


@dataclass(frozen=True)
class Violation:
    kind: str
    place: str  # topic/partition/offset
    detail: str

    def __str__(self):
        return f"{self.place} {self.kind}: {self.detail}"


@dataclass
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
        return self.fields.get("outcome") or {}

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


def place(record):
    return f"{record.topic}/{record.partition}/{record.offset}"


def home(key, partitions):
    key = key.encode() if isinstance(key, str) else key
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def positions(brokers, prefix):
    """
    {source partition: (next offset, sequence, hash)} as the groups have committed them. By a client of pure Python: librdkafka's
    bindings read past the end of the metadata.
    """
    found = {}
    admin = KafkaAdminClient(bootstrap_servers=brokers)
    try:
        for group in GROUPS:
            (offsets,) = admin.list_group_offsets([f"{prefix}-{group}"]).values()
            for at, committed in offsets.items():
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
        self.topics, self.lows, self.counts = {}, {}, {}
        self.cut = positions(brokers, prefix)
        # what was seen on a topic is committed: its audit, which is read behind it, has its entry
        for kind in (*REQUESTS, "rejects", "certs", "crl", "state", "revoked", "audit"):
            self.read(self.name(kind))
        self.heads = positions(brokers, prefix)
        self.entries = list(self.read_entries())
        self.replies = self.read_replies()
        self.requests = {place(r): r for kind in REQUESTS for r in self.of(kind) if self.decided(place(r))}
        self.rejects = list(self.with_source("rejects", self.reject_source, self.of("rejects")))
        self.answers = list(self.with_source("responses", self.answer_source, self.replies))
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
            self.lows[topic] = [consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=20)[0] for p in partitions]
        finally:
            consumer.close()
        self.topics[topic] = read_topic(self.brokers, topic)

    def reaches(self, topic, partition, at):
        """Does what is kept go back to that time, for sure?"""
        if topic not in self.lows:
            return False
        firsts = {}
        for record in self.topics[topic]:
            firsts.setdefault(record.partition, record.timestamp)
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
                        fields,
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

    def read_certificates(self):
        """(source, body, record) of what was decided."""
        for record in self.of("certs"):
            try:
                body = record.body()
                assert self.is_source(body["source"]) and body["request"] and body["issuer"]
                serial = x509.load_der_x509_certificate(body["certificate"]).serial_number
            except (ValueError, KeyError, TypeError, AttributeError, AssertionError, msgpack.UnpackException) as e:
                self.bad("malformed", record, repr(e))
                continue
            if self.decided(body["source"]):
                if serial != int.from_bytes(body["serial"], "big"):
                    self.bad("certificate_differs", record, "the certificate has another serial number than its record")
                yield body["source"], body, record


def check(brokers, prefix, dedup_window=3600):
    """A list of violations; empty when every promise was kept."""
    ledger = Ledger(brokers, prefix)
    crls = Crls(ledger)
    rules = (
        requests_are_answered(ledger),
        certificates_are_audited(ledger),
        ids_have_one_certificate(ledger, dedup_window * 1000),
        configuration_was_there(ledger),
        chains_are_whole(ledger),
        revocations_are_listed(ledger, crls),
    )
    found = [violation for rule in rules for violation in rule]
    return sorted({*ledger.violations, *found}, key=lambda v: (v.kind, v.place, v.detail))


# ---- requests ----


def grouped(pairs):
    groups = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return groups


def answer_names(record, source_kind):
    """The certificate that an answer says its request made."""
    body = record.body()
    if body["status"] != "ok" or source_kind in ("query", "revoke"):
        return None
    serial = (body.get("data") or {}).get("serial")
    return bytes.fromhex(serial.replace(":", "")) if serial else None


def is_replay(record):
    return record.header("replayed") == b"1"


def requests_are_answered(ledger):
    """One answer or one .rejects record for each request message at its home; one reroute record for the others."""
    entries = grouped((e.source, e) for e in ledger.entries if e.decided)
    answers = grouped(ledger.answers)
    rejects = grouped(ledger.rejects)
    made = grouped((source, (body, record)) for source, body, record in ledger.certificates)
    for source in {*ledger.requests, *entries, *answers, *rejects}:
        of = sorted(entries[source], key=lambda e: e.order)
        yield from entries_are_right(ledger, source, of)
        entry = of[0] if of else None
        answered = sorted(answers[source], key=ledger.order)
        rejected = sorted(rejects[source], key=ledger.order)
        for record in answered[1:] + rejected[1:]:
            yield Violation("answered_twice", place(record), f"request {source} was answered before")
        yield from answers_are_expected(ledger, source, entry, answered, rejected)
        yield from answer_is_there(ledger, source, entry, answered, rejected)
        for body, record in made[source]:
            if entry and entry.signed and entry.signed != body["serial"]:
                yield Violation("certificate_differs", place(record), f"the audit names another certificate for {source}")


def entries_are_right(ledger, source, entries):
    for entry in entries[1:]:
        yield Violation("audited_twice", entry.place, f"request {source} has an entry already")
    for entry in entries:
        key = entry.fields.get("mount" if entry.source_kind in ("revoke", "config") else "id")
        if entry.source_kind == "query" or key is None:
            continue
        at_home = home(key, len(ledger.lows[ledger.name(entry.source_kind)])) == entry.partition
        rerouted = entry.result == "rerouted"
        if at_home == rerouted and (rerouted or entry.result in ("ok", "replayed")):
            yield Violation("not_at_home", entry.place, f"request {source}")


def answers_are_expected(ledger, source, entry, answered, rejected):
    if entry and entry.result == "rerouted":
        for record in answered + rejected[:1]:
            yield Violation("answer_unexpected", place(record), f"request {source} was sent on")
        return
    for record in answered:
        known = source in ledger.requests or not ledger.audit_reaches(record.timestamp)
        if (entry and entry.result == "rejected") or (not entry and not known):
            yield Violation("answer_unexpected", place(record), f"the audit has no answered request {source}")
        elif entry and not is_replay(record) and entry.source_kind != "revoke":
            if answer_names(record, entry.source_kind) != entry.signed:
                yield Violation("certificate_differs", place(record), f"the audit names another certificate for {source}")


def answer_is_there(ledger, source, entry, answered, rejected):
    request = ledger.requests.get(source)
    if not request and not entry:
        return
    at = request.timestamp if request else entry.at
    if not entry and ledger.audit_reaches(at):
        yield Violation("not_audited", source, "no entry in .audit is about it")
    result = entry.result if entry else None
    if result == "rerouted" or rejected or (answered and result != "rejected"):
        return
    topic, partition = ledger.name("responses"), None
    if result == "rejected":
        topic = ledger.name("rejects")
    elif entry:
        topic = entry.fields.get("reply_to") or topic
        if topic in ledger.lows and not (request and request.header("kafka_replyPartition") is not None):
            partition = home(entry.fields["id"], len(ledger.lows[topic]))
    if ledger.reaches(topic, partition, at):
        yield Violation("unanswered", source, "it has neither an answer nor a record in .rejects")


# ---- certificates ----


def certificates_are_audited(ledger):
    """Each certificate once in .certs and once in .audit."""
    recorded = grouped(((body["issuer"], body["serial"]), (body, record)) for _, body, record in ledger.certificates)
    audited = grouped(((e.outcome.get("issuer"), e.signed), e) for e in ledger.entries if e.decided and e.signed)
    for key in {*recorded, *audited}:
        records = sorted(recorded[key], key=lambda pair: ledger.order(pair[1]))
        entries = sorted(audited[key], key=lambda e: e.order)
        for _, record in records[1:]:
            yield Violation("duplicate_serial", place(record), f"serial number {key[1].hex()}")
        for entry in entries[1:]:
            yield Violation("audited_twice", entry.place, f"serial number {key[1].hex()}")
        if not entries:
            body, record = records[0]
            if ledger.audit_reaches(body["issued"], body["source"].rpartition("/")[0]):
                yield Violation("certificate_not_audited", place(record), f"serial number {key[1].hex()}")
        if not records:
            topic = ledger.name("certs")
            partition = home(f"{entries[0].fields['mount']}/{key[1].hex()}", len(ledger.lows[topic]))
            if ledger.reaches(topic, partition, entries[0].at):
                yield Violation("certificate_missing", entries[0].place, f"serial number {key[1].hex()}")


def ids_have_one_certificate(ledger, window):
    """No id has two certificates within the dedup window, and a replay brings one that was made under its id."""
    made = defaultdict(dict)  # {(topic, id): {serial: [request's time, decided, order, place]}}
    for entry in sorted(ledger.entries, key=lambda e: e.order):
        if entry.decided and entry.signed:
            at = [entry.at, entry.written, entry.order, entry.place]
            made[entry.source_kind, entry.fields["id"]].setdefault(entry.signed, at)
    for source, body, record in sorted(ledger.certificates, key=lambda c: ledger.order(c[2])):
        of = made[ledger.kind(source.rsplit("/", 2)[0]), body["request"]]
        of.setdefault(body["serial"], [body["issued"], body["issued"], None, None])[2:] = [ledger.order(record), place(record)]
    for (_, request_id), of in made.items():
        certificates = sorted(of.values(), key=lambda c: (c[1], c[2]))
        for i, (_, decided, _, where) in enumerate(certificates):
            if any(decided - earlier[0] < window for earlier in certificates[:i]):
                yield Violation("two_certificates", where, f"id {request_id} has a certificate already")
    for source, record in ledger.answers:
        kind = ledger.kind(source.rsplit("/", 2)[0])
        serial = answer_names(record, kind)
        of = made.get((kind, record.body()["id"]))
        if is_replay(record) and serial and of and serial not in of:
            yield Violation("certificate_differs", place(record), "it replays what was not made under its id")


# ---- configuration ----


def configuration_was_there(ledger):
    """What a certificate was signed under stood in .state at the offset that decided, as far as a compacted topic tells."""
    state = grouped((r.key.decode(), (r.offset, r.value is not None)) for r in ledger.of("state"))
    changed = {}
    for entry in ledger.entries:
        for key in entry.changes if entry.decided else []:
            changed[key] = min(entry.state_offset, changed.get(key, entry.state_offset))
    whole = ledger.audit_reaches(-FOREVER)
    for entry in ledger.entries:
        if not entry.decided or not entry.signed:
            continue
        mount, role = entry.fields["mount"], entry.fields.get("role")
        keys = {f"mount/{mount}/", f"issuer/{mount}/{entry.outcome['issuer']}"}
        if role and entry.source_kind in ("issue", "sign"):
            keys.add(f"role/{mount}/{role}")
        for key in keys - set(entry.changes):
            before = [held for offset, held in sorted(state[key]) if offset <= entry.state_offset]
            if before:
                missing = not before[-1] and len(before) == len(state[key])
            else:
                missing = whole and not changed.get(key, FOREVER) < entry.state_offset
            if missing:
                yield Violation("unknown_configuration", entry.place, f"{key} was not in .state at {entry.state_offset}")


# ---- chains ----


def chains_are_whole(ledger):
    last = {}  # {source: (sequence, hash, place)}
    flagged = set()
    low = ledger.lows[ledger.name("audit")]
    for record in ledger.of("audit"):
        try:
            source, body = record.key.decode(), record.body()
            sequence, previous = body["sequence"], body["previous"].hex()
        except (ValueError, KeyError, TypeError, AttributeError, msgpack.UnpackException):
            continue  # malformed, and said
        if source not in ledger.cut:
            continue
        before = last.get(source, (0, "0" * 64) if low[record.partition] == 0 else None)
        if before and (sequence != before[0] + 1 or previous != before[1]):
            yield Violation("chain_broken", place(record), f"the chain of {source} breaks at sequence {sequence}")
        last[source] = (sequence, hashlib.sha256(record.value).hexdigest(), place(record))
        if sequence == ledger.cut[source][1] and last[source][1] != ledger.cut[source][2]:
            flagged.add(source)
            yield Violation("head_differs", place(record), "the committed head has another hash")
    for source, (offset, sequence, _) in ledger.cut.items():
        if source in flagged:
            continue
        now = ledger.heads[source]
        if source not in last:
            if sequence > 0 and not any(low):
                yield Violation("head_differs", f"{source}/{offset}", f"the head is at {sequence}, there is no record")
        elif last[source][0] < sequence or last[source][0] > now[1] or (last[source][0] == now[1] and last[source][1] != now[2]):
            yield Violation("head_differs", last[source][2], f"the chain ends at {last[source][0]}, the head is at {now[1]}")


# ---- CRLs ----


@dataclass
class Page:
    """One CRL that is in order by itself."""

    place: str
    number: int
    this_update: int  # seconds
    serials: set


class Crls:
    """{mount/issuer/shard: the pages} and what is wrong with the CRLs that are none."""

    def __init__(self, ledger):
        self.ledger = ledger
        self.issuers = {}
        self.pages = defaultdict(list)
        self.deleted = set()
        for record in ledger.of("state"):
            if record.key.startswith(b"issuer/") and record.value is not None:
                der = record.body()["certificate"]
                self.issuers[hashlib.sha256(der).hexdigest()[:32]] = x509.load_der_x509_certificate(der)
        for record in ledger.of("crl"):
            self.take(record)

    def take(self, record):
        key = record.key.decode()
        self.deleted.discard(key)
        if record.value is None:
            self.deleted.add(key)
            return
        page = self.page_of(record)
        if page is None or not self.is_signed(record, key):
            return
        last = self.pages[key][-1] if self.pages[key] else None
        if last and (page.number <= last.number or page.this_update < last.this_update):
            self.ledger.bad("crl_not_rising", record, f"{key}: number {page.number} after {last.number}")
            return
        self.pages[key].append(page)

    def page_of(self, record):
        try:
            crl = x509.load_der_x509_crl(record.value)
            number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
            this_update = int(crl.last_update_utc.timestamp())
            serials = [entry.serial_number for entry in crl]
            assert len(set(serials)) == len(serials), "a serial number stands twice"
            assert record.header("number") == b"%d" % number, "another number in its header"
            assert record.header("this_update") == b"%d" % this_update, "another thisUpdate in its header"
            assert record.header("sha256").decode() == hashlib.sha256(record.value).hexdigest(), "another hash in its header"
        except (ValueError, AttributeError, AssertionError, x509.ExtensionNotFound) as e:
            self.ledger.bad("crl_invalid", record, repr(e))
            return None
        return Page(place(record), number, this_update, set(serials))

    def is_signed(self, record, key):
        crl = x509.load_der_x509_crl(record.value)
        issuer = self.issuers.get(key.split("/")[1])
        if issuer and crl.issuer == issuer.subject and crl.is_signature_valid(issuer.public_key()):
            return True
        self.ledger.bad("crl_signature", record, f"{key}: not signed by its issuer")
        return False


@dataclass
class Revocation:
    """What is known of one mount's serial number."""

    record: object = None  # the last of .revoked, a tombstone too
    body: dict = None
    entry: Entry = None
    number: int = None  # of the CRL that an answer named
    key: str = None  # of its issuer's CRLs

    @property
    def not_after(self):
        if self.entry and "not_after" in self.entry.outcome:
            return self.entry.outcome["not_after"]
        return self.body["not_after"] if self.body else FOREVER

    @property
    def recorded(self):
        return self.record is not None and self.record.value is not None

    @property
    def decided(self):
        return self.entry is not None and self.entry.decided

    def may_have_left(self, pages, i):
        known = i > 0 and pages[i - 1].number + 1 == pages[i].number
        return self.not_after < pages[i - 1 if known else i].this_update


def revocations_of(ledger, crls):
    """{(mount, serial): what is known of it}"""
    found = defaultdict(Revocation)
    for record in ledger.of("revoked"):
        try:
            mount, _, serial = record.key.decode().rpartition("/")
            body = None if record.value is None else record.body()
            assert body is None or (body["mount"], body["serial"].hex()) == (mount, serial), "its key names another"
            issuer = body and (body["issuer"], body["not_after"], body["date"])[0]
        except (ValueError, KeyError, TypeError, AttributeError, AssertionError, msgpack.UnpackException) as e:
            ledger.bad("malformed", record, repr(e))
            continue
        r = found[mount, bytes.fromhex(serial)]
        r.record = record
        if body is not None:
            r.body, r.key = body, f"{mount}/{issuer}/0"
    confirmed = {
        source: record.body()["data"]["crl_number"]
        for source, record in sorted(ledger.answers, key=lambda pair: ledger.order(pair[1]), reverse=True)
        if record.body()["op"] == "revoke" and "crl_number" in (record.body().get("data") or {})
    }
    for entry in sorted(ledger.entries, key=lambda e: e.order):
        if entry.revoked:
            r = found[entry.fields["mount"], entry.revoked]
            if not entry.outcome.get("already"):
                r.entry = r.entry or entry
                r.key = f"{entry.fields['mount']}/{entry.outcome['issuer']}/0"
            if entry.decided and entry.source in confirmed:
                r.number = min(confirmed[entry.source], r.number or FOREVER)
    for key, pages in crls.pages.items():
        for serial in set().union(*(page.serials for page in pages)):
            octets = serial.to_bytes(serial.bit_length() // 8 + 1, "big")
            r = found[key.split("/")[0], octets]
            r.key = r.key or key
    return found


def revocations_are_listed(ledger, crls):
    """In .revoked, in .audit, and on every CRL that was made after the answer until it may leave."""
    for (_, serial), r in revocations_of(ledger, crls).items():
        if r.key is None:
            continue  # all that is left is a tombstone
        pages = crls.pages[r.key]
        yield from revocation_is_recorded(ledger, crls, r, pages)
        if not pages:
            continue
        number = int.from_bytes(serial, "big")
        due = first_due(ledger, r, pages)
        for listed, run in groupby(range(len(pages)), key=lambda i: number in pages[i].serials):
            run = list(run)
            if listed:
                late = [i for i in run if i > 0 and r.not_after < pages[i - 1].this_update][:1]
                yield from (Violation("crl_expired_entry", pages[i].place, f"{serial.hex()}") for i in late)
            else:
                lacking = [i for i in run if i >= due][:1]
                yield from (
                    Violation("crl_incomplete", pages[i].place, f"{serial.hex()}") for i in lacking if not r.may_have_left(pages, i)
                )
        leaves = r.record is not None and (r.not_after == FOREVER or r.not_after < pages[-1].this_update)
        if number in pages[-1].serials and not r.recorded and not leaves:
            yield Violation("crl_unrecorded_entry", pages[-1].place, f"{serial.hex()} is not in .revoked")


def revocation_is_recorded(ledger, crls, r, pages):
    if r.recorded and not r.entry and ledger.audit_reaches(r.body["date"] * 1000):
        yield Violation("revocation_not_audited", place(r.record), "no entry of .audit accounts for it")
    if r.decided and r.record is None and not (pages and r.not_after < pages[-1].this_update):
        yield Violation("revocation_missing", r.entry.place, f".revoked lacks {r.entry.revoked.hex()}")
    if not pages and r.key not in crls.deleted and (r.decided or (r.recorded and not r.entry)):
        yield Violation("crl_incomplete", r.entry.place if r.decided else place(r.record), "its issuer has no CRL")


def first_due(ledger, r, pages):
    """The first page that must hold it; len(pages): none so far."""
    last = len(pages) - 1
    if r.number is not None:
        return next((i for i in range(last) if pages[i].number >= r.number), last)
    if r.decided:
        made = r.entry.written + CLOCKS_MS
        return next((i for i in range(last) if pages[i].this_update * 1000 > made), last)
    if r.recorded and not r.entry and not ledger.audit_reaches(r.body["date"] * 1000):
        return last
    return len(pages)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("brokers")
    parser.add_argument("prefix")
    parser.add_argument("--dedup-window", type=int, default=3600, help="the workers' windows.dedup, in seconds (3600)")
    o = parser.parse_args()
    violations = check(o.brokers, o.prefix, o.dedup_window)
    for violation in violations:
        print(violation)
    print(f"{len(violations)} violations")
    return 5 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
