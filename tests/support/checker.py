"""The promises, checked from the topics alone: what a reader of committed messages can see of a run."""

import hashlib
from collections import Counter, defaultdict

from client import read_topic
from cryptography import x509
from kafka import KafkaAdminClient

REQUEST_KINDS = ("issue", "sign", "revoke", "config", "query")
SIGNING = ("issue", "sign", "sign-verbatim", "ca/generate/root", "ca/sign")
GROUPS = {"issue": "mint", "sign": "mint", "revoke": "control", "config": "control", "query": "query"}


def check(brokers, prefix):
    """A list of violations, each a line; empty when every promise was kept. Only for a prefix that is at rest."""
    topics = {
        kind: read_topic(brokers, f"{prefix}.{kind}")
        for kind in (*REQUEST_KINDS, "responses", "certs", "revoked", "crl", "audit", "rejects", "ca")
    }
    heads = committed_heads(brokers, prefix)
    return [
        *one_answer_each(prefix, topics),
        *one_certificate_an_id(topics),
        *certificates_are_audited(topics),
        *chains_are_whole(topics, heads),
        *crls_rise(topics),
        *crls_hold_what_was_answered(topics),
    ]


def place(record):
    return f"{record.topic}/{record.partition}/{record.offset}"


def one_answer_each(prefix, topics):
    """One answer or one .rejects record for each request message at its home; one reroute record for the others."""
    answered = Counter(r.header("source").decode() for r in topics["responses"])
    rejected = Counter(
        "/".join(r.header(n).decode() for n in ("topic", "partition", "offset")) for r in topics["rejects"]
    )
    results, reroutes = Counter(), Counter()
    for record in topics["audit"]:
        for entry in record.body()["entries"]:
            where = f"{record.key.decode()}/{entry['offset']}"
            results[where] += 1
            reroutes[where] += entry["result"] == "rerouted"
    for kind in REQUEST_KINDS:
        for record in topics[kind]:
            where = place(record)
            rerouted = reroutes[where]
            if rerouted + max(answered[where], rejected[where]) != 1 or answered[where] > 1 or rejected[where] > 1:
                yield f"{where}: {answered[where]} answers, {rejected[where]} rejects, {rerouted} reroutes"
            if results[where] != 1:
                yield f"{where}: {results[where]} audit entries"


def serial_of(record):
    return record.body()["serial"].hex()


def one_certificate_an_id(topics):
    """No id has two certificates, no two certificates share a serial number, and each answer's is the recorded one."""
    serials = Counter(serial_of(r) for r in topics["certs"])
    yield from (f"serial {serial} stands {n} times in .certs" for serial, n in serials.items() if n > 1)
    by_id = defaultdict(set)
    for record in topics["responses"]:
        body = record.body()
        if body["status"] == "ok" and body["op"] in SIGNING and "serial" in body["data"]:
            serial = body["data"]["serial"].replace(":", "")
            by_id[body["op"], body["id"]].add(serial)
            if serials[serial] != 1:
                yield f"{place(record)}: serial {serial} was answered, .certs has it {serials[serial]} times"
    yield from (f"id {i} has {len(s)} certificates" for (_, i), s in by_id.items() if len(s) > 1)
    answered = set().union(*by_id.values()) if by_id else set()
    for record in topics["certs"]:
        if serial_of(record) not in answered:
            yield f"{place(record)}: its certificate was never answered"


def certificates_are_audited(topics):
    recorded = {serial_of(r) for r in topics["certs"]}
    audited = Counter()
    for record in topics["audit"]:
        for entry in record.body()["entries"]:
            outcome = entry.get("outcome") or {}
            if entry["result"] == "ok" and entry["op"] in SIGNING and "serial" in outcome:
                audited[outcome["serial"].hex()] += 1
    yield from (f"serial {s} is in .certs, not in .audit" for s in recorded - audited.keys())
    yield from (f"serial {s} is in .audit, not in .certs" for s in audited.keys() - recorded)
    yield from (f"serial {s} stands {n} times in .audit" for s, n in audited.items() if n > 1)


def committed_heads(brokers, prefix):
    """
    {source partition: (sequence, hash)} as the committed offsets' metadata has them. By a client of pure Python: librdkafka's
    bindings read past the end of the metadata.
    """
    heads = {}
    admin = KafkaAdminClient(bootstrap_servers=brokers)
    try:
        for group in set(GROUPS.values()):
            (offsets,) = admin.list_group_offsets([f"{prefix}-{group}"]).values()
            for at, committed in offsets.items():
                version, _, sequence, digest = committed.metadata.split(" ")
                assert version == "1", committed.metadata
                heads[f"{at.topic}/{at.partition}"] = (int(sequence), digest)
    finally:
        admin.close()
    return heads


def chains_are_whole(topics, heads):
    last = {source: (0, "0" * 64) for source in heads}
    for record in sorted(topics["audit"], key=lambda r: (r.key, r.offset)):
        source, body = record.key.decode(), record.body()
        sequence, digest = last[source]
        if body["sequence"] != sequence + 1 or body["previous"].hex() != digest:
            yield f"{place(record)}: the chain of {source} breaks at sequence {body['sequence']}"
        last[source] = (body["sequence"], hashlib.sha256(record.value).hexdigest())
    for source, head in heads.items():
        if last[source] != head:
            yield f"{source}: the audit ends at {last[source]}, the committed head is {head}"


def crls_rise(topics):
    last = {}
    for record in topics["crl"]:
        number = x509.load_der_x509_crl(record.value).extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        if number <= last.get(record.key, 0):
            yield f"{place(record)}: CRL number {number} after {last[record.key]}"
        last[record.key] = number


def crls_hold_what_was_answered(topics):
    """The last CRL of each key holds every revocation that was answered (none of the tests' certificates expires)."""
    held = set()
    last = {record.key: record for record in topics["crl"]}
    for record in last.values():
        held |= {entry.serial_number for entry in x509.load_der_x509_crl(record.value)}
    for record in topics["revoked"]:
        if record.value is not None and int.from_bytes(record.body()["serial"], "big") not in held:
            yield f"{place(record)}: revoked, and on no CRL"
    recorded = {r.key for r in topics["revoked"]}
    for record in topics["responses"]:
        body = record.body()
        if body["op"] == "revoke" and body["status"] == "ok" and not recorded:
            yield f"{place(record)}: a revocation was answered, .revoked is empty"
