"""Whatever stands on a request topic gets one typed answer, or one record in .rejects; what stands around it is answered."""

import hashlib
import time
import uuid

import msgpack
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from client import alter_topic, create_topic, open_shop
from pki import csr_for


@pytest.fixture(scope="module")
def pki(cluster):
    client = cluster.client
    client.ask("mount/write", {"max_ttl": "8760h"}).data
    client.ask("ca/generate/root", {"common_name": "Root", "key_type": "ec", "ttl": "8000h"}).data
    params = {"allowed_base_domain": "example.com", "allow_subdomains": True, "max_ttl": "72h", "key_type": "ec"}
    client.ask("role/write", params, role="web").data
    return client


def issue(client, **envelope):
    request = client.request("issue", {"common_name": "x.example.com"}, role="web")
    request.update(envelope)
    return {name: value for name, value in request.items() if value is not None}


def rejects_of(client, where):
    topic, partition, offset = where
    found = []
    for record in client.read("rejects"):
        at = tuple(record.header(name).decode() for name in ("topic", "partition", "offset"))
        if at == (topic, str(partition), str(offset)):
            found.append(record)
    return found


def wait_for_reject(client, where):
    deadline = time.monotonic() + 60
    while not (found := rejects_of(client, where)):
        assert time.monotonic() < deadline, f"no record in .rejects of {where}"
        time.sleep(0.2)
    assert len(found) == 1
    return found[0]


UNREADABLE = {
    "no msgpack": b"\xc1\xc1\xc1",
    "text": b"hello",
    "array of 4 billion": bytes.fromhex("ddffffffff"),
    "map of 4 billion": bytes.fromhex("dfffffffff"),
    "empty": b"",
    "truncated before the id": msgpack.packb({"v": 1, "id": "abc"})[:5],
    "a number": msgpack.packb(7),
    "no id": msgpack.packb({"v": 1, "op": "issue", "params": {}}),
    "id of the wrong type": msgpack.packb({"v": 1, "id": 7, "op": "issue"}),
    "id too long": msgpack.packb({"v": 1, "id": "x" * 65, "op": "issue"}),
}


@pytest.mark.parametrize("value", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_unreadable_goes_to_rejects(pki, value):
    before = pki.send(issue(pki))
    where = pki.produce("issue", value, key="k")
    after = pki.send(issue(pki))
    record = wait_for_reject(pki, where)
    assert record.value == value
    assert record.header("reason").decode() and record.header("message").decode()
    assert all(answer.ok for answer in pki.wait_for_all([before, after]))


def test_null_payload(pki):
    where = pki.produce("issue", None, key="k")
    assert wait_for_reject(pki, where).header("reason") == b"malformed"


def test_config_bytes_are_never_kept(pki):
    value = b"\xc1-----BEGIN PRIVATE KEY-----"
    record = wait_for_reject(pki, pki.produce("config", value, key="pki"))
    assert record.value == hashlib.sha256(value).digest()


def nested(depth):
    return {"a": nested(depth - 1)} if depth else 1


ENVELOPES = {
    "unknown field": ({"nonsense": 1}, "unknown_field", "nonsense"),
    "version": ({"v": 2}, "unsupported_version", "v"),
    "no version": ({"v": None}, "missing_field", "v"),
    "unknown op": ({"op": "explode"}, "unknown_op", "op"),
    "op of another kind's topic": ({"op": "revoke", "params": {"serial_number": "11"}}, "wrong_topic", "op"),
    "wrong type": ({"params": 7}, "wrong_type", "params"),
    "unknown mount": ({"mount": "nowhere"}, "unknown_mount", "mount"),
    "unknown role": ({"role": "nobody"}, "unknown_role", "role"),
    "no role": ({"role": None}, "missing_field", "role"),
    "deadline in the past": ({"deadline": 1}, "deadline_exceeded", "deadline"),
    "reply_to that is not allowed": ({"reply_to": "somewhere.else"}, "reply_to_not_allowed", "reply_to"),
    "parameter of the wrong type": ({"params": {"common_name": 7}}, "wrong_type", "common_name"),
    "unknown parameter": ({"params": {"common_name": "x.example.com", "color": "red"}}, "unknown_field", "color"),
    "name outside the role": ({"params": {"common_name": "evil.org"}}, "name_not_allowed", "common_name"),
    "alt name outside the role": ({"params": {"common_name": "x.example.com", "alt_names": "evil.org"}}, "name_not_allowed", "alt_names"),
    "bad address": ({"params": {"common_name": "x.example.com", "ip_sans": "10.0.0.256"}}, "invalid_value", "ip_sans"),
    "negative ttl": ({"params": {"common_name": "x.example.com", "ttl": -1}}, "out_of_range", "ttl"),
    "absurd ttl": ({"params": {"common_name": "x.example.com", "ttl": 2**40}}, "out_of_range", "ttl"),
    "too deep": ({"params": {"common_name": nested(12)}}, "malformed", None),
}


@pytest.mark.parametrize("change, code, field", ENVELOPES.values(), ids=ENVELOPES.keys())
def test_typed_answer(pki, change, code, field):
    before, after = issue(pki), issue(pki)
    request = issue(pki, **change)
    pki.send(before)
    pki.send(request, kind="issue")
    pki.send(after)
    error = pki.wait_for(request["id"]).error
    assert error["code"] == code, error
    assert field is None or error.get("field") == field, error
    assert error["message"]
    assert all(answer.ok for answer in pki.wait_for_all([before["id"], after["id"]]))


def bad_messages(client):
    """(what it is, the bytes) of all that .issue takes as `topics` makes it."""
    def packed(**envelope):
        return msgpack.packb(issue(client, **envelope))

    twice = bytearray(packed())
    twice[0] += 1
    yield from UNREADABLE.items()
    yield "null", None
    for name, (change, _, _) in ENVELOPES.items():
        yield name, packed(**change)
    yield "a key twice", bytes(twice) + msgpack.packb("op") + msgpack.packb("sign")
    yield "cut behind the id", packed()[:-3]
    yield "something behind it", packed() + b"\x00"
    yield "over 256 KiB", packed(params={"common_name": "x" * (260 * 1024)})
    yield "reply_to that is absent", packed(reply_to=f"{client.prefix}.responses.absent")
    yield "an answer over its limit", packed(reply_to=f"{client.prefix}.responses.tiny")


def test_all_of_it_in_one_batch(kafka, make_cluster):
    """Each between two requests that are good, of one partition: these are answered as if they stood alone."""
    cluster = make_cluster(settings={"topics": {"partitions": "1"}})
    client = open_shop(cluster.client)
    create_topic(kafka.address, f"{client.prefix}.responses.tiny", max_message_bytes=100)
    cluster.worker.pause()
    good, bad = [client.send(issue(client))], {}
    for name, value in bad_messages(client):
        bad[client.produce("issue", value, key="k")[2]] = name
        good.append(client.send(issue(client)))
    cluster.worker.resume()
    assert all(answer.ok for answer in client.wait_for_all(good, timeout=90))
    batches = [
        {entry["offset"]: entry["result"] for entry in record.body()["entries"]}
        for record in client.read("audit")
        if record.key.decode().startswith(client.topic("issue"))
    ]
    for offset, name in bad.items():
        (batch,) = [batch for batch in batches if offset in batch]
        assert batch[offset] != "ok", name
        assert "ok" in (batch.get(offset - 1), batch.get(offset + 1)), f"{name}: a batch of its own"


def test_reply_topic_that_is_absent(pki):
    error = pki.ask("issue", {"common_name": "x.example.com"}, role="web", reply_to=f"{pki.prefix}.responses.absent").error
    assert error["code"] == "reply_to_unknown"


def test_duplicate_key(pki):
    request = issue(pki)
    packed = bytearray(msgpack.packb(request))
    packed[0] += 1
    packed += msgpack.packb("op") + msgpack.packb("sign")
    pki.produce("issue", bytes(packed), key=request["id"])
    error = pki.wait_for(request["id"]).error
    assert error["code"] == "duplicate_field" and error["field"] == "op"


def test_truncated_behind_the_id_is_answered(pki):
    request = issue(pki)
    pki.produce("issue", msgpack.packb(request)[:-3], key=request["id"])
    assert pki.wait_for(request["id"]).error["code"] == "malformed"


def test_trailing_bytes(pki):
    request = issue(pki)
    pki.produce("issue", msgpack.packb(request) + b"\x00", key=request["id"])
    assert pki.wait_for(request["id"]).error["code"] == "malformed"


def test_body_over_its_limit(pki):
    request = issue(pki, params={"common_name": "x" * (260 * 1024)})
    pki.send(request)
    assert pki.wait_for(request["id"]).error["code"] == "too_large"


def test_headers_over_their_limit_are_dropped_with_a_warning(pki):
    request = issue(pki)
    pki.send(request, headers=[("correlation-id", b"c")] + [("filler", b"x" * 1000)] * 100)
    answer = pki.wait_for(request["id"])
    assert answer.ok and "headers_dropped" in answer.warnings
    assert answer.record.header("filler") is None and answer.record.header("correlation-id") is None


def test_what_compression_hides(kafka, pki):
    """A message that is small on the wire and large in memory goes to .rejects as its hash; a reroute that cannot be made is refused."""
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka.address, "compression.codec": "gzip", "message.max.bytes": 90 << 20})
    bomb = bytes(70 << 20)
    producer.produce(pki.topic("issue"), bomb, "k")
    assert producer.flush(60) == 0
    request = issue(pki)
    pki.send(request)
    assert pki.wait_for(request["id"], timeout=90).ok
    pki.wait_until(lambda: hashlib.sha256(bomb).digest() in [r.value for r in pki.read("rejects")], 60, "the bomb")


def test_a_megabyte_of_headers(kafka, make_cluster):
    """A topic that lets it through (an operator raised its limit) does not stop the lane."""
    cluster = make_cluster()
    client = cluster.client
    client.ask("mount/write", {"max_ttl": "8760h"}).data
    alter_topic(kafka.address, client.topic("issue"), max_message_bytes=4000000)
    request = issue(client)
    client.send(request, headers=[(f"h{i}", b"x" * 30000) for i in range(34)])
    assert client.wait_for(request["id"]).error["code"] == "too_large"


def test_an_answer_over_its_topics_limit(kafka, pki):
    """The answer is measured before anything is done: nothing is signed."""
    topic = f"{pki.prefix}.responses.small"
    create_topic(kafka.address, topic, max_message_bytes=1500)
    before = len(pki.read("certs"))
    error = pki.ask("issue", {"common_name": "x.example.com"}, role="web", reply_to=topic).error
    assert error["code"] == "answer_too_large"
    assert len(pki.read("certs")) == before
    tiny = f"{pki.prefix}.responses.tiny"
    create_topic(kafka.address, tiny, max_message_bytes=100)
    assert pki.ask("issue", {"common_name": "x.example.com"}, role="web", reply_to=tiny).error["code"] == "answer_too_large"
    leaf = pki.ask("issue", {"common_name": "x.example.com"}, role="web").data
    assert pki.ask("revoke", {"serial_number": leaf["serial"]}, reply_to=tiny).ok, "what is on the CRL is answered, on .responses"


def test_wrong_partition_is_rerouted(pki):
    """A request that stands on another partition than its home is answered once, from its home."""
    requests = [issue(pki) for _ in range(12)]
    for i, request in enumerate(requests):
        pki.send(request, partition=i % 6, headers={"correlation-id": request["id"].encode()})
    for answer in pki.wait_for_all([r["id"] for r in requests]):
        assert answer.ok and answer.record.header("correlation-id").decode() == answer.body["id"]
    time.sleep(1)
    pki.collect(0.5)
    assert all(len(pki.answers[r["id"]]) == 1 for r in requests)
    results = [entry["result"] for record in pki.read("audit") for entry in record.body()["entries"]]
    assert "rerouted" in results


CSRS = {
    "no PEM": "hello",
    "broken base64": "-----BEGIN CERTIFICATE REQUEST-----\n!!!!\n-----END CERTIFICATE REQUEST-----\n",
    "empty": "-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n",
}


@pytest.mark.parametrize("csr", CSRS.values(), ids=CSRS.keys())
def test_bad_csr(pki, csr):
    error = pki.ask("sign", {"csr": csr, "common_name": "x.example.com"}, role="web").error
    assert error["code"] == "csr_invalid" and error["field"] == "csr"


def test_csr_with_a_broken_signature(pki):
    import base64

    lines = csr_for(ec.generate_private_key(ec.SECP256R1()), "x.example.com").splitlines()
    der = bytearray(base64.b64decode("".join(lines[1:-1])))
    der[-1] ^= 1
    csr = "\n".join([lines[0], base64.b64encode(der).decode(), lines[-1], ""])
    error = pki.ask("sign", {"csr": csr, "common_name": "x.example.com"}, role="web").error
    assert error["code"] == "csr_invalid" and error["field"] == "csr"


def test_revoke_of_an_unknown_serial_can_be_retried(pki):
    request_id = str(uuid.uuid4())
    error = pki.ask("revoke", {"serial_number": "12:34"}, id=request_id).error
    assert error["code"] == "unknown_serial" and error["retryable"]
    assert pki.ask("revoke", {"serial_number": "zz"}).error["field"] == "serial_number"
    assert not pki.ask("revoke", {}).ok


ROLES = {
    "ttl over max_ttl": ({"ttl": "2h", "max_ttl": "1h"}, "ttl"),
    "key_bits": ({"key_type": "ec", "key_bits": 2048}, "key_bits"),
    "key_type": ({"key_type": "dsa"}, "key_type"),
    "a domain of only dots": ({"allowed_base_domain": "..."}, None),
    "a duration that is none": ({"max_ttl": "often"}, "max_ttl"),
}


@pytest.mark.parametrize("params, field", ROLES.values(), ids=ROLES.keys())
def test_bad_role(pki, params, field):
    answer = pki.ask("role/write", params, role="bad")
    assert not answer.ok and (field is None or answer.error["field"] == field), answer.body
    assert pki.ask("role/read", role="bad").error["code"] == "unknown_role"
