"""Both checkers of the promises are checked: each kind of violation is planted, and both name it and its place."""

import base64
import contextlib
import inspect
import re
import shutil
import tempfile
import threading
import time
from pathlib import Path

import msgpack
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from kafka import KafkaAdminClient, TopicPartition

import checker
from client import partitions_of
from cluster import Cluster
from forger import Forger, new_serial, pem_of
from pki import ca_certificate, key_pem, name, pem
from promises import VIOLATED, command_finds, found, verify

ROOT = Path(__file__).resolve().parents[2]
ROLE = {"allowed_base_domain": "example.com", "allow_subdomains": True, "max_ttl": "72h", "key_type": "ec"}


def work(client):
    """A mount with a CA whose key the tests know, and requests of every kind; returns the CA."""
    key = ec.generate_private_key(ec.SECP256R1())
    ca = ca_certificate("Forged Root", key, name("Forged Root"), key)
    client.ask("mount/write", {"max_ttl": "8760h", "allow_clear_keys": True}).data
    client.ask("ca/set", {"pem_bundle": pem(ca) + key_pem(key)}).data
    client.ask("role/write", ROLE, role="web").data
    client.ask("role/write", ROLE, role="gone").data
    client.ask("role/delete", role="gone").data
    leaves = [client.ask("issue", {"common_name": f"l{i}.example.com"}, role="web").data for i in range(6)]
    for leaf in leaves[:2]:
        client.ask("revoke", {"serial_number": leaf["serial"]}).data
    assert not client.ask("issue", {"common_name": "evil.org"}, role="web").ok
    replayed = client.request("issue", {"common_name": "twice.example.com"}, role="web")
    for count in (1, 2):
        client.send(replayed)
        client.wait_for(replayed["id"], count=count)
    client.produce("issue", b"\xc1", "no request at all")
    client.produce("issue", msgpack.packb({"v": 1, "id": "no-op"}), "no-op")
    client.wait_for("no-op")
    lost = client.request("issue", {"common_name": "astray.example.com"}, role="web")
    for partition in range(6):
        client.send({**lost, "id": f"astray-{partition}"}, partition=partition)
    client.wait_for_all([f"astray-{partition}" for partition in range(6)])
    client.ask("mount/list").data
    client.ask("crl/rotate").data
    return ca, key


@contextlib.contextmanager
def abandoned(kafka):
    """A cluster whose contract is not checked at the end: what is forged is not certmill's."""
    folder = Path(tempfile.mkdtemp(prefix="certmill-test-"))
    cluster = Cluster(kafka, folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.abandon()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def stage(kafka):
    """A cluster whose worker has left, after work that keeps every promise."""
    with abandoned(kafka) as cluster:
        ca, key = work(cluster.client)
        deadline = time.monotonic() + 30
        while not cluster.client.read("rejects"):
            assert time.monotonic() < deadline, "the message without an id was not rejected"
            time.sleep(0.2)
        cluster.worker.finish()
        verify(cluster)
        forger = Forger(cluster.client, ca, key)
        yield cluster, forger
        forger.close()


def only(kind, place):
    return {(kind, place)}


def plant_nothing(f, read):
    f.serve()
    f.revoke()
    f.publish()
    return set()


def plant_missing_answer(f, read):
    return only("unanswered", f.serve(answered=False)["request"])


def plant_duplicate_answer(f, read):
    return only("answered_twice", f.again(read("responses")[0]))


def plant_answer_to_a_rejected_message(f, read):
    source = "/".join(read("rejects")[0].header(n).decode() for n in ("topic", "partition", "offset"))
    return only("answer_unexpected", f.answer(f.request("mount/list"), source, {}))


def plant_answers_that_say_what_the_audit_says(f, read):
    f.exchange("revoke", f.request("revoke"), "unknown_serial", refusal="unknown_serial")
    f.exchange("revoke", f.request("revoke"), data={"state": "expired"})
    f.exchange("revoke", f.request("revoke", dry_run=True), data={})
    f.exchange("config", f.request("role/write", role="web"), "invalid_value", refusal="invalid_value")
    f.exchange("query", f.request("cert/read"), refusal="unknown_serial")  # admitted, and then not found
    f.exchange("config", f.request("role/write"), "replayed", refusal="invalid_value", headers=[("replayed", b"1")])
    return set()


def plant_refused_revocation_answered_as_done(f, read):
    data = {"revocation_time": int(time.time()), "state": "revoked", "crl_number": f.number}
    return only("answer_differs", f.exchange("revoke", f.request("revoke"), "unknown_serial", data)["answer"])


def plant_no_revocation_answered_as_one(f, read):
    data = {"revocation_time": int(time.time()), "state": "revoked", "crl_number": f.number}
    return only("answer_differs", f.exchange("revoke", f.request("revoke"), data=data)["answer"])


def plant_revocation_answered_as_none(f, read):
    return only("answer_differs", f.revoke(state="expired")["answer"])


def plant_refused_configuration_answered_as_done(f, read):
    return only("answer_differs", f.exchange("config", f.request("role/write", role="web"), "invalid_value", {})["answer"])


def plant_configuration_answered_as_refused(f, read):
    return only("answer_differs", f.exchange("config", f.request("role/write", role="web"), refusal="invalid_value")["answer"])


def plant_refused_for_another_reason(f, read):
    return only("answer_differs", f.exchange("query", f.request("role/read"), "unknown_mount", refusal="unknown_role")["answer"])


def plant_refused_query_answered_as_done(f, read):
    return only("answer_differs", f.exchange("query", f.request("role/read"), "unknown_mount", {})["answer"])


def plant_answer_that_only_says_it_is_a_replay(f, read):
    request = f.request("role/write", role="web")
    return only("answer_differs", f.exchange("config", request, "invalid_value", {}, headers=[("replayed", b"1")])["answer"])


def plant_replay_that_does_not_say_so(f, read):
    return only("answer_differs", f.exchange("config", f.request("role/write", role="web"), "replayed", {})["answer"])


def plant_answered_and_rejected(f, read):
    return only("answer_unexpected", f.reject(f.serve()["request"]))


def plant_rejected_instead_of_answered(f, read):
    source = f.exchange("query", f.request("mount/list"))["request"]
    return {("unanswered", source), ("answer_unexpected", f.reject(source))}


def plant_messages_that_killed_their_workers(f, read):
    f.reject(f.exchange("query", f.request("mount/list"), "internal", refusal="internal")["request"])
    replayed = f.exchange("query", f.request("mount/list"), "replayed", refusal="internal", headers=[("replayed", b"1")])
    f.reject(replayed["request"])
    return set()


def plant_killer_without_its_answer(f, read):
    source = f.exchange("query", f.request("mount/list"), "internal")["request"]
    f.reject(source)
    return only("unanswered", source)


def plant_replay_in_the_rejects(f, read):
    places = f.exchange("query", f.request("mount/list"), "replayed", {}, headers=[("replayed", b"1")])
    return only("answer_unexpected", f.reject(places["request"]))


def plant_second_reject(f, read):
    return only("answered_twice", f.again(read("rejects")[0]))


def source_of_nobody(f, read):
    """What sends a message home also leaves an offset that is none of a message."""
    stand = {(r.partition, r.offset) for r in read("issue")}
    at = ((p, o) for (kind, p), head in f.heads.items() if kind == "issue" for o in range(head[0]) if (p, o) not in stand)
    partition, offset = next(at)
    return f"{f.client.topic('issue')}/{partition}/{offset}"


def plant_answer_to_nobody(f, read):
    return only("answer_unexpected", f.answer(f.request("issue"), source_of_nobody(f, read), {}))


def plant_reject_of_nobody(f, read):
    return only("answer_unexpected", f.reject(source_of_nobody(f, read)))


def sent_home(read):
    """The sources of messages that were sent on to their homes."""
    for record in read("audit"):
        for entry in msgpack.unpackb(record.value)["entries"]:
            if entry["result"] == "rerouted":
                yield f"{record.key.decode()}/{entry['offset']}"


def plant_answer_to_what_was_sent_home(f, read):
    return only("answer_unexpected", f.answer(f.request("issue"), next(sent_home(read)), {}))


def plant_reject_of_what_was_sent_home(f, read):
    return only("answer_unexpected", f.reject(next(sent_home(read))))


def plant_sent_on_from_home(f, read):
    return only("not_at_home", f.exchange("issue", f.request("issue", role="web"), "rerouted")["entry"])


def plant_request_without_audit(f, read):
    request = f.request("mount/list")
    partition, offset = f.ask("query", request)
    source = f"{f.client.topic('query')}/{partition}/{offset}"
    f.answer(request, source, {})
    return only("not_audited", source)


def plant_second_entry(f, read):
    last = msgpack.unpackb(read("audit")[-1].value)["entries"][-1]
    topic, _, partition = read("audit")[-1].key.decode().rpartition("/")
    again = {"offset": last["offset"], "timestamp": last["timestamp"], "result": "internal", "hash": bytes(32)}
    return only("audited_twice", f.audit(topic.rpartition(".")[2], int(partition), again))


def plant_far_from_home(f, read):
    request = f.request("issue", role="web")
    away = (f.home("issue", request) + 1) % f.counts["issue"]
    return only("not_at_home", f.serve(request_id=request["id"], partition=away)["entry"])


def plant_duplicate_serial(f, read):
    return only("duplicate_serial", f.again(read("certs")[-1]))


def plant_certificate_not_in_audit(f, read):
    source = next(f"{r.header('source').decode()}" for r in read("responses") if r.body()["status"] == "error")
    return only("certificate_not_audited", f.record(f.request("issue", role="web"), source, new_serial()))


def plant_certificate_not_in_certs(f, read):
    return only("certificate_missing", f.serve(recorded=False)["entry"])


def plant_answer_with_another_certificate(f, read):
    return only("certificate_differs", f.serve(named=new_serial())["answer"])


def plant_two_certificates(f, read):
    first = f.serve(request_id="two-certificates")
    second = f.serve(request_id="two-certificates")
    assert first["request"] != second["request"]
    return only("two_certificates", second["record"])


def plant_replay_of_another(f, read):
    request = f.request("issue", "replayed-wrongly", role="web")
    f.serve(request_id=request["id"])
    partition, offset = f.ask("issue", request)
    source = f"{f.client.topic('issue')}/{partition}/{offset}"
    f.audit("issue", partition, f.entry(request, offset, "replayed"))
    return only("certificate_differs", f.answer(request, source, {"serial": new_serial().hex(":")}, [("replayed", b"1")]))


def replay(f, serial, certificate, request_id):
    request = f.request("issue", request_id, role="web")
    data = {"serial": serial.hex(":"), "certificate": certificate}
    return f.exchange("issue", request, "replayed", data, headers=[("replayed", b"1")])["answer"]


def plant_certificates_shown_as_they_are(f, read):
    serial = new_serial()
    der = f.sign(serial)
    f.serve(request_id="shown", serial=serial, der=der, shown=base64.b64encode(der).decode())
    replay(f, serial, f.bundle(der), "shown")
    for certificate in (der, f.sign(new_serial())):
        serial = new_serial()
        der = f.sign(serial)
        f.serve(serial=serial, der=der, shown=f.bundle(der))
    return set()


def plant_another_certificate_shown(f, read):
    """The serial number is the same, the signature is not; in every format, and in none."""
    found = set()
    for text in (pem_of, f.bundle, lambda der: base64.b64encode(der).decode(), lambda der: "", lambda der: "-----BEGIN"):
        serial = new_serial()
        found |= only("certificate_differs", f.serve(serial=serial, shown=text(f.sign(serial)))["answer"])
    return found


def plant_another_certificate_replayed(f, read):
    serial = new_serial()
    f.serve(request_id="replayed-otherwise", serial=serial)
    return only("certificate_differs", replay(f, serial, pem_of(f.sign(serial)), "replayed-otherwise"))


def plant_certificate_with_another_serial_than_its_record(f, read):
    return only("certificate_differs", f.serve(der=f.sign(new_serial()))["record"])


def plant_certificate_audited_twice(f, read):
    """By another request, which answers with it as its own. The second of them is the one that stands on a later partition."""
    serial = new_serial()
    der = f.sign(serial)
    entries = [f.serve(serial=serial, der=der, recorded=recorded)["entry"] for recorded in (True, False)]
    return only("audited_twice", max(entries, key=lambda place: [int(number) for number in place.split("/")[1:]]))


def plant_broken_chain(f, read):
    request = f.request("mount/list")
    partition, offset = f.ask("query", request)
    f.answer(request, f"{f.client.topic('query')}/{partition}/{offset}", {})
    return only("chain_broken", f.audit("query", partition, f.entry(request, offset), previous=bytes([7] * 32)))


def query_at(f, partition):
    """A query, served, in that partition; returns its audit record's place."""
    request = f.request("mount/list")
    _, offset = f.ask("query", request, partition)
    f.answer(request, f"{f.client.topic('query')}/{partition}/{offset}", {})
    return f.audit("query", partition, f.entry(request, offset))


def plant_wrong_head(f, read):
    place = query_at(f, 0)
    f.heads["query", 0][3] = "ab" * 32
    f.commit("query", 0)
    return only("head_differs", place)


def plant_chain_past_its_head(f, read):
    query_at(f, 1)
    request = f.request("mount/list")
    return only("head_differs", f.audit("query", 1, f.entry(request, f.heads["query", 1][0]), move=False))


def plant_head_without_its_record(f, read):
    place = query_at(f, 2)
    f.heads["query", 2][2] += 1
    f.commit("query", 2)
    return only("head_differs", place)


def plant_state_going_back(f, read):
    query_at(f, 3)
    place = f.exchange("query", f.request("mount/list"), data={}, partition=3, state_offset=f.state_offset - 1)["entry"]
    query_at(f, 3)
    return only("state_offset", place)


def plant_state_that_never_was(f, read):
    place = f.exchange("query", f.request("mount/list"), data={}, partition=3, state_offset=f.state_offset + 1000)["entry"]
    query_at(f, 3)
    return only("state_offset", place)


def plant_state_of_long_before(f, read):
    """The first record of its chain, of a request that came an hour after the configuration had changed."""
    later = int(time.time() * 1000) + 3_600_000
    request = f.request("sign", role="web")
    options = {"refusal": "unknown_role", "partition": 1, "timestamp": later, "state_offset": f.state_offset - 1}
    return only("state_offset", f.exchange("sign", request, "unknown_role", **options)["entry"])


def plant_requests_that_no_offset_vouches_for(f, read):
    f.forget("sign", 0)
    place = f.produce("sign", "unasked", msgpack.packb(f.request("sign", role="web")), partition=0)
    return only("offset_missing", place)


def plant_role_that_never_was(f, read):
    return only("unknown_configuration", f.serve(role="ghost")["entry"])


def plant_role_that_was_deleted(f, read):
    return only("unknown_configuration", f.serve(role="gone")["entry"])


def plant_revocation_not_in_audit(f, read):
    return only("revocation_not_audited", f.revoke(audited=False)["record"])


def plant_crl_without_an_old_revocation(f, read):
    oldest = next(iter(f.listed))
    place = f.publish(without={oldest})
    f.publish()
    return only("crl_incomplete", place)


def plant_crl_without_the_revocation_that_named_it(f, read):
    return only("crl_incomplete", f.revoke(listed=False)["crl"])


def plant_crl_of_another_key(f, read):
    return only("crl_signature", f.publish(key=ec.generate_private_key(ec.SECP256R1())))


def plant_crl_number_going_back(f, read):
    return only("crl_not_rising", f.publish(number=f.number - 1))


def plant_crl_number_twice(f, read):
    return only("crl_not_rising", f.publish(number=f.number))


def plant_crl_with_another_number_in_its_header(f, read):
    return only("crl_invalid", f.publish(headers={"number": f.number + 7}))


def plant_crl_with_another_time_in_its_header(f, read):
    return only("crl_invalid", f.publish(headers={"this_update": f.this_update - 1}))


def plant_crl_with_another_hash_in_its_header(f, read):
    return only("crl_invalid", f.publish(headers={"sha256": "ab" * 32}))


def plant_crl_with_a_serial_twice(f, read):
    return only("crl_invalid", f.publish(twice=[next(iter(f.listed))]))


def plant_crl_time_going_back(f, read):
    return only("crl_not_rising", f.publish(this_update=f.this_update - 100))


def plant_crl_with_another_serial_than_was_revoked(f, read):
    return only("crl_incomplete", f.revoke(listed=new_serial())["crl"])


def plant_no_crl(f, read):
    headers = [(n, b"1") for n in ("number", "this_update", "next_update", "issuer", "shard", "sha256")]
    junk = (b"0\x03\x02\x01\x00", bytes(30 << 20))  # and one as large as CRLs may be
    return {("crl_invalid", f.produce("crl", f.crl_key, value, headers)) for value in junk}


def plant_expired_entry(f, read):
    places = f.revoke(not_after=f.this_update - 3600)
    del f.listed[int.from_bytes(places["serial"], "big")]
    f.publish()
    return only("crl_expired_entry", places["crl"])


def plant_expired_entry_that_may_stay(f, read):
    """Whoever made the CRL before may have had a fast clock."""
    places = f.revoke(not_after=f.this_update - 200)
    f.publish()
    del f.listed[int.from_bytes(places["serial"], "big")]
    f.publish()
    return set()


def plant_entry_that_nobody_revoked(f, read):
    serial = new_serial()
    f.listed[int.from_bytes(serial, "big")] = int(time.time())
    place = f.publish()
    del f.listed[int.from_bytes(serial, "big")]
    return only("crl_unrecorded_entry", place)


def plant_junk(f, read):
    return {("malformed", f.produce(kind, "pki/00", b"\xc1")) for kind in ("certs", "revoked", "audit", "responses", "rejects")}


def plant_entry_that_left_by_a_fast_clock(f, read):
    """By thisUpdate the certificate had ended, by the record's own time it had not."""
    now = int(time.time())
    serial = int.from_bytes(f.revoke(not_after=now + 60)["serial"], "big")
    f.publish(this_update=now + 90)
    date = f.listed.pop(serial)
    place = f.publish()
    f.listed[serial] = date
    f.publish()
    return only("crl_incomplete", place)


def plant_revocation_not_recorded(f, read):
    """The last of them: it stays on every CRL that comes, and each in its turn is named for it."""
    places = f.revoke(recorded=False)
    return {("revocation_missing", places["entry"]), ("crl_unrecorded_entry", places["crl"])}


stage_found = {}  # {prefix: what was found last}, for a stage begins with nothing
PLANTS = {name.removeprefix("plant_"): plant for name, plant in list(globals().items()) if name.startswith("plant_")}


@pytest.mark.parametrize("plant", PLANTS)
def test_planted(stage, plant):
    cluster, forger = stage
    before = stage_found.get(cluster.prefix, set())
    planted = PLANTS[plant](forger, cluster.client.read)
    now = stage_found[cluster.prefix] = found(cluster)
    assert now - before == planted


def violation_kinds():
    text = (ROOT / "client" / "audit_report.h").read_text()
    return re.findall(r'^\tV\([A-Z_]+, +"([a-z_]+)"', text, re.M)


def test_every_kind_is_planted_and_documented():
    kinds = violation_kinds()
    assert len(kinds) > 20
    operations = (ROOT / "docs" / "operations.md").read_text()
    plants = "".join(inspect.getsource(plant) for plant in PLANTS.values())
    assert not [kind for kind in kinds if f"`{kind}`" not in operations]
    assert not [kind for kind in kinds if f'"{kind}"' not in plants]


def test_a_range_of_time(stage):
    """Requests outside of it are not told of; those in it are, as without it. What was not asked for at all always is."""
    cluster, forger = stage
    plant_requests_that_no_offset_vouches_for(forger, cluster.client.read)
    everything, _ = command_finds(cluster)
    unasked = {(kind, place) for kind, place in everything if kind == "offset_missing"}
    assert command_finds(cluster, "-since=1h")[0] == everything
    assert unasked and command_finds(cluster, "-until=2020-01-01T00:00:00Z")[0] == unasked
    time.sleep(2)
    from_here = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    time.sleep(1)
    place = forger.serve(answered=False)["request"]
    lines, summary = command_finds(cluster, f"-since={from_here}")
    assert lines == {("unanswered", place), *unasked} and summary["checked"]["requests"] == 1
    assert ("unanswered", place) not in command_finds(cluster, f"-until={from_here}")[0]


def test_what_people_and_programs_get(stage):
    cluster, _ = stage
    done = cluster.certmill("audit", "verify")
    assert done.returncode == VIOLATED
    *lines, summary = done.stdout.splitlines()
    assert re.fullmatch(r"\d+ violations in \d+ requests, \d+ certificates, .* audit records(; \d+ .*)?", summary)
    assert all(re.match(rf"{cluster.prefix}\.[a-z]+/\d+/\d+ [a-z_]+: \S", line) for line in lines)
    own = checker.check(cluster.kafka.address, cluster.prefix)
    assert len(own) == len(lines)
    assert cluster.certmill("audit").returncode == 1
    assert cluster.certmill("audit", "burn").returncode == 1
    assert cluster.certmill("audit", "verify", "-since=yesterday").returncode == 1
    assert cluster.certmill("audit", "verify", "-prefix=nobody").returncode == 4


def test_what_has_left_cannot_be_missed(stage):
    """The last test of the stage: retention takes the answers, then everything but `.audit`."""
    cluster, forger = stage
    client = cluster.client

    def seen():
        """Not that one, whose place is its record in `.certs`, or else the one in `.audit`."""
        return {(kind, place) for kind, place in found(cluster) if kind != "two_certificates"}

    def delete(*kinds):
        topics = [client.topic(kind) for kind in kinds]
        forger.admin.delete_records({TopicPartition(t, p): -1 for t in topics for p in partitions_of(client.consumer, t)})

    before = seen()
    delete("responses")
    assert seen() <= before
    delete("issue", "sign", "query", "revoke", "config", "rejects", "certs")
    assert seen() <= before
    delete("audit")
    assert seen() <= before


def test_without_any_committed_offset(kafka):
    """Where nothing is asked for nothing is found: that must not pass for a verdict, whatever the range."""
    with abandoned(kafka) as cluster:
        client = cluster.client
        groups = [f"{cluster.prefix}-{lane}" for lane in ("mint", "control", "query")]
        client.ask("mount/list").data
        cluster.worker.finish()
        admin = KafkaAdminClient(bootstrap_servers=kafka.address)
        admin.delete_groups(groups)
        admin.close()
        place = next(f"{r.topic}/{r.partition}/0" for r in client.read("query"))
        assert found(cluster) == {("offset_missing", place)}, "the other partitions are empty, and always were"
        assert command_finds(cluster, "-until=2020-01-01T00:00:00Z")[0] == {("offset_missing", place)}


def test_while_work_goes_on(fresh_cluster):
    """A run that begins in the middle of everything finds nothing that only has not happened yet."""
    client = fresh_cluster.client
    work(client)
    stop = threading.Event()

    def ask():
        while not stop.is_set():
            ids = [client.send(client.request("issue", {"common_name": "a.example.com"}, role="web")) for _ in range(10)]
            answers = client.wait_for_all(ids)
            client.send(client.request("revoke", {"serial_number": answers[0].data["serial"]}))
            client.ask("mount/list").data

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        runs, deadline = 0, time.monotonic() + 120
        while runs < 6 or summary["checked"]["certificates"] <= 50:
            lines, summary = command_finds(fresh_cluster)
            assert not lines, lines
            runs += 1
            assert time.monotonic() < deadline, f"after {runs} runs: {summary}"
    finally:
        stop.set()
        thread.join()
    verify(fresh_cluster)
