"""The kinds of rows that the spread has, and what each asks of certmill."""

from dataclasses import dataclass, field, replace

from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose

# (key_type, key_bits) of the role or CA
KEYS = {
    "rsa-2048": ("rsa", 2048),
    "rsa-3072": ("rsa", 3072),
    "rsa-4096": ("rsa", 4096),
    "rsa-8192": ("rsa", 8192),
    "ec-224": ("ec", 224),
    "ec-256": ("ec", 256),
    "ec-384": ("ec", 384),
    "ec-521": ("ec", 521),
    "ed25519": ("ed25519", 0),
}

# digitalSignature, keyAgreement and keyEncipherment, less what RFC 3279, 8813 and 8410 forbid for the key
USUAL_BITS = {
    "rsa": ["digitalSignature", "keyEncipherment"],
    "ec": ["digitalSignature", "keyAgreement"],
    "ed25519": ["digitalSignature"],
}
USUAL_PURPOSES = [Purpose.SERVER_AUTH.dotted_string, Purpose.CLIENT_AUTH.dotted_string]

HOST = "host.example.com"
CENTURY = "876000h"


def key_params(key):
    key_type, bits = KEYS[key]
    return {"key_type": key_type, "key_bits": bits} if bits else {"key_type": key_type}


@dataclass(frozen=True)
class Ca:
    """A mount with its CA, all the certificates that it signs, and its CRLs."""

    id: str
    key: str = "ec-256"
    how: str = "root"  # root, intermediate (of parent), or the name of a bundle in bundles.py
    parent: str = ""
    params: dict = field(default_factory=dict)  # of ca/generate/*
    sign: dict = field(default_factory=dict)  # of ca/sign, in the parent's mount
    mount: dict = field(default_factory=dict)
    urls: dict = field(default_factory=dict)
    crl_expiry: str = ""
    expect: dict = field(default_factory=dict)
    public_tls: bool = False
    needs: tuple = ()  # operations that came with values which the manual's tables do not show

    @property
    def mount_params(self):
        return {"default_ttl": "720h", "max_ttl": CENTURY, **self.mount}

    @property
    def generate_params(self):
        own = {} if self.how == "intermediate" else {"ttl": "438000h"}
        return {"common_name": f"Spread {self.id}", **own, **key_params(self.key), **self.params}

    @property
    def sign_params(self):
        names = {} if self.sign.get("use_csr_values") else {"common_name": self.generate_params["common_name"]}
        return {"ttl": "219000h", **names, **self.sign}

    def requests(self):
        """(operation, parameters) of all that makes it."""
        yield from ((op, {}) for op in self.needs)
        yield "mount/write", self.mount_params
        if self.how == "root":
            yield "ca/generate/root", self.generate_params
        elif self.how == "intermediate":
            yield "ca/generate/intermediate", self.generate_params
            yield "ca/sign", {"csr": "", **self.sign_params}
            yield "ca/set", {"pem_bundle": ""}
        else:
            yield "ca/set", {"pem_bundle": ""}
        if self.urls:
            yield "urls/write", self.urls
        if self.crl_expiry:
            yield "crl/write", {"expiry": self.crl_expiry}


@dataclass(frozen=True)
class Leaf:
    """A certificate of an end entity. What expect does not say is what a plain request gets."""

    id: str
    ca: str = "root-ec-256"
    key: str = "ec-256"
    op: str = "sign"
    role: dict = field(default_factory=dict)
    params: dict = field(default_factory=dict)
    csr: dict = field(default_factory=dict)  # of keys.request
    revoke: dict | None = None  # parameters beside the serial number
    expect: dict = field(default_factory=dict)
    public_tls: bool = False

    @property
    def role_fields(self):
        return {
            "allow_any_name": True,
            "enforce_hostnames": True,
            "max_ttl": CENTURY,
            **key_params(self.key),
            **self.role,
        }

    @property
    def leaf_params(self):
        takes_csr_name = self.op == "sign-verbatim" or "common_name" in self.params
        name = {} if takes_csr_name else {"common_name": HOST}
        params = {**name, **self.params}
        return {field: value for field, value in params.items() if value is not None}

    @property
    def plain(self):
        return {
            "subject": [f"CN={self.leaf_params.get('common_name', HOST)}"],
            "names": [f"dns:{HOST}"],
            "key_usage": USUAL_BITS[KEYS[self.key][0]],
            "eku": USUAL_PURPOSES,
        }

    def requests(self):
        csr = {} if self.op == "issue" else {"csr": ""}
        yield "role/write", self.role_fields
        yield self.op, {**csr, **self.leaf_params}
        if self.revoke is not None:
            yield "revoke", {"serial_number": "", **self.revoke}


def named(prefix, rows, kind=Leaf, **common):
    """Entries of a table {name: fields}; what a row says goes before what is common."""
    return [replace(kind(f"{prefix}{name}", **common), **fields) for name, fields in rows.items()]


def missing(features, entry, cas):
    """What an entry needs and the build does not have, its CA's and that one's parents' included."""
    found = [text for op, params in entry.requests() for text in features.missing(op, params)]
    above = entry.parent if isinstance(entry, Ca) else entry.ca
    return found + (missing(features, cas[above], cas) if above else [])
