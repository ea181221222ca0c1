"""The published contract: do its files agree with each other, and the schemas with the workers, on requests of every form?"""

import json
import re
import uuid

import msgpack
import pytest
from jsonschema import Draft202012Validator

import contract
from client import TOPIC_OF, Record

FILES = sorted(path.stem for path in contract.FOLDER.glob("*.json"))


def schema_of(name):
    return json.loads(contract.path_of(name).read_text())


OPS = schema_of("request")["properties"]["op"]["enum"]


def manual(page):
    return (contract.ROOT / "docs" / f"{page}.md").read_text()


@pytest.mark.parametrize("name", FILES)
def test_files_are_schemas(name):
    schema = schema_of(name)
    Draft202012Validator.check_schema(schema)
    assert schema["title"].replace("/", "-") == name
    refs = set(re.findall(r'"\$ref": "#/\$defs/([^"]+)"', contract.path_of(name).read_text()))
    assert refs == set(schema.get("$defs", {})), "what it refers to is in it, and nothing else"


def test_every_operation_has_its_files():
    assert {f.removesuffix(".request") for f in FILES if f.endswith(".request")} == {op.replace("/", "-") for op in OPS}
    assert {f.removesuffix(".response") for f in FILES if f.endswith(".response")} == {op.replace("/", "-") for op in OPS}
    assert [f"## {op}" for op in OPS] == [line for line in manual("messages").splitlines() if line.removeprefix("## ") in OPS]


@pytest.mark.parametrize("heading, name", [("Error codes", "response.error"), ("Warning codes", "response.warning")])
def test_every_code_has_its_row(heading, name):
    section = manual("errors").split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in section.splitlines() if line.startswith("| `")]
    assert [row[0].strip("`") for row in rows] == schema_of(name)["properties"]["code"]["enum"]
    assert all(all(row) for row in rows), "no cell is empty"


def test_examples_of_the_manual():
    examples = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", manual("messages"), re.S)]
    assert len(examples) >= 3
    for example in examples:
        fault = contract.response_fault(example) if "status" in example else contract.request_fault(example)
        assert fault is None


ANSWERS = {
    "ok without data": {"status": "ok"},
    "neither": {"status": "fine", "data": {"certificate": "x"}},
    "ok with an error": {"status": "ok", "data": {"expiration": 1}, "error": {"code": "internal", "message": ""}},
    "error with data": {"status": "error", "data": {"expiration": 1}},
    "another operation's": {"op": "sign", "status": "ok", "data": {"expiration": 1}},
    "data of nothing": {"status": "ok", "data": {}},
    "half the data": {"status": "ok", "data": {"expiration": 1, "serial": "11"}},
    "a code of nobody": {"status": "error", "error": {"code": "oops", "message": ""}},
    "a warning of nobody": {"status": "ok", "data": {"expiration": 1}, "warnings": [{"code": "oops", "message": ""}]},
    "a number as text": {"status": "ok", "data": {"expiration": "1"}},
}


@pytest.mark.parametrize("change", ANSWERS.values(), ids=ANSWERS.keys())
def test_answers_that_are_none(change):
    good = {"v": 1, "id": "x", "op": "issue", "mount": "pki", "status": "ok", "data": {"expiration": 1}}
    assert contract.fault_of("issue.response", good) is None
    bad = {"v": 1, "id": "x", "op": "issue", "mount": "pki", **change}
    assert contract.fault_of("issue.response", bad)


# what a field may be given instead of what it wants: of each type one, and what is odd within a type
FEW = [None, 7, 1.5, "x", b"x", [7], {"a": 1}]
MANY = FEW + [
    True, 0, -1, 2**40, 2**64 - 1, -(2**63), 1.0, "", "true", "-7", "0x7", "1h30m", "1h30", " 7", "a\0b", "x" * 3000, b"x" * 32,
    [], ["x"], ["x"] * 2000, ["x" * 1025], ["a\0b"], [None], [b"x"], {}, {7: 7},
]  # fmt: skip


def tables_of(op):
    whole = schema_of(f"{op}.request")
    params = whole["properties"]["params"]
    ref = params.get("$ref") or next(form["$ref"] for form in params["anyOf"] if "$ref" in form)
    return whole["properties"], whole["$defs"][ref.removeprefix("#/$defs/")]


def least(table):
    """Every field that must stand, with something of its type."""
    values = {"string": "x", "array": ["x"], "integer": 1, "boolean": True, "object": {}}
    names = table["required"] + [names["anyOf"][0]["required"][0] for names in table.get("allOf", [])]
    types = {name: table["properties"][name]["type"] for name in names}
    return {name: values[t if isinstance(t, str) else t[0]] for name, t in types.items()}


def odd_maps(base, properties):
    """The map with one field that is odd or missing, and with one that is unknown. Of fields of one form the first gets most."""
    forms = set()
    for name, schema in properties.items():
        form = json.dumps({**schema, "description": "", "deprecated": True})
        yield {key: value for key, value in base.items() if key != name}
        yield from ({**base, name: odd} for odd in (FEW if form in forms else MANY))
        forms.add(form)
    yield {**base, "nonsense": 1}


def odd_requests(op):
    envelope, table = tables_of(op)
    base = {"v": 1, "op": op, "mount": "pki", "role": "web", "params": least(table), "dry_run": True}
    own = envelope.keys() - {"id", "op"} if op in ("issue", "mount/list") else ("role", "params", "seal_to")
    yield from odd_maps(base, {name: envelope[name] for name in own})
    yield from ({**base, "params": params} for params in odd_maps(base["params"], table["properties"]))


@pytest.fixture(scope="module")
def pki(cluster):
    client = cluster.client
    client.ask("mount/write", {"max_ttl": "8760h"}).data
    client.ask("ca/generate/root", {"common_name": "Root", "key_type": "ec", "ttl": "8000h"}).data
    client.ask("role/write", {"allow_any_name": True, "key_type": "ec"}, role="web").data
    return client


def may_be_more(value):
    """JSON Schema cannot say the range of a number in a text, nor the items of a text with commas."""
    return isinstance(value, str)


@pytest.mark.parametrize("op", OPS)
def test_schema_and_worker_agree(pki, op):
    """What the schema refuses the worker refuses, and what the decoder refuses the schema does: Client.check asserts both."""
    requests = [{"id": str(uuid.uuid4()), **request} for request in odd_requests(op)]
    for request in requests:
        pki.send(request, kind=TOPIC_OF[op], key="pki")
    answers = pki.wait_for_all([r["id"] for r in requests], timeout=120)
    refused = [pki.faults[r["id"]] is not None for r in requests]
    assert any(refused) and not all(refused)
    for request, answer in zip(requests, answers):
        if not answer.ok and answer.error["code"] == "out_of_range" and pki.faults[request["id"]] is None:
            field = answer.error["field"]
            assert may_be_more(request["params"].get(field, request.get(field))), (request, answer.error)


def record(kind, body, key=b"k", headers=()):
    value = None if body is None else msgpack.packb(body)
    return Record(f"p.{kind}", 0, 0, 0, key, value, list(headers))


REQUEST = {"v": 1, "id": "x", "op": "crl/rotate", "params": {"now": True}}
REFUSED = {"v": 1, "id": "x", "status": "error", "error": {"code": "unknown_field", "message": "", "retryable": False}}
DONE = {"v": 1, "id": "x", "op": "crl/rotate", "mount": "pki", "status": "ok", "data": {"success": True}}
SOURCE = [("source", b"p.revoke/0/0")]
ENTRY = {"offset": 0, "timestamp": 0, "result": "ok", "hash": bytes(32)}
AUDIT = {"v": 1, "sequence": 1, "previous": bytes(32), "at": 0, "worker": "w", "state_offset": 0, "entries": [ENTRY]}
STANDING = {
    "a request that was refused": ([record("revoke", REQUEST), record("responses", REFUSED, headers=SOURCE)], 0),
    "a request that was done": ([record("revoke", REQUEST), record("responses", DONE, headers=SOURCE)], 1),
    "an answer with too much": ([record("responses", {**DONE, "more": 1}, headers=SOURCE)], 1),
    "a tombstone": ([record("revoked", None)], 0),
    "no record": ([record("certs", {"v": 1})], 1),
    "an audit record": ([record("audit", AUDIT)], 0),
    "a hash as text": ([record("audit", {**AUDIT, "entries": [{**ENTRY, "hash": "A" * 44}]})], 1),
    "a result of nobody": ([record("audit", {**AUDIT, "entries": [{**ENTRY, "result": "fine"}]})], 1),
    "state": ([record("state", {"v": 1, "expiry": "72h"}, b"crl/pki/")], 0),
    "state of another kind": ([record("state", {"v": 1, "expiry": "72h"}, b"urls/pki/")], 1),
    "a reject": ([record("rejects", {}, headers=[("reason", b"malformed"), ("message", b"m")])], 0),
    "a reason of nobody": ([record("rejects", {}, headers=[("reason", b"oops"), ("message", b"m")])], 1),
}


@pytest.mark.parametrize("records, count", STANDING.values(), ids=STANDING.keys())
def test_what_stands_on_the_topics_is_checked(records, count):
    topics = {kind: [r for r in records if r.topic == f"p.{kind}"] for kind in contract.KINDS}
    assert len(list(contract.violations(topics))) == count
