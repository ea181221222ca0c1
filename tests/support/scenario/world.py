"""One scenario's mounts on the shared cluster, and how it asks there."""

import re
import time
from dataclasses import dataclass, field

import msgpack
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from pki import ca_certificate, name, open_jwe, seal_keys, x25519_jwk
from scenario import Mismatch, Missing
from scenario.certificates import serial_of
from scenario.language import Values
from scenario.materials import Materials

ANSWER_TIMEOUT = 120
CRL_TIMEOUT = 60
MOUNT_MAX_TTL = "768h"
# where a mount is not described, so that a leaf that asks for nothing does not outlive the root that was made before it
MOUNT_DEFAULT_TTL = "24h"


@dataclass
class Outcome:
    """What a step came to. data is what $NAME refers to when the step is saved."""

    data: dict = field(default_factory=dict)
    warnings: list = field(default_factory=list)  # of {code, message}
    error: dict | None = None
    asked: float = 0  # when, in seconds since the epoch

    @property
    def ok(self):
        return self.error is None

    @property
    def codes(self):
        return [warning["code"] for warning in self.warnings]


class World:
    """number tells the mounts of one scenario from those of all others."""

    def __init__(self, cluster, manual, scenario, number):
        self.cluster = cluster
        self.client = cluster.client
        self.manual = manual
        self.number = number
        self.role_defaults = scenario.get("role_defaults", "current")
        self.described = scenario.get("mount", {})
        self.values = Values(Materials())
        self.mounts = {}  # by label, their parameters
        self.crl_due = {}  # mount: the CRL's number before a change that makes a new one
        self.warned = set()  # the warnings of the steps before

    # --- asking

    def ask(self, op, params=None, mount=None, role=None, seal_to=None):
        topic = self.manual.operations[op].topic
        envelope = {"mount": mount and self.mount(mount), "role": role, "seal_to": seal_to}
        request = self.client.request(op, params, **envelope)
        asked = time.time()
        body = self.client.wait_for(self.client.send(request, kind=topic), ANSWER_TIMEOUT).body
        return Outcome(body.get("data") or {}, body.get("warnings") or [], body.get("error"), asked)

    def must(self, op, params=None, **options):
        outcome = self.ask(op, params, **options)
        if not outcome.ok:
            raise Mismatch(f"{op}, which the step needs, was refused: {outcome.error}")
        return outcome.data

    def ask_for_key(self, op, params, mount):
        """The private key travels sealed; the outcome has it in the clear."""
        private, jwk = x25519_jwk()
        outcome = self.ask(op, params, mount, seal_to=jwk if self.manual.operations[op].takes_seal_to else None)
        key = outcome.data.get("private_key", "")
        if key.count(".") == 4:
            outcome.data["private_key"] = open_jwe(private, key).decode()
        return outcome

    # --- mounts

    def mount(self, label):
        """Its name. It is made when it is first asked for."""
        if label not in self.mounts and not self.make_mount(label, {}).ok:
            raise Mismatch(f"the mount {label} could not be made")
        return f"s{self.number}-{re.sub('[^A-Za-z0-9]+', '-', label).strip('-')}"

    def make_mount(self, label, params):
        params = {"default_ttl": MOUNT_DEFAULT_TTL, "max_ttl": MOUNT_MAX_TTL, **self.described, **params}
        params.pop("periodic_tick", None)  # how often a server looks what is due; here nothing waits for that
        if "role_defaults" in self.manual.params("mount/write"):
            params.setdefault("role_defaults", self.role_defaults)
        self.mounts[label] = params
        return self.ask("mount/write", params, label)

    def max_ttl(self, label):
        self.mount(label)
        return self.mounts[label]["max_ttl"]

    def issuer_id(self, mount):
        listed = self.must("mount/list")["mounts"]
        return next((entry.get("issuer", "") for entry in listed if entry["mount"] == self.mount(mount)), "")

    def give_ca(self, mount):
        """A CA for a scenario that takes it for granted."""
        params = {"common_name": "Granted Root", "key_type": "ec", "ttl": self.max_ttl(mount)}
        outcome = self.change(mount, lambda: self.ask("ca/generate/root", params, mount))
        if not outcome.ok:
            raise Mismatch(f"the CA that it takes for granted was refused: {outcome.error}")

    def seal(self, bundle):
        return seal_keys(f"{bundle.rstrip()}\n", self.must("mount/list")["seal_key"])

    # --- CRLs: a change of configuration is answered before the CRL that it asks for is made

    def crl_number(self, mount):
        outcome = self.ask("crl/read", mount=mount)
        return outcome.data.get("crl_number", 0)

    def change(self, mount, ask):
        """Asks for what makes a new CRL, if it is done and the mount has a CA then."""
        before, outcome = self.crl_number(mount), ask()
        if outcome.ok and self.issuer_id(mount):
            self.crl_due[mount] = before
        return outcome

    def crl_above(self, mount, number, seconds):
        """The current CRL, waited for until its number is above that one; None in the end."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            outcome = self.ask("crl/read", mount=mount)
            if outcome.ok and outcome.data["crl_number"] > number:
                return outcome
            time.sleep(0.1)
        return None

    def crl(self, mount, params):
        if mount in self.crl_due and not self.crl_above(mount, self.crl_due.pop(mount), CRL_TIMEOUT):
            raise Mismatch(f"no new CRL came in {CRL_TIMEOUT} s")
        return self.ask("crl/read", params, mount)

    # --- what upstream's tests put into the storage by hand

    def store_certificate(self, mount, serial):
        """A certificate of that serial number that no request made, in its topic and in the view."""
        number = serial_of(serial)
        octets = number.to_bytes(number.bit_length() // 8 + 1, "big")  # as in the DER of an INTEGER
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = ca_certificate("Stored", key, name("Stored"), key, days=1)
        now = int(time.time())
        record = {
            "v": 1,
            "serial": octets,
            "mount": self.mount(mount),
            "issuer": "elsewhere",
            "certificate": certificate.public_bytes(Encoding.DER),
            "not_before": int(certificate.not_valid_before_utc.timestamp()),
            "not_after": int(certificate.not_valid_after_utc.timestamp()),
            "issued": now * 1000,
            "request": "stored-by-hand",
            "source": f"{self.client.topic('issue')}/0/0",
        }
        row = msgpack.packb(record)
        self.client.produce("certs", row, f"{self.mount(mount)}/{octets.hex()}")
        stored = self.cluster.redis.command("SET", f"cm:cert:{self.mount(mount)}:{octets.hex()}", row)
        if stored != b"+OK":
            raise Mismatch(f"Redis did not take the certificate: {stored}")

    def forget_field_of_role(self, mount, role, name_of_field):
        """Writes the role's record again as it was before there was such a field."""
        key = f"role/{self.mount(mount)}/{role}".encode()
        records = [record for record in self.client.read("state") if record.key == key]
        if not records or records[-1].value is None:
            raise Mismatch(f"there is no record of role {role}")
        fields = records[-1].body()
        if name_of_field not in fields:
            raise Mismatch(f"the record of role {role} has no {name_of_field}")
        del fields[name_of_field]
        self.client.produce("state", msgpack.packb(fields), key)

    def revocation_entry(self, mount, serial):
        key = f"{self.mount(mount)}/{re.sub('[:-]', '', serial).lower()}".encode()
        records = [record for record in self.client.read("revoked") if record.key == key]
        if not records or records[-1].value is None:
            raise Mismatch(f"{serial} has no record in .revoked")
        return records[-1].body()


def missing_if_refused(outcome, name_of_field, what):
    """A value that the worker does not take yet."""
    if not outcome.ok and outcome.error["code"] == "invalid_value" and outcome.error.get("field") == name_of_field:
        raise Missing(what)
