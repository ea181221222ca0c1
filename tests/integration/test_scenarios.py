"""The scenarios of tests/vectors on the real engines, and that what runs them tells right from wrong."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import scenarios
from scenario.manual import Manual, read_manual
from scenario.runner import run_scenario

TESTS = Path(__file__).resolve().parents[1]
VECTORS = TESTS / "vectors" / "scenarios.jsonl"


def step(op, args=None, expect="ok", detail=None, **more):
    return {"op": op, "args": args or {}, "expect": expect, "expect_detail": detail or {}, **more}


ROOT = step("generate_root", {"common_name": "Root", "key_type": "ec"}, save="root")
ROLE = step("write_role", {"name": "any", "allow_any_name": True, "key_type": "ec"})
ISSUE = {"role": "any", "common_name": "a.example.com", "ttl": "1h"}
ISSUED = step("issue", ISSUE, save="leaf")
REVOKED = step("revoke", {"serial_number": "$leaf.serial_number"})
CRL = step("read_crl", save="crl")


@pytest.fixture(scope="module")
def manual():
    return scenarios.manual_of_worker()


@pytest.fixture(scope="module")
def run(cluster, manual):
    """run(step...) -> Result, each time in mounts of its own."""
    count = iter(range(1000, 2000))

    def run_steps(*steps, **scenario):
        return run_scenario({"id": "made", "steps": list(steps), **scenario}, lambda: cluster, manual, next(count))

    return run_steps


def test_vectors(cluster):
    results = scenarios.run_files([VECTORS], lambda: cluster)
    assert not [result for result in results if result.state == "failed"]
    assert sum(result.state == "passed" for result in results) >= 9


@pytest.mark.parametrize(
    "steps, why",
    [
        ([step("issue", ISSUE, detail={"cn": "b.example.com"})], "step 3, issue: cn should be 'b.example.com'"),
        ([step("issue", ISSUE, detail={"dns_sans": []})], "dns_sans should be []"),
        ([step("issue", ISSUE, detail={"ttl_seconds": "2h"})], "ttl_seconds"),
        ([step("issue", ISSUE, detail={"is_ca": True})], "is_ca should be True"),
        ([step("issue", ISSUE, detail={"signed_by": "<CA cert X>"})], "is not signed by"),
        ([step("issue", ISSUE, detail={"ca_chain": []})], "ca_chain is"),
        ([step("list_certs", detail={"warnings": "nonempty"})], "there is no warning"),
        ([step("issue", ISSUE, expect="error")], "it should be refused, and was done"),
        ([step("issue", {**ISSUE, "role": "none"})], "it was refused: unknown_role"),
        ([ISSUED, REVOKED, step("read_crl", detail={"entries": 0})], "step 5, read_crl: count should be 0"),
        ([ISSUED, step("read_crl", detail={"contains": ["$leaf.serial_number"]})], "is not there"),
        ([ISSUED, REVOKED, step("read_crl", detail={"lacks": ["$leaf.serial_number"]})], "is there"),
        ([step("read_crl", detail={"signed_by": "<CA cert X>"})], "the CRL is not signed by that CA"),
        ([step("read_crl", detail={"max_extensions": 1})], "the CRL's extensions are"),
        ([CRL, step("read_crl", detail={"number_above": "$crl"})], "the CRL's number is"),
        ([CRL, step("read_crl", detail={"this_update_differs_from": "$crl"})], "this_update is the same"),
        ([ISSUED, step("list_certs", detail={"count": 10})], "count should be 10, and is 2"),
        ([ISSUED, step("read_cert", {"serial_number": "$leaf.serial_number"}, detail={"found": False})], "found"),
        ([step("read_cert", {"serial_number": "$root.serial_number"}, detail={"same_as": "01:02"})], "01:02 was"),
        ([step("read_role", {"name": "any"}, detail={"allow_any_name": False})], "allow_any_name should be False"),
        ([step("list_roles", detail={"equals": ["other"]})], "the keys are ['any']"),
        ([step("read_ca_chain", detail={"occurrences_of": {"$root.certificate": 2}})], "should be 2, and is 1"),
        ([step("repeat", {"times": 2, "do": step("issue", {**ISSUE, "role": "none"})})], "step 3, repeat: it was refused"),
        ([step("revoke", {"serial_number": "$nothing.serial_number"})], "no step before has saved $nothing"),
        ([step("revoke", {"serial_number": "$root.number"})], "$root has no such value"),
    ],
)
def test_a_wrong_expectation_fails(run, steps, why):
    result = run(ROOT, ROLE, *steps)
    assert result.state == "failed" and why in result.why, result


def test_a_refusal_of_the_form_is_not_the_one_that_was_expected(cluster, manual):
    """Were a parameter sent that the worker does not know, each scenario that expects a refusal would pass."""
    fields = {**manual.schemas, "issue.params": {**manual.schemas["issue.params"], "colour": "optional"}}
    steps = [ROOT, ROLE, step("issue", {**ISSUE, "colour": "red"}, expect="error")]
    result = run_scenario({"id": "made", "steps": steps}, lambda: cluster, Manual(manual.operations, fields), 2000)
    assert result.state == "failed" and "it should be refused for what it asks" in result.why


@pytest.mark.parametrize(
    "steps, why",
    [
        ([step("fly")], "fly"),
        ([step("read_delta_crl")], "read_delta_crl"),
        ([step("issue", {**ISSUE, "cert_metadata": "eA=="})], "issue (cert_metadata)"),
        ([step("crl_config", {"enable_delta": True, "ocsp_disable": True})], "crl_config (enable_delta, ocsp_disable)"),
        ([step("read_crl_config", detail={"auto_rebuild": False})], "read_crl_config (auto_rebuild)"),
        ([step("repeat", {"times": 2, "do": step("tidy")})], "tidy"),
        ([ROOT, ROOT], "several issuers in one mount"),
        ([step("generate_root", {"common_name": "R", "exported": "existing"})], "generate_root (exported=existing)"),
        ([step("store_raw", {"key": "certs/1", "remove_field": "x"})], "store_raw (certs/)"),
    ],
)
def test_what_the_worker_lacks_is_skipped_and_named(manual, steps, why):
    result = run_scenario({"id": "made", "steps": steps}, not_needed, manual, 0)
    assert (result.state, result.why) == ("skipped", why)


@pytest.mark.parametrize(
    "scenario, why",
    [
        ({"steps": [step("issue", {"role": "any", "colour": "red"})]}, "issue's colour"),
        ({"steps": [step("issue", {"role": "any"}, detail={"colour": "red"})]}, "issue's colour"),
        ({"steps": [step("sleep", {"seconds": 1}, until="noon")]}, "a step's until"),
        ({"steps": [ROOT], "mood": "good"}, "the scenario's mood"),
        ({"steps": [ROOT], "mount": {"colour": "red"}}, "the mount's colour"),
        ({"steps": [{"args": {}}]}, "KeyError('op')"),
    ],
)
def test_what_nobody_knows_fails(manual, scenario, why):
    result = run_scenario({"id": "made", **scenario}, not_needed, manual, 0)
    assert result.state == "failed" and result.why == f"not understood: {why}"


def not_needed():
    raise AssertionError("no engine is needed to see that")


def test_a_placeholder_that_is_not_understood_fails(run):
    result = run(ROOT, ROLE, step("sign", {"role": "any", "csr": "<a fish>"}))
    assert result.state == "failed" and "<a fish> is not understood" in result.why


def test_a_manual_that_is_not_understood_is_no_manual():
    with pytest.raises(ValueError, match="is not understood"):
        read_manual("# Messages\n\nNothing of the kind.\n")


def run_command(tmp_path, *lines):
    path = tmp_path / "scenarios.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines))
    words = [sys.executable, TESTS / "support" / "scenarios.py", path]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_counts(tmp_path):
    """Without engines, which nothing in these needs."""
    skipped = json.dumps({"id": "one", "steps": [step("tidy")]})
    done = run_command(tmp_path, skipped, "", skipped)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["skipped one: tidy"] * 2 + ["0 passed, 0 failed, 2 skipped"]
    done = run_command(tmp_path, skipped, "{", json.dumps({"id": "two", "steps": [step("issue", {"colour": "red"})]}))
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines()[-1] == "0 passed, 2 failed, 1 skipped"
    assert "failed  two: not understood: issue's colour" in done.stdout


def test_the_command_needs_files(tmp_path):
    words = [sys.executable, TESTS / "support" / "scenarios.py"]
    assert subprocess.run(words, capture_output=True, timeout=60, check=False).returncode == 2
    assert subprocess.run([*words, tmp_path / "none"], capture_output=True, timeout=60, check=False).returncode == 2
    assert run_command(tmp_path).returncode == 1, "no scenario is no success"
