"""The published contract, schemas/json: what messages and records may hold, asked of Python's jsonschema."""

import base64
import json
from functools import cache
from pathlib import Path

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match
from jsonschema.validators import extend

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "schemas" / "json"
REQUESTS = ("issue", "sign", "revoke", "config", "query")
STATES = {"role": "role", "certificate": "record.certificate"}  # the others: state.KIND
RECORDS = {"certs": "record.certificate", "revoked": "record.revoked", "audit": "record.audit"}
KINDS = (*REQUESTS, *RECORDS, "responses", "state", "rejects")

# what the worker answers only to what no schema takes
FORM_CODES = ("unknown_field", "wrong_type", "unsupported_version", "unknown_op")


class Bin(str):
    """bin, as the schemas have it: its octets in base64."""


def as_json(value):
    """A decoded message as the schemas describe it."""
    if isinstance(value, bytes):
        return Bin(base64.b64encode(value).decode())
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return value


def check_type(validator, types, value, schema):
    """Also tells bin from str, which JSON cannot."""
    if isinstance(value, str) and isinstance(value, Bin) != (schema.get("contentEncoding") == "base64"):
        yield ValidationError(f"{value!r}: bin for str, or str for bin")
    yield from Draft202012Validator.VALIDATORS["type"](validator, types, value, schema)


# 1.0 is an integer for JSON Schema, and none for certmill
TYPES = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, v: isinstance(v, int) and not isinstance(v, bool))
Validator = extend(Draft202012Validator, {"type": check_type}, type_checker=TYPES)


def path_of(name):
    return FOLDER / f"{name.replace('/', '-')}.json"


@cache
def validator_of(name, closed):
    """closed: a field that the schema does not name is a fault, where a reader would pass over it."""
    text = path_of(name).read_text()
    return Validator(json.loads(text.replace('"additionalProperties": true', '"additionalProperties": false') if closed else text))


def fault_of(name, value, closed=False):
    """What that schema refuses in a decoded map, in a line; None: nothing."""
    validator, value = validator_of(name, closed), as_json(value)
    if validator.is_valid(value):
        return None
    fault = best_match(validator.iter_errors(value))
    return f"{name}: {'/'.join(map(str, fault.absolute_path))}: {fault.message[:300]}"


@cache
def envelope_of(op, kind):
    return f"{op}.{kind}" if path_of(f"{op}.{kind}").exists() else kind


def request_fault(request):
    op = request.get("op") if isinstance(request, dict) else None
    return fault_of(envelope_of(op, "request") if isinstance(op, str) else "request", request)


def response_fault(response):
    return fault_of(envelope_of(response.get("op"), "response"), response, closed=True)


def state_fault(record):
    kind = record.key.decode().split("/")[0]
    return fault_of(STATES.get(kind, f"state.{kind}"), record.body(), closed=True)


def violations(topics):
    """What stands on a prefix's topics, {kind: records}, and breaks the contract: lines. What was refused may be anything."""
    done = set()
    for record in topics["responses"]:
        body = record.body()
        if fault := response_fault(body):
            yield f"answer to {body.get('id')}: {fault}"
        if body["status"] == "ok":
            done.add(record.header("source").decode())
    for kind in REQUESTS:
        for record in topics[kind]:
            if f"{record.topic}/{record.partition}/{record.offset}" in done and (fault := request_fault(record.body())):
                yield f"done, though its schema refuses it: {fault}"
    for kind, name in RECORDS.items():
        for record in topics[kind]:
            if record.value is not None and (fault := fault_of(name, record.body(), closed=True)):
                yield f".{kind}, {record.key}: {fault}"
    for record in topics["state"]:
        if record.value is not None and (fault := state_fault(record)):
            yield f".state, {record.key}: {fault}"
    for record in topics["rejects"]:
        error = {"code": record.header("reason").decode(), "message": record.header("message").decode()}
        if fault := fault_of("response.error", error):
            yield f".rejects: {fault}"
