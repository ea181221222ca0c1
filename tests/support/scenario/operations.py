"""The operations of the scenarios' language, each told in certmill's: run(world, mount, args) -> Outcome.

What a function finds wrong with an answer, whatever the scenario expects of it, is a Mismatch: a certificate that its
issuer did not sign, a chain with a gap, a key that does not fit, a CRL whose signature is bad.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from scenario import Mismatch, checks, fields
from scenario.certificates import (
    attributes,
    basic_constraints,
    certificate_of,
    certificates_of,
    crl_of,
    csr_of,
    extension,
    key_of,
    must_be_signed_by,
    must_chain,
    serial_of,
    times_of,
    validity_of,
    x509,
)
from scenario.language import span
from scenario.world import CRL_TIMEOUT, Outcome, missing_if_refused

# --- CAs ------------------------------------------------------------------------------------------------------------


def certificate_checked(outcome):
    """The certificate of an answer that signed one, once everything about it fits together."""
    data, certificate = outcome.data, certificate_of(outcome.data)
    data["not_before"], data["not_after"] = validity_of(certificate)
    must_be_signed_by("the certificate", certificate, certificate_of(data["issuing_ca"]))
    if serial_of(data["serial_number"]) != certificate.serial_number or data["serial"] != data["serial_number"]:
        raise Mismatch(f"the certificate's serial number is {certificate.serial_number:x}, the answer has another")
    if data.get("expiration", data["not_after"]) != data["not_after"]:
        raise Mismatch("expiration is not the end of the certificate's validity")
    chain = certificates_of(data.get("ca_chain"))
    must_chain("ca_chain", chain if chain[:1] == [certificate] else [certificate, *chain])
    return certificate


def key_checked(outcome, public_key, wanted):
    if wanted != bool(outcome.data.get("private_key")):
        raise Mismatch("there is no private key" if wanted else "the private key was given out")
    if wanted and key_of(outcome.data["private_key"]).public_key() != public_key:
        raise Mismatch("the private key is of another certificate")


def must_be_ca(certificate):
    if not basic_constraints("ca")(certificate):
        raise Mismatch("the certificate is not a CA's")


def is_exported(args):
    return args.get("exported") in ("exported", "external")


def ask_for_ca(world, op, mount, args):
    kind = args.get("exported", "internal")
    params = {**args, "exported": kind} if "exported" in world.manual.params(op) else args
    if not is_exported(args):
        return world.ask(op, params, mount)
    outcome = world.ask_for_key(op, params, mount)
    missing_if_refused(outcome, "exported", f"{op} (exported={kind})")
    return outcome


def generate_root(world, mount, args):
    # upstream's roots outlive what their tests issue
    args.setdefault("ttl", world.max_ttl(mount))
    outcome = world.change(mount, lambda: ask_for_ca(world, "ca/generate/root", mount, args))
    if outcome.ok:
        certificate = certificate_checked(outcome)
        must_be_ca(certificate)
        must_be_signed_by("the root", certificate, certificate)
        key_checked(outcome, certificate.public_key(), is_exported(args))
        outcome.data["issuer_id"] = world.issuer_id(mount)
    return outcome


def generate_intermediate(world, mount, args):
    outcome = ask_for_ca(world, "ca/generate/intermediate", mount, args)
    if outcome.ok:
        csr = csr_of(outcome.data["csr"])
        if not csr.is_signature_valid:
            raise Mismatch("the CSR's signature does not verify")
        key_checked(outcome, csr.public_key(), is_exported(args))
    return outcome


def sign_intermediate(world, mount, args):
    """Today's servers look for a common name in the CSR too; the seed's document wants it in the request."""
    if "common_name" not in args and not args.get("use_csr_values"):
        if names := attributes(csr_of(args["csr"]).subject, x509.NameOID.COMMON_NAME):
            args["common_name"] = names[0]
    outcome = world.ask("ca/sign", args, mount)
    if outcome.ok:
        certificate = certificate_checked(outcome)
        must_be_ca(certificate)
        if certificate.public_key() != csr_of(args["csr"]).public_key():
            raise Mismatch("the certificate is for another key than the CSR's")
    return outcome


def bundle_text(value):
    return "\n".join(part.strip() for part in value) if isinstance(value, list) else value


def set_ca(world, mount, args):
    """certificate or pem_bundle, with a key, or for the key that waits in the mount."""
    bundle = bundle_text(args.pop("pem_bundle", None) or args.pop("certificate", ""))
    params, before = {**args, "pem_bundle": world.seal(bundle)}, world.issuer_id(mount)
    outcome = world.change(mount, lambda: world.ask("ca/set", params, mount))
    if before and before == world.issuer_id(mount):
        world.crl_due.pop(mount, None)  # the same again changes nothing
    if outcome.ok:
        now = world.must("ca/read", mount=mount)
        if certificate_of(now) not in certificates_of(bundle):
            raise Mismatch("the mount's CA is none of the bundle's certificates")
        outcome.data = {**outcome.data, "certificate": now["certificate"], "issuer_id": world.issuer_id(mount)}
    return outcome


def read_ca_chain(world, mount, args):
    outcome = world.ask("ca/read", args, mount)
    outcome.data.pop("certificate", None)
    must_chain("ca_chain", certificates_of(outcome.data.get("ca_chain")))
    return outcome


# --- roles ----------------------------------------------------------------------------------------------------------


def without(args, *names):
    return {name: value for name, value in args.items() if name not in names}


def of_role(op):
    def run(world, mount, args):
        return world.ask(op, without(args, "name", "role"), mount, role=args.get("name") or args.get("role"))

    return run


# --- certificates ---------------------------------------------------------------------------------------------------


def issue(world, mount, args):
    outcome = world.ask("issue", without(args, "role"), mount, role=args.get("role"))
    if outcome.ok:
        key_checked(outcome, certificate_checked(outcome).public_key(), True)
    return outcome


def sign_with(op):
    def run(world, mount, args):
        role = args.get("role")
        if "role_key_type" in args:
            role = "signs-any"
            fields = {"allow_any_name": True, "enforce_hostnames": False, "key_type": args["role_key_type"]}
            world.must("role/write", fields, mount=mount, role=role)
        outcome = world.ask(op, without(args, "role", "role_key_type"), mount, role=role)
        if outcome.ok and certificate_checked(outcome).public_key() != csr_of(args["csr"]).public_key():
            raise Mismatch("the certificate is for another key than the CSR's")
        return outcome

    return run


def read_cert(world, mount, args):
    serial = args.get("serial_number") or args.get("serial")
    outcome = world.ask("cert/read", {"serial": serial}, mount)
    outcome.data["mount"] = mount
    outcome.data["found"] = outcome.ok
    if outcome.ok:
        outcome.data.setdefault("revocation_time", 0)
        outcome.data.setdefault("revocation_time_rfc3339", "")
        if outcome.data.get("serial_number") and serial_of(serial) != serial_of(outcome.data["serial_number"]):
            raise Mismatch(f"{serial} was asked for, and {outcome.data['serial_number']} came")
    return outcome


def keys_listed(op):
    """Every page of a list, where the scenario does not ask for one page itself."""

    def run(world, mount, args):
        outcome = world.ask(op, args, mount)
        page = outcome.data
        keys = list(page.get("keys", []))
        while "limit" not in args and page.get("next"):
            page = world.must(op, {**args, "after": page["next"]}, mount=mount)
            keys += page["keys"]
        if outcome.ok:
            outcome.data["keys"] = keys
        return outcome

    return run


# --- revocation and CRLs --------------------------------------------------------------------------------------------


def read_crl(world, mount, args):
    return crl_described(world, mount, world.crl(mount, args))


def crl_described(world, mount, outcome):
    if not outcome.ok:
        return outcome
    crl = crl_of(outcome.data["crl"])
    issuer = certificate_of(world.must("ca/read", mount=mount))
    if not crl.is_signature_valid(issuer.public_key()) or crl.issuer != issuer.subject:
        raise Mismatch("the CRL is not the mount's CA's")
    if extension(crl, x509.CRLNumber).crl_number != outcome.data["crl_number"]:
        raise Mismatch("crl_number is not the CRL's number")
    this_update, next_update = times_of(crl)
    outcome.data |= {
        "parsed": crl,
        "keys": [entry.serial_number for entry in crl],
        "this_update": this_update,
        "next_update": next_update,
        "validity": next_update - this_update,
        "extensions": [item.oid.dotted_string for item in crl.extensions],
    }
    return outcome


def crl_config(world, mount, args):
    """What is not given stays, as today; the seed's document wants expiry each time."""
    if world.manual.requires("crl/write", "expiry") and "expiry" not in args:
        args["expiry"] = world.must("crl/config/read", mount=mount)["expiry"]
    world.values.settings.update(args)
    return world.change(mount, lambda: world.ask("crl/write", args, mount))


def wait_crl_number_above(world, mount, args):
    than = args["than"]
    number = than["crl_number"] if isinstance(than, dict) else int(than)
    outcome = world.crl_above(mount, number, CRL_TIMEOUT)
    if outcome is None:
        raise Mismatch(f"no CRL with a number over {number} came in {CRL_TIMEOUT} s")
    return crl_described(world, mount, outcome)


def read_revocation_entry(world, mount, args):
    record = world.revocation_entry(mount, args["serial_number"])
    return Outcome({"issuer_id": record["issuer"], "revocation_time": record["date"], "reason_code": record["reason"]})


# --- mounts, time, storage ------------------------------------------------------------------------------------------


def create_mount(world, mount, args):
    return world.make_mount(mount, args)


def plain(op):
    return lambda world, mount, args: world.ask(op, args, mount)


def sleep(world, mount, args):
    time.sleep(span(args["seconds"]))
    return Outcome()


def sleep_until(world, mount, args):
    time.sleep(max(0, args["time"] - time.time()))
    return Outcome()


def store_raw(world, mount, args):
    world.forget_field_of_role(mount, args["key"].removeprefix("role/"), args["remove_field"])
    return Outcome()


# --- the table ------------------------------------------------------------------------------------------------------


@dataclass
class Operation:
    """One row. Parameters and fields of answers that are in the worker's own tables are known without standing here."""

    run: Callable
    op: str = ""  # certmill's operation; empty: none is needed
    own: frozenset = frozenset()  # arguments that run reads itself
    today: frozenset = frozenset()  # arguments of today's servers: skipped while the worker has none of that name
    results: frozenset = frozenset()  # results of today's servers: the same
    checks: dict = field(default_factory=dict)
    signs: bool = False  # needs a CA in the mount
    makes_ca: bool = False


def row(run, op="", own=(), today=(), results=(), **more):
    return Operation(run, op, frozenset(own), frozenset(today), frozenset(results), **more)


ISSUED = {"checks": checks.ISSUED}
SIGNED = {"checks": checks.ISSUED, "signs": True}
CA = {"checks": checks.CA, "makes_ca": True}
LIST = {"checks": checks.KEYS}
IMPORT = row(set_ca, "ca/set", ["pem_bundle"], ["issuer_name", "key_name"], fields.IMPORT_RESULTS, **CA)
INTERMEDIATE = row(
    generate_intermediate,
    "ca/generate/intermediate",
    today=fields.CA,
    results=fields.ISSUER_RESULTS,
    checks=checks.REQUESTED,
)
READ_URLS = row(plain("urls/read"), "urls/read", results=fields.URLS)
SLEEP_UNTIL = row(sleep_until, own=["time"])
REVOCATION_ENTRY = {name: checks.datum(name, name) for name in ("issuer_id", "revocation_time", "reason_code")}

OPERATIONS = {
    "generate_root": row(generate_root, "ca/generate/root", ["ttl"], fields.CA, fields.ISSUER_RESULTS, **CA),
    "generate_intermediate_csr": INTERMEDIATE,
    "generate_intermediate": INTERMEDIATE,
    "sign_intermediate": row(sign_intermediate, "ca/sign", today=fields.CA_SIGN, **SIGNED),
    "set_signed": row(set_ca, "ca/set", ["certificate", "pem_bundle"], results=fields.IMPORT_RESULTS, **CA),
    "import_issuers": IMPORT,
    "config_ca": IMPORT,
    "set_ca": IMPORT,
    "read_ca": row(plain("ca/read"), "ca/read", **ISSUED),
    "read_ca_chain": row(read_ca_chain, "ca/read", checks=checks.CHAIN),
    "write_role": row(of_role("role/write"), "role/write", ["name"], fields.ROLE),
    "patch_role": row(of_role("role/patch"), "role/patch", ["name"], fields.ROLE),
    "read_role": row(of_role("role/read"), "role/read", ["name"], results=fields.ROLE),
    "delete_role": row(of_role("role/delete"), "role/delete", ["name"]),
    "list_roles": row(keys_listed("role/list"), "role/list", **LIST),
    "issue": row(issue, "issue", ["role"], fields.ISSUE, **SIGNED),
    "sign": row(sign_with("sign"), "sign", ["role", "role_key_type"], fields.ISSUE, **SIGNED),
    "sign_verbatim": row(sign_with("sign-verbatim"), "sign-verbatim", ["role"], fields.ISSUE, **SIGNED),
    "read_cert": row(read_cert, "cert/read", results=["issuer_id"], checks=checks.READ_CERTIFICATE),
    "list_certs": row(keys_listed("cert/list"), "cert/list", **LIST),
    "revoke": row(plain("revoke"), "revoke", today=["lease_id"]),
    "crl_config": row(crl_config, "crl/write", today=fields.CRL_CONFIG, results=fields.CRL_CONFIG),
    "read_crl_config": row(plain("crl/config/read"), "crl/config/read", results=fields.CRL_CONFIG),
    "read_crl": row(read_crl, "crl/read", checks=checks.CRL),
    "crl_rotate": row(plain("crl/rotate"), "crl/rotate"),
    "wait_crl_number_above": row(wait_crl_number_above, "crl/read", ["than"], checks=checks.CRL),
    "read_revocation_entry": row(read_revocation_entry, "revoke", ["serial_number"], checks=REVOCATION_ENTRY),
    "config_urls": row(plain("urls/write"), "urls/write", today=fields.URLS),
    "read_urls": READ_URLS,
    "read_config_urls": READ_URLS,
    "mount": row(create_mount, "mount/write"),
    "tune_mount": row(plain("mount/tune"), "mount/tune", today=["default_ttl", "max_ttl"]),
    "delete_mount": row(plain("mount/delete"), "mount/delete"),
    "sleep": row(sleep, own=["seconds"]),
    "sleep_until": SLEEP_UNTIL,
    "wait_until": SLEEP_UNTIL,
    "store_raw": row(store_raw, "role/read", ["key", "remove_field"], ["value", "issuer_id"]),
}
