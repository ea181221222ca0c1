"""`certmill rejects`: what could not be answered is listed, looked at, and sent again, once."""

import base64
import hashlib
import json
import time
import uuid

import msgpack
import pytest
from test_metrics import make_ca


@pytest.fixture(scope="module")
def pki(cluster):
    make_ca(cluster.client)
    return cluster


def listed(cluster):
    shown = cluster.certmill("rejects", "list", "-format=json")
    assert shown.returncode == 0, shown.stderr
    return [json.loads(line) for line in shown.stdout.splitlines()]


def rejected(cluster, kind, value, key, headers=None):
    """Produces what the fleet rejects; returns its line in the list."""
    topic, partition, offset = cluster.client.produce(kind, value, key, headers=headers)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for line in listed(cluster):
            if (line["topic"], line["partition"], line["offset"]) == (topic, str(partition), str(offset)):
                return line
        time.sleep(0.2)
    raise AssertionError(f"{topic}/{partition}/{offset} was not rejected")


def forge(cluster, value, topic, key=b"k", reason="internal", headers=()):
    """A reject as a worker writes it; returns its place."""
    _, partition, offset = cluster.client.produce(
        "rejects",
        value,
        key,
        headers=[("reason", reason.encode()), ("message", b"m"), ("topic", topic.encode()), ("partition", b"0"), ("offset", b"0"), *headers],
    )
    return f"{partition}/{offset}"


def redriven(cluster, kind, place):
    return [r for r in cluster.client.read(kind) if r.header("redriven") == f"{cluster.prefix}.rejects/{place}".encode()]


def test_list_and_show(pki):
    key = uuid.uuid4().hex
    line = rejected(pki, "issue", b"\xc1\x1b[2J", key, headers=[("traceparent", b"00-1")])
    assert (line["reason"], line["key"], line["bytes"], line["hashed"]) == ("malformed", key, 5, False)
    assert line["topic"] == f"{pki.prefix}.issue" and line["message"]
    table = pki.certmill("rejects", "list")
    [row] = [row for row in table.stdout.splitlines() if row.startswith(f"{line['at']} ")]
    assert f"{line['topic']}/{line['partition']}/{line['offset']}" in row and " malformed " in row
    shown = pki.certmill("rejects", "show", line["at"], "-format=json")
    body = json.loads(shown.stdout)
    assert base64.b64decode(body["value_base64"]) == b"\xc1\x1b[2J"
    assert body["headers"] == {"traceparent": "00-1"}
    person = pki.certmill("rejects", "show", line["at"])
    assert person.returncode == 0 and "\x1b" not in person.stdout and "malformed" in person.stdout


def test_a_message_that_reads_is_shown_as_json(pki):
    request = {"v": 1, "op": "issue", "params": {"common_name": "a.example.com"}}
    line = rejected(pki, "issue", msgpack.packb(request), b"no-id")
    body = json.loads(pki.certmill("rejects", "show", line["at"], "-format=json").stdout)
    assert body["value"] == request and body["reason"] == "missing_field"


def test_a_redrive_is_the_same_message_once(pki):
    key = uuid.uuid4().hex
    line = rejected(pki, "issue", b"\xc1 again", key, headers=[("traceparent", b"00-2")])
    sent = pki.certmill("rejects", "redrive", line["at"])
    assert (sent.returncode, sent.stdout) == (
        0,
        f"{pki.prefix}.rejects/{line['at']}: sent again to {pki.prefix}.issue\n",
    ), sent.stderr
    [copy] = redriven(pki, "issue", line["at"])
    assert (copy.key, copy.value, copy.header("traceparent")) == (key.encode(), b"\xc1 again", b"00-2")
    again = pki.certmill("rejects", "redrive", line["at"])
    assert (again.returncode, again.stdout) == (
        0,
        f"{pki.prefix}.rejects/{line['at']}: was sent again before, and stands at {copy.topic}/{copy.partition}/{copy.offset}\n",
    )
    assert len(redriven(pki, "issue", line["at"])) == 1


def test_what_is_sent_again_is_answered_and_a_second_time_not(pki):
    client = pki.client
    request = client.request("issue", {"common_name": "again.example.com"}, role="web")
    place = forge(pki, msgpack.packb(request), f"{pki.prefix}.issue", key=request["id"].encode())
    for sent in (True, False):
        done = pki.certmill("rejects", "redrive", place, "-format=json")
        assert json.loads(done.stdout)["sent"] is sent
    assert client.wait_for(request["id"]).ok
    client.collect(3)
    assert len(client.answers[request["id"]]) == 1


def test_the_id_of_an_answered_request_gets_the_same_answer(pki):
    client = pki.client
    request = client.request("issue", {"common_name": "same.example.com"}, role="web")
    client.send(request)
    first = client.wait_for(request["id"])
    place = forge(pki, msgpack.packb(request), f"{pki.prefix}.issue", key=request["id"].encode())
    assert pki.certmill("rejects", "redrive", place).returncode == 0
    second = client.wait_for(request["id"], count=2)
    assert second.replayed and second.data["serial"] == first.data["serial"]


def test_what_cannot_be_sent_again(pki):
    client = pki.client
    other = forge(pki, b"x", "elsewhere.issue")
    answers = forge(pki, b"x", f"{pki.prefix}.responses")
    hashed = forge(pki, b"\0" * 32, f"{pki.prefix}.issue", headers=[("value", b"sha256")])
    config = forge(pki, b"\0" * 32, f"{pki.prefix}.config")
    twice = forge(pki, b"x", "elsewhere.issue", headers=[("topic", f"{pki.prefix}.issue".encode())])
    before = {kind: len(client.read(kind)) for kind in ("issue", "config", "responses")}
    for place, reason in (
        (other, "did not stand on a request topic"),
        (answers, "did not stand on a request topic"),
        (twice, "did not stand on a request topic"),
        (hashed, "only the hash"),
        (config, "only the hash"),
        ("0/999999", "holds nothing at"),
        ("99/0", "holds nothing at"),
        ("0", "is no place"),
        ("0/1x", "is no place"),
    ):
        refused = pki.certmill("rejects", "redrive", place)
        assert refused.returncode == 1 and reason in refused.stderr, (place, refused.stderr)
    assert before == {kind: len(client.read(kind)) for kind in before}


def test_of_configuration_the_hash_alone_is_kept(pki):
    line = rejected(pki, "config", b"\xc1 secret", b"pki")
    assert line["hashed"] and line["bytes"] == 32
    body = json.loads(pki.certmill("rejects", "show", line["at"], "-format=json").stdout)
    assert body["value_sha256"] == hashlib.sha256(b"\xc1 secret").hexdigest() and "value" not in body


@pytest.mark.parametrize("words", [(), ("list", "0/1"), ("show",), ("redrive",), ("drop", "0/1")])
def test_wrong_words(pki, words):
    refused = pki.certmill("rejects", *words)
    assert refused.returncode == 1 and "usage:" in refused.stderr
