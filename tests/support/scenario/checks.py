"""What expect_detail may say beside fields of the answer: name -> function(world, outcome, expected).

Each raises a Mismatch, or returns.
"""

import datetime
import re

from scenario import Mismatch
from scenario.certificates import (
    FACTS,
    REQUEST_FACTS,
    SYNONYMS,
    certificate_of,
    certificates_of,
    csr_of,
    epoch,
    must_be_signed_by,
    serial_of,
)
from scenario.language import as_list, check, shown, span

TOLERANCE = 60  # seconds, of what is counted from now


def require(good, text):
    if not good:
        raise Mismatch(text)


def datum(name, key):
    """Compares what the runner itself has put into the data under that key."""
    return lambda world, outcome, expected: check(name, expected, outcome.data.get(key))


# --- of every answer ------------------------------------------------------------------------------------------------


def warnings(world, outcome, expected):
    """A number, a list of codes, "none", "nonempty", or a text that one of them is about."""
    codes = outcome.codes
    if isinstance(expected, int):
        return check("the number of warnings", expected, len(codes))
    if expected in (None, "none", []):
        return require(not codes, f"there are warnings: {codes}")
    if isinstance(expected, list):
        return require(set(expected) <= set(codes), f"warnings should hold {expected}, and are {codes}")
    require(codes, "there is no warning")
    if expected.startswith("nonempty"):
        return require("already given" not in expected or set(codes) <= world.warned, f"{codes} are new")
    said = " ".join(f"{warning['code']} {warning['message']}" for warning in outcome.warnings).lower()
    words = re.findall("[a-z]{5,}", expected.lower())
    return require(any(word in said for word in words), f"no warning is about {expected!r}: {outcome.warnings}")


def reason(world, outcome, expected):
    """Explains the step to people: each server has words and codes of its own."""


COMMON = {"warnings": warnings, "reason": reason}

# --- certificates ---------------------------------------------------------------------------------------------------


def fact(name, of=certificate_of):
    """What stands in the certificate of an answer, or in its CSR."""

    def compare(world, outcome, expected):
        check(name, expected, FACTS[SYNONYMS.get(name, name)](of(outcome.data)))

    return compare


def signed_by(world, outcome, expected):
    must_be_signed_by("it", certificate_of(outcome.data), certificate_of(expected))


def ttl_seconds(world, outcome, expected):
    actual = epoch(certificate_of(outcome.data).not_valid_after_utc) - outcome.asked
    require(abs(actual - span(expected)) < TOLERANCE, f"ttl_seconds should be {expected}, and is {actual:.0f}")


def not_before_offset_seconds(world, outcome, expected):
    actual = epoch(certificate_of(outcome.data).not_valid_before_utc) - outcome.asked
    require(abs(actual - span(expected)) < TOLERANCE, f"not_before is {actual:.0f} s from now, not {expected}")


def not_after(world, outcome, expected):
    end = certificate_of(outcome.data).not_valid_after_utc
    check("not_after", expected, end.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(expected, str) else epoch(end))


def lease(world, outcome, expected):
    lease_id = outcome.data.get("lease_id") or ""
    if expected in (None, False, "absent", "none"):
        return require(not lease_id, f"there is a lease, {lease_id}")
    require(expected in (True, "present"), f"a lease that is {expected!r} is not understood")
    require(lease_id.endswith(outcome.data["serial_number"].replace(":", "-")), f"the lease id is {lease_id!r}")
    require(outcome.data.get("renewable") is False, "the lease is renewable")
    return require(outcome.data.get("lease_duration", 0) > 0, "the lease has no duration")


def private_key_returned(world, outcome, expected):
    check("private_key_returned", expected, bool(outcome.data.get("private_key")))


def chain_of(outcome):
    return certificates_of(outcome.data.get("ca_chain"))


def ca_chain(world, outcome, expected):
    require(chain_of(outcome) == certificates_of(expected), f"ca_chain is {shown(subjects(chain_of(outcome)))}")


def chain_contains(world, outcome, expected):
    for certificate in certificates_of(as_list(expected)):
        require(certificate in chain_of(outcome), f"ca_chain lacks {certificate.subject.rfc4514_string()}")


def chain_lacks(world, outcome, expected):
    for certificate in certificates_of(as_list(expected)):
        require(certificate not in chain_of(outcome), f"ca_chain has {certificate.subject.rfc4514_string()}")


def occurrences_of(world, outcome, expected):
    for text, count in expected.items():
        certificate = certificate_of(text)
        check(f"ca_chain's {certificate.subject.rfc4514_string()}", count, chain_of(outcome).count(certificate))


def chain_equals(world, outcome, expected):
    require(chain_of(outcome) == certificates_of(expected), "ca_chain is another")


def chain_differs_from(world, outcome, expected):
    require(chain_of(outcome) != certificates_of(expected), "ca_chain is the same")


def subjects(certificates):
    return [certificate.subject.rfc4514_string() for certificate in certificates]


def differs_from(name):
    def compare(world, outcome, expected):
        for other in as_list(expected):
            require(outcome.data.get(name) != other, f"{name} is the same, {other}")

    return compare


ISSUED = {
    **{name: fact(name) for name in [*FACTS, *SYNONYMS]},
    "signed_by": signed_by,
    "ttl_seconds": ttl_seconds,
    "not_before_offset_seconds": not_before_offset_seconds,
    "not_after": not_after,
    "lease": lease,
    "private_key_returned": private_key_returned,
    "ca_chain": ca_chain,
    "ca_chain_contains": chain_contains,
    "ca_chain_lacks": chain_lacks,
    "occurrences_of": occurrences_of,
    "serial_number_differs_from": differs_from("serial_number"),
}
CA = {**ISSUED, "issuer_id": datum("issuer_id", "issuer_id"), "issuer_id_differs_from": differs_from("issuer_id")}
REQUESTED = {name: fact(name, csr_of) for name in [*REQUEST_FACTS, "common_name"]} | {
    "private_key_returned": private_key_returned
}
CHAIN = {
    "contains": chain_contains,
    "lacks": chain_lacks,
    "occurrences_of": occurrences_of,
    "equals": chain_equals,
    "differs_from": chain_differs_from,
    "count": lambda world, outcome, expected: check("count", expected, len(chain_of(outcome))),
}

# --- CRLs and lists -------------------------------------------------------------------------------------------------


def keys_of(outcome):
    return [serial_or_name(key) for key in outcome.data["keys"]]


def serial_or_name(key):
    return serial_of(key) if re.fullmatch("(?:[0-9A-Fa-f]{2}[:-])+[0-9A-Fa-f]{2}", str(key)) else key


def keys_contain(world, outcome, expected):
    for key in as_list(expected):
        require(serial_or_name(key) in keys_of(outcome), f"{key} is not there")


def keys_lack(world, outcome, expected):
    for key in as_list(expected):
        require(serial_or_name(key) not in keys_of(outcome), f"{key} is there")


def keys_equal_set(world, outcome, expected):
    wanted = sorted(map(str, map(serial_or_name, as_list(expected))))
    require(sorted(map(str, keys_of(outcome))) == wanted, f"the keys are {shown(outcome.data['keys'])}")


def keys_equal(world, outcome, expected):
    wanted = [serial_or_name(key) for key in as_list(expected)]
    require(keys_of(outcome) == wanted, f"the keys are {shown(outcome.data['keys'])}")


KEYS = {
    "count": lambda world, outcome, expected: check("count", expected, len(outcome.data["keys"])),
    "contains": keys_contain,
    "lacks": keys_lack,
    "equals": keys_equal,
    "equals_set": keys_equal_set,
}


def this_update_differs_from(world, outcome, expected):
    require(outcome.data["this_update"] != expected["this_update"], "this_update is the same")


def number_above(world, outcome, expected):
    number = expected["crl_number"] if isinstance(expected, dict) else int(expected)
    require(outcome.data["crl_number"] > number, f"the CRL's number is {outcome.data['crl_number']}, not over {number}")


def max_extensions(world, outcome, expected):
    require(len(outcome.data["extensions"]) <= expected, f"the CRL's extensions are {outcome.data['extensions']}")


def crl_signed_by(world, outcome, expected):
    key = certificate_of(expected).public_key()
    require(outcome.data["parsed"].is_signature_valid(key), "the CRL is not signed by that CA")


CRL = {
    **KEYS,
    "entries": KEYS["count"],
    "serials": keys_equal_set,
    "max_extensions": max_extensions,
    "extensions": datum("extensions", "extensions"),
    "this_update_differs_from": this_update_differs_from,
    "number": datum("number", "crl_number"),
    "number_above": number_above,
    "next_update_minus_this_update": datum("next_update_minus_this_update", "validity"),
    "signed_by": crl_signed_by,
}

# --- one certificate, read ------------------------------------------------------------------------------------------


def same_as(world, outcome, expected):
    other = world.ask("cert/read", {"serial": expected}, outcome.data["mount"])
    require(other.ok, f"{expected} was refused: {other.error}")
    require(certificate_of(other.data) == certificate_of(outcome.data), f"{expected} is another certificate")


def revocation_time_rfc3339(world, outcome, expected):
    text, seconds = outcome.data["revocation_time_rfc3339"], outcome.data["revocation_time"]
    if expected != "same instant":
        return check("revocation_time_rfc3339", expected, text)
    return require(epoch(datetime.datetime.fromisoformat(text)) == seconds, f"{text} is not {seconds}")


READ_CERTIFICATE = {
    **{name: fact(name) for name in FACTS},
    "not_after": not_after,
    "found": datum("found", "found"),
    "same_as": same_as,
    "signed_by": signed_by,
    "revocation_time_rfc3339": revocation_time_rfc3339,
}
