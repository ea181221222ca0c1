#!/usr/bin/env python3
"""The promises, checked from the topics alone: what a reader of committed messages can see of a run.

The second opinion beside `certmill audit verify`: the same rules (docs/operations.md, "Checking the promises"), no code in
common, everything in memory. What is asked is settled by the cut, the committed offsets before anything was read.

    checker.py BROKERS PREFIX [--dedup-window SECONDS]     prints a line a violation; status 5 when there is one
"""

import argparse
import gc
import hashlib
import sys
from bisect import bisect_left, bisect_right
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import msgpack

from ledger import CLOCKS_MS, FOREVER, REQUESTS, Ledger, Violation, grouped, home, place
from revocations import Crls, revocations_are_listed


def check(brokers, prefix, dedup_window=3600):
    """A list of violations; empty when every promise was kept."""
    ledger = Ledger(brokers, prefix)
    crls = Crls(ledger)
    rules = (
        offsets_are_committed(ledger),
        requests_are_answered(ledger),
        certificates_are_audited(ledger),
        ids_have_one_certificate(ledger, dedup_window * 1000),
        configuration_was_there(ledger),
        chains_are_whole(ledger),
        state_was_read_to_its_end(ledger),
        revocations_are_listed(ledger, crls),
    )
    found = [violation for rule in rules for violation in rule]
    return sorted({*ledger.violations, *found}, key=lambda v: (v.kind, v.place, v.detail))


# ---- requests ----


def answer_names(record, source_kind):
    """The serial number of the certificate that an answer says its request made, and the hash of what it shows."""
    body = record.body()
    serial = body["data"].get("serial")
    if body["status"] != "ok" or source_kind in ("query", "revoke") or not serial:
        return None, None
    return bytes.fromhex(serial.replace(":", "")), body["data"]["shown"]


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
        certificates = sorted(made[source], key=lambda pair: ledger.order(pair[1]))
        yield from rejects_are_expected(ledger, source, entry, answered, rejected)
        for record in answered:
            yield from answer_is_right(ledger, source, entry, record, certificates)
        yield from answer_is_there(ledger, source, entry, answered, rejected)
        for body, record in certificates:
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


def may_be_unknown(ledger, source, record):
    return source in ledger.requests or not ledger.audit_reaches(record.timestamp)


def rejects_are_expected(ledger, source, entry, answered, rejected):
    """Only of what the audit has as rejected; and of what killed its worker, which has an answer as well."""
    if not rejected:
        return
    if entry is None:
        expected = may_be_unknown(ledger, source, rejected[0])
    elif entry.result == "replayed":  # then it is the answer that tells
        expected = not answered or answered[0].body()["code"] == "internal"
    else:
        expected = entry.result in ("rejected", "internal")
    if not expected:
        yield Violation("answer_unexpected", place(rejected[0]), f"the audit has no rejected request {source}")


def says_otherwise(answer, replays, entry):
    """Does an answer say something else of its request than the entry: done, refused and why, revoked?"""
    if replays or entry.result == "replayed":
        return not (replays and entry.result == "replayed")
    done = answer["status"] == "ok"
    if entry.result != "ok":
        return done or answer["code"] != entry.result
    if not done:
        return entry.source_kind != "query"  # a query is looked up after it was admitted, when its answer is made
    state = answer["data"].get("state")
    return entry.source_kind == "revoke" and state is not None and (state == "revoked") != (entry.revoked is not None)


def answer_is_right(ledger, source, entry, record, certificates):
    if entry is None:
        if not may_be_unknown(ledger, source, record):
            yield Violation("answer_unexpected", place(record), f"the audit knows no request {source}")
    elif entry.result in ("rerouted", "rejected"):
        yield Violation("answer_unexpected", place(record), f"the audit has no answered request {source}")
    elif says_otherwise(record.body(), is_replay(record), entry):
        yield Violation("answer_differs", place(record), f"the audit says something else of {source}")
    elif not is_replay(record) and entry.source_kind != "revoke" and record.body()["status"] == "ok":
        serial, shown = answer_names(record, entry.source_kind)
        recorded = certificates[0][0] if certificates else None
        same = serial is None or recorded is None or recorded["serial"] != serial or recorded["shown"] == shown
        if serial != entry.signed or not same:
            yield Violation("certificate_differs", place(record), f"the audit or .certs has another certificate for {source}")


def answer_is_there(ledger, source, entry, answered, rejected):
    request = ledger.requests.get(source)
    if not request and not entry:
        return
    at = request.timestamp if request else entry.at
    if not entry and ledger.audit_reaches(at):
        yield Violation("not_audited", source, "no entry in .audit is about it")
    result = entry.result if entry else None
    enough = {None: answered or rejected, "rerouted": True, "rejected": rejected}
    if enough.get(result, answered):
        return
    topic, partition = ledger.name("responses"), None
    if result == "rejected":
        topic = ledger.name("rejects")
    elif entry:
        topic = entry.fields.get("reply_to") or topic
        if topic in ledger.lows and not (request and request.header("kafka_replyPartition") is not None):
            partition = home(entry.fields["id"], len(ledger.lows[topic]))
    if ledger.reaches(topic, partition, at):
        yield Violation("unanswered", source, "the audit says that it is in .rejects" if result == "rejected" else "it has no answer")


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
    shown = {}  # {(topic, id, serial): the hash of the certificate's record}
    for entry in sorted(ledger.entries, key=lambda e: e.order):
        if entry.decided and entry.signed:
            at = [entry.at, entry.written, entry.order, entry.place]
            made[entry.source_kind, entry.fields["id"]].setdefault(entry.signed, at)
    for source, body, record in sorted(ledger.certificates, key=lambda c: ledger.order(c[2])):
        kind = ledger.kind(source.rsplit("/", 2)[0])
        of = made[kind, body["request"]]
        shown[kind, body["request"], body["serial"]] = body["shown"]
        of.setdefault(body["serial"], [body["issued"], body["issued"], None, None])[2:] = [ledger.order(record), place(record)]
    for (_, request_id), of in made.items():
        certificates = sorted(of.values(), key=lambda c: (c[1], c[2]))
        for i, (_, decided, _, where) in enumerate(certificates):
            if any(decided - earlier[0] < window for earlier in certificates[:i]):
                yield Violation("two_certificates", where, f"id {request_id} has a certificate already")
    for source, record in ledger.answers:
        kind = ledger.kind(source.rsplit("/", 2)[0])
        serial, showing = answer_names(record, kind)
        request_id = record.body()["id"]
        of = made.get((kind, request_id))
        if not is_replay(record) or not serial or not of:
            continue
        if serial not in of:
            yield Violation("certificate_differs", place(record), "it replays what was not made under its id")
        elif shown.get((kind, request_id, serial), showing) != showing:
            yield Violation("certificate_differs", place(record), "it shows another certificate than .certs")


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


def state_was_read_to_its_end(ledger):
    """
    What a record of .audit says of the .state that it was decided under: there was so much of it; it held what the chain's
    record before had seen, and what was older than the request by more than clocks may differ. Only by what is still there.
    """
    end = ledger.ends[ledger.name("state")][0]
    stood, latest = [], 0  # [(offset, since when at the latest)]
    for record in sorted(ledger.of("state"), key=lambda r: r.offset):
        latest = max(latest, record.timestamp)
        stood.append((record.offset, latest))
    offsets, times = [offset for offset, _ in stood], [at for _, at in stood]
    seen = {}  # {source partition: the highest offset so far}
    for where, entries in grouped((e.place, e) for e in sorted(ledger.entries, key=lambda e: e.order) if e.decided).items():
        entry, source = entries[0], entries[0].source.rpartition("/")[0]
        if entry.state_offset >= end:
            yield Violation("state_offset", where, f"decided under {entry.state_offset} of .state, which ends at {end}")
            continue
        older = bisect_left(times, max(e.at for e in entries) - CLOCKS_MS)
        due = max(bisect_right(offsets, seen.get(source, -1)), older)
        if due > 0 and entry.state_offset < offsets[due - 1]:
            yield Violation("state_offset", where, f"decided under {entry.state_offset} of .state, {offsets[due - 1]} had stood")
        seen[source] = max(seen.get(source, -1), entry.state_offset)


# ---- chains ----


def offsets_are_committed(ledger):
    """Of what no committed offset vouches for nothing is asked: that is no verdict on it."""
    audited = {entry.source.rpartition("/")[0] for entry in ledger.entries}
    for kind in REQUESTS:
        topic = ledger.name(kind)
        for p, (low, end) in enumerate(zip(ledger.lows[topic], ledger.ends[topic])):
            source = f"{topic}/{p}"
            if source not in ledger.cut and (low < end or source in audited):
                yield Violation("offset_missing", f"{source}/{low}", "it has no committed offset: nothing of it was asked for")


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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("brokers")
    parser.add_argument("prefix")
    parser.add_argument("--dedup-window", type=int, default=3600, help="the workers' windows.dedup, in seconds (3600)")
    o = parser.parse_args()
    gc.disable()  # it would look through millions of records again and again, and nothing is to be had back
    violations = check(o.brokers, o.prefix, o.dedup_window)
    for violation in violations:
        print(violation)
    print(f"{len(violations)} violations")
    return 5 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
