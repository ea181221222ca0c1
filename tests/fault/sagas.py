"""What the clients of the chaos driver do: requests of every operation, each following from the answers before it.

A saga is a generator. It yields a Call and is sent its answer, the first that settles it; what must not be raises Broken.
"""

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from pki import csr_for, open_jwe, x25519_jwk

ROLE = {"allowed_base_domain": "example.com", "allow_subdomains": True, "max_ttl": "720h"}
ROLES = {
    "ec": {**ROLE, "key_type": "ec"},
    "rsa": {**ROLE, "key_type": "rsa"},
    "ed25519": {**ROLE, "key_type": "ed25519"},
    "brief": {**ROLE, "key_type": "ec", "max_ttl": "90s"},
    "unkept": {**ROLE, "key_type": "ec", "no_store": True},
    "any": {"allow_any_name": True, "key_type": "any"},
}
SHARED = "pki"
CALM = 20  # sagas begun a second by one client; what is beyond asks for keys that cost little
GARBAGE = (b"\xdd\xff\xff\xff\xff", b"\x81\xa1v", b"", b"\xc1", b"\x00" * (200 << 10), b"\x83" + b"\xa2op" * 3, b"[" * 300_000)
LONG_PAST_MS = -300_000  # for a worker whose clock is late, too
MALFORMED = ({"v": 2}, {"surprise": 1}, {"params": []}, {"deadline": "soon"})


class Broken(Exception):
    """A promise, as one client sees it."""


def number_of(serial):
    return int(serial.replace(":", ""), 16)


class Sagas:
    """Those of one client: it has a mount of its own beside the one that all share."""

    def __init__(self, caller, rate):
        self.caller = caller
        self.chance = caller.chance
        self.own = f"mount-{caller.name}"
        self.count = 0
        keys = [ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)]
        self.csrs = [csr_for(key, f"s{i}.example.com") for i, key in enumerate(keys)]
        self.table = (
            (50, self.issue),
            (100 * max(0, rate / CALM - 1), self.issue_quickly),
            (8, self.issue_and_use),
            (4, self.refused),
            (8, self.sign),
            (4, self.verbatim),
            (4, self.twice),
            (2, self.conflict),
            (3, self.hurried),
            (1, self.garbage),
            (1, self.malformed),
            (2, self.dry),
            (8, self.read),
            (2, self.role),
            (1, self.settings),
            (0.3, self.rotate),
            (0.15, self.chain_of_cas),
            (0.15, self.short_lived_mount),
        )

    def next(self):
        weights, sagas = zip(*self.table)
        return self.chance.choices(sagas, weights)[0]()

    def name(self):
        self.count += 1
        return f"{self.caller.name}-{self.count}.example.com"

    def mount(self):
        return self.chance.choice((SHARED, self.own))

    # ---- leaves ----

    def leaf(self, mount=None, **more):
        role = self.chance.choices(("ec", "ed25519", "brief", "unkept", "rsa"), (80, 8, 6, 5, 1))[0]
        envelope = {"mount": mount or self.mount(), "role": role, **more}
        return self.caller.call("issue", {"common_name": self.name()}, **envelope)

    def issue_quickly(self):
        return self.issue(self.caller.call("issue", {"common_name": self.name()}, mount=self.mount(), role="ec"))

    def issue(self, call=None):
        call = call or self.leaf()
        if self.chance.random() < 0.1:
            call.partition = "any"
        answer = yield call
        cn = x509.load_pem_x509_certificate(answer.data["certificate"].encode()).subject.rfc4514_string()
        if cn != f"CN={call.request['params']['common_name']}":
            raise Broken(f"{call.id} asked for {call.request['params']} and got {cn}")

    def issue_and_use(self):
        """Issued, read, revoked, read again, and the CRL read."""
        mount = self.mount()
        answer = yield self.caller.call("issue", {"common_name": self.name()}, mount=mount, role="ec")
        serial = answer.data["serial"]
        if self.chance.random() < 0.5:
            read = yield self.caller.call("cert/read", {"serial": serial}, mount=mount)
            if read.data["certificate"] != answer.data["certificate"]:
                raise Broken(f"cert/read of {serial} gives another certificate than issue gave")
        if self.chance.random() < 0.5:
            return
        which = self.chance.choice(("serial_number", "lease_id", "certificate"))
        what = answer.data[which]
        revoked = yield self.caller.call("revoke", {which: what, "reason": "superseded"}, mount=mount)
        if revoked.data["state"] != "revoked":
            raise Broken(f"{serial} was not revoked: {revoked.data}")
        self.caller.revoked.append((mount, serial))
        follow = self.chance.choice((self.reads_revoked, self.crl_holds, self.revoked_again))
        yield from follow(mount, serial, revoked)

    def reads_revoked(self, mount, serial, _):
        read = yield self.caller.call("cert/read", {"serial": serial}, mount=mount)
        if not read.data.get("revocation_time"):
            raise Broken(f"cert/read says that {serial} is not revoked, it was answered to be")

    def crl_holds(self, mount, serial, _):
        read = yield self.caller.call("crl/read", mount=mount)
        crl = x509.load_pem_x509_crl(read.data["crl"].encode())
        if crl.get_revoked_certificate_by_serial_number(number_of(serial)) is None:
            raise Broken(f"CRL {read.data['crl_number']} of {mount} lacks {serial}, which was answered to be revoked")

    def revoked_again(self, mount, serial, revoked):
        again = yield self.caller.call("revoke", {"serial_number": serial}, mount=mount)
        if again.data["revocation_time"] != revoked.data["revocation_time"]:
            raise Broken(f"{serial} was revoked at {revoked.data['revocation_time']}, then at {again.data['revocation_time']}")

    def refused(self):
        name = f"{self.caller.name}.evil.org"
        yield self.caller.call("issue", {"common_name": name}, expect=["name_not_allowed"], mount=self.mount(), role="ec")

    def sign(self):
        i = self.chance.randrange(2)
        params = {"csr": self.csrs[i], "common_name": f"s{i}.example.com"}
        yield self.caller.call("sign", params, mount=self.mount(), role=("ec", "rsa")[i])

    def verbatim(self):
        call = self.caller.call("sign-verbatim", {"csr": self.chance.choice(self.csrs), "ttl": "24h"}, mount=self.mount())
        if self.chance.random() < 0.1:
            call.partition = "any"
        yield call

    def twice(self):
        """One id at once on two partitions."""
        call = self.leaf()
        call.partition = "two"
        yield call

    def conflict(self):
        """One id, another body."""
        call = self.leaf()
        yield call
        params = {"common_name": f"other.{call.request['params']['common_name']}"}
        yield self.caller.conflict(call, params)

    def hurried(self):
        """With a deadline that may pass, or has passed."""
        in_ms = self.chance.choice((LONG_PAST_MS, 500, 3000))
        yield self.caller.call(
            "issue",
            {"common_name": self.name()},
            expect=["ok", "deadline_exceeded"] if in_ms > 0 else ["deadline_exceeded"],
            mount=self.mount(),
            role="ec",
            deadline=self.caller.now_ms() + in_ms,
        )

    def garbage(self):
        topic = self.chance.choice(("issue", "sign", "revoke", "config", "query"))
        self.caller.post_garbage(topic, self.chance.choice(GARBAGE))
        return
        yield

    def malformed(self):
        """Bad in form, with an id that can be read."""
        codes = ["unsupported_version", "unknown_field", "wrong_type"]
        call = self.caller.call("issue", {"common_name": self.name()}, expect=codes, mount=self.mount(), role="ec")
        call.request |= self.chance.choice(MALFORMED)
        call.claims = False  # what is bad in form is refused each time anew
        yield call

    def dry(self):
        yield self.leaf(dry_run=True)

    # ---- configuration ----

    def read(self):
        op = self.chance.choice(("mount/list", "ca/read", "cert/list", "urls/read", "crl/config/read", "crl/read", "role/list", "role/read"))
        yield self.caller.call(op, mount=None if op == "mount/list" else self.mount(), role="ec" if op == "role/read" else None)

    def role(self):
        """Written, used, changed, deleted; in force from its answer on, and gone for good."""
        self.count += 1
        of = {"mount": self.own, "role": f"role{self.count}"}
        yield self.caller.call("role/write", {**ROLES["ec"], "ttl": "1h"}, **of)
        yield self.caller.call("issue", {"common_name": self.name()}, **of)
        if self.chance.random() < 0.5:
            yield self.caller.call("role/patch", {"allowed_domains": ["example.net"]}, **of)
            yield self.caller.call("issue", {"common_name": self.name()}, expect=["name_not_allowed"], **of)
        if self.chance.random() < 0.5:
            read = yield self.caller.call("role/read", **of)
            if read.data["ttl"] != 3600:
                raise Broken(f"{of}: written with ttl 1h, read as {read.data}")
        yield self.caller.call("role/delete", **of)
        yield self.caller.call("issue", {"common_name": self.name()}, expect=["unknown_role"], **of)

    def settings(self):
        op, params = self.chance.choice(
            (
                ("urls/write", {"issuing_certificates": f"http://{self.name()}/ca"}),
                ("crl/write", {"expiry": self.chance.choice(("48h", "72h"))}),
                ("mount/tune", {"description": self.name()}),
            )
        )
        yield self.caller.call(op, params, mount=self.own)

    def rotate(self):
        yield self.caller.call("crl/rotate", mount=self.mount())

    # ---- mounts and CAs ----

    def new_mount(self):
        self.count += 1
        return f"{self.own}-{self.count}"

    def short_lived_mount(self):
        """Made with a CA, used, deleted."""
        mount = self.new_mount()
        yield self.caller.call("mount/write", {"max_ttl": "8760h"}, mount=mount)
        private, jwk = x25519_jwk()
        params = {"common_name": f"Root of {mount}", "key_type": "ec", "ttl": "8000h", "exported": "exported"}
        made = yield self.caller.call("ca/generate/root", params, mount=mount, seal_to=jwk)
        ca = x509.load_pem_x509_certificate(made.data["certificate"].encode())
        if "private_key" in made.data:
            key = serialization.load_pem_private_key(open_jwe(private, made.data["private_key"]), None)
            if key.public_key() != ca.public_key():
                raise Broken(f"the exported key of {mount} is not its CA's")
        yield from self.leaf_of(mount, ca)
        yield self.caller.call("mount/delete", mount=mount)
        issue = self.caller.call("issue", {"common_name": self.name()}, expect=["unknown_mount"], mount=mount, role="ec")
        yield issue

    def chain_of_cas(self):
        """A CA under the shared one, and a leaf under it."""
        mount = self.new_mount()
        yield self.caller.call("mount/write", {"max_ttl": "8760h"}, mount=mount)
        csr = yield self.caller.call("ca/generate/intermediate", {"common_name": f"CA of {mount}", "key_type": "ec"}, mount=mount)
        params = {"csr": csr.data["csr"], "common_name": f"CA of {mount}", "ttl": "1000h"}
        signed = yield self.caller.call("ca/sign", params, mount=SHARED)
        yield self.caller.call("ca/set", {"pem_bundle": signed.data["certificate"]}, mount=mount)
        yield from self.leaf_of(mount, x509.load_pem_x509_certificate(signed.data["certificate"].encode()))
        yield self.caller.call("crl/rotate", mount=mount)
        yield self.caller.call("mount/delete", mount=mount)

    def leaf_of(self, mount, ca):
        yield self.caller.call("role/write", ROLES["any"], mount=mount, role="any")
        params = {"common_name": self.name(), "key_type": "ed25519"}
        leaf = yield self.caller.call("issue", params, mount=mount, role="any")
        x509.load_pem_x509_certificate(leaf.data["certificate"].encode()).verify_directly_issued_by(ca)


def set_up(client, names):
    """The mounts of the clients, before there is any fault."""
    for mount, key_type in ((SHARED, "ec"), *((f"mount-{name}", key_type) for name, key_type in names)):
        client.ask("mount/write", {"max_ttl": "8760h"}, mount=mount, timeout=120).data
        root = {"common_name": f"Root of {mount}", "key_type": key_type, "ttl": "8000h"}
        client.ask("ca/generate/root", root, mount=mount, timeout=120).data
        for role, params in ROLES.items():
            client.ask("role/write", params, mount=mount, role=role, timeout=120).data
