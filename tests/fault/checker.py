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
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import msgpack

from ledger import FOREVER, Ledger, Violation, grouped, home, place
from revocations import Crls, revocations_are_listed


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
