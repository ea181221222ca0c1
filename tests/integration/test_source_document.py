"""The source document, section by section, from the command line: its lines stand as they are written there, and `vault` is
certmill. docs/seed.md says which test shows what."""

import base64
import ipaddress
import json
import os
import re
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from cluster import PROGRAMS
from engines import ROOT
from pki import ca_bundle, chain_verifies, csr_for

SUB = "allowed_base_domain=example.com allow_subdomains=true"
HEX = r"([0-9a-f]{2}:){19}[0-9a-f]{2}"


class Shell:
    """A folder and a shell in it, where `vault` is certmill."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.folder = cluster.folder
        (self.folder / "bin").mkdir()
        (self.folder / "bin" / "vault").symlink_to(PROGRAMS / "certmill")

    def run(self, line, **options):
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        environment = {**os.environ, **self.cluster.client_environment(), "PATH": path}
        return subprocess.run(
            ["sh", "-c", line], cwd=self.folder, env=environment, capture_output=True, timeout=120, check=False, **options
        )

    def say(self, line):
        """What a line prints that must do what it says."""
        run = self.run(line, text=True)
        assert run.returncode == 0, f"{line}\nended with {run.returncode}:\n{run.stdout}\n{run.stderr}"
        return run.stdout

    def refuse(self, line):
        """What a line says on standard error that must be refused by the fleet."""
        run = self.run(line, text=True)
        assert run.returncode == 2, f"{line}\nended with {run.returncode}:\n{run.stdout}\n{run.stderr}"
        return run.stderr

    def reply(self, line):
        return json.loads(self.say(f"{line} -format=json"))

    def data(self, line):
        return self.reply(line)["data"]

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def ca(self, mount):
        return x509.load_pem_x509_certificate(self.say(f"vault read {mount}/ca/pem").encode())

    def crl(self, mount):
        return x509.load_pem_x509_crl(self.say(f"vault read {mount}/crl/pem").encode())


def certificate(data, field="certificate"):
    return x509.load_pem_x509_certificate(data[field].encode())


def private_key(data):
    return serialization.load_pem_private_key(data["private_key"].encode(), None)


def common_name(thing):
    return thing.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value


def extension(thing, kind):
    return thing.extensions.get_extension_for_class(kind).value


def has_extension(thing, kind):
    return any(isinstance(e.value, kind) for e in thing.extensions)


def names(thing):
    """Its alternative names, as one set of texts."""
    return {str(name.value) for name in extension(thing, x509.SubjectAlternativeName)}


def lifetime(leaf):
    """In seconds, but for what it begins early."""
    return (leaf.not_valid_after_utc - leaf.not_valid_before_utc).total_seconds()


def is_about(seconds, wanted):
    return abs(seconds - wanted) < 120


@pytest.fixture(scope="module")
def shell(cluster):
    shell = Shell(cluster)
    bundle = ca_bundle()[0]
    shell.write("ca_bundle.pem", bundle)
    shell.write("bundle.pem", bundle)
    return shell


def test_docs_seed_names_tests_that_exist():
    page = (ROOT / "docs" / "seed.md").read_text()
    sources = "".join(path.read_text() for path in (ROOT / "tests" / "integration").glob("test_*.py"))
    missing = [name for name in re.findall(r"`(test_\w+)`", page) if f"def {name}(" not in sources]
    for kind, name in re.findall(r"`(unit|component)_(\w+)`", page):
        if not (ROOT / "tests" / kind / f"test_{name}.c").exists():
            missing.append(f"{kind}_{name}")
    assert not missing


# --- Quick Start ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def started(shell):
    """The quick start's lines, and what each says."""
    lines = {
        "mount": "vault mount pki",
        "set": 'vault write pki/config/ca \\\n    pem_bundle="@ca_bundle.pem"',
        "pipe": 'cat bundle.pem | vault write pki/config/ca pem_bundle="-"',
        "role": 'vault write pki/roles/example-dot-com \\\n    allowed_base_domain="example.com" \\\n'
        '    allow_subdomains="true" max_ttl="72h"',
        "issue": "vault write pki/issue/example-dot-com \\\n    common_name=blah.example.com",
        "help": "vault path-help pki",
    }  # fmt: skip
    shell.said = {name: shell.say(line) for name, line in lines.items()}
    return shell


def test_quick_start(started):
    said = started.said
    assert said["mount"] == "Successfully mounted 'pki' at 'pki'!\n"
    assert said["set"] == said["pipe"] == "Success! Data written to: pki/config/ca\n"
    assert said["role"] == "Success! Data written to: pki/roles/example-dot-com\n"
    rows = [
        r"Key +Value",
        r"lease_id +pki/issue/example-dot-com/[0-9a-f-]+",
        r"lease_duration +(2591\d\d|259200)",
        r"lease_renewable +false",
        r"certificate +-----BEGIN CERTIFICATE-----",
        r"issuing_ca +-----BEGIN CERTIFICATE-----",
        r"private_key +-----BEGIN RSA PRIVATE KEY-----",
        rf"serial_number +{HEX}",
    ]
    table = said["issue"].splitlines()
    found = [next((i for i, line in enumerate(table) if re.search(f"^(?:{row})$", line)), None) for row in rows]
    assert None not in found and found == sorted(found), f"rows {found} in\n{said['issue']}"
    assert [line.split()[0] for line in table[:4]] == ["Key", "lease_id", "lease_duration", "lease_renewable"]


# --- path-help ------------------------------------------------------------------------------------------------------

# Each path of the document, and its parameters there.
NAMES = ["common_name", "alt_names", "ip_sans"]
KEY = ["key_type", "key_bits"]
ROLE = [
    *["ttl", "max_ttl", "allow_localhost", "allowed_base_domain", "allow_base_domain", "allow_token_displayname"],
    *["allow_subdomains", "allow_any_name", "enforce_hostnames", "allow_ip_sans", "server_flag", "client_flag"],
    *["code_signing_flag", "email_protection_flag", *KEY, "use_csr_common_name"],
]  # fmt: skip
PATHS = {
    "ca": [],
    "ca/pem": [],
    "cert/5e:62:eb": ["serial"],
    "config/ca": ["pem_bundle"],
    "config/ca/set": ["pem_bundle"],
    "config/ca/generate/intermediate/exported": [*NAMES, "format", *KEY],
    "config/ca/generate/root/internal": [*NAMES, "ttl", "format", *KEY, "max_path_length"],
    "config/ca/sign": ["csr", *NAMES, "ttl", "format", "max_path_length", "use_csr_values"],
    "config/urls": ["issuing_certificates", "crl_distribution_points", "ocsp_servers"],
    "config/crl": ["expiry"],
    "crl": [],
    "crl/pem": [],
    "crl/rotate": [],
    "issue/example-dot-com": [*NAMES, "ttl", "format"],
    "revoke": ["serial_number"],
    "roles/example-dot-com": ROLE,
    "sign/example-dot-com": ["csr", *NAMES, "ttl", "format"],
}


@pytest.mark.parametrize("path", PATHS)
def test_path_help(shell, path):
    said = shell.say(f"vault path-help pki/{path}")
    missing = [name for name in PATHS[path] if not re.search(rf"^    {name} \(", said, re.M)]
    assert not missing, f"{missing} are not in\n{said}"


def test_path_help_lists_paths(started):
    listed = set(re.findall(r"^    \w+ +pki/(\S+)$", started.said["help"], re.M))
    placeholders = {
        "cert/5e:62:eb": "cert/:serial",
        "config/ca/generate/intermediate/exported": "config/ca/generate/intermediate/:exported",
        "config/ca/generate/root/internal": "config/ca/generate/root/:exported",
    }
    wanted = {placeholders.get(path, path.replace("example-dot-com", ":role")) for path in PATHS}
    assert wanted <= listed, f"{wanted - listed} are missing"


# --- /pki/ca, /pki/cert ---------------------------------------------------------------------------------------------


def test_ca(started):
    der = started.run("vault read pki/ca").stdout
    pem = started.say("vault read pki/ca/pem")
    assert x509.load_der_x509_certificate(der) == x509.load_pem_x509_certificate(pem.encode())
    assert started.data("vault read pki/cert/ca")["certificate"].strip() == pem.strip()


def test_cert(started):
    issued = started.data("vault write pki/issue/example-dot-com common_name=cert.example.com")
    for serial in (issued["serial_number"], issued["serial"].replace(":", "-"), issued["serial"].upper()):
        assert started.data(f"vault read pki/cert/{serial}")["certificate"].strip() == issued["certificate"].strip()
    assert "private_key" not in started.data(f"vault read pki/cert/{issued['serial']}")
    crl = started.data("vault read pki/cert/crl")["certificate"]
    x509.load_pem_x509_crl(crl.encode())
    assert "unknown_serial" in started.refuse("vault read pki/cert/11:22:33")


# --- /pki/config/ca -------------------------------------------------------------------------------------------------


def mount(shell, name, *options):
    shell.say(f"vault mount -path={name} {' '.join(options)} pki")
    return name


def test_config_ca_set(shell):
    mount(shell, "set")
    bundle, _, intermediate = ca_bundle()
    shell.write("set.pem", bundle)
    assert shell.say("vault write set/config/ca/set pem_bundle=@set.pem") == "Success! Data written to: set/config/ca/set\n"
    assert shell.ca("set") == intermediate
    reply = shell.reply("vault write set/config/ca/set pem_bundle=@set.pem")
    assert reply["data"] == {}, "the same CA again changes nothing"
    shell.write("another.pem", ca_bundle()[0])
    assert "issuer_exists" in shell.refuse("vault write set/config/ca/set pem_bundle=@another.pem")
    assert shell.ca("set") == intermediate


KINDS = ["exported", "external", "internal"]
SUBJECT = 'common_name="inter.example.com" alt_names="a.example.com,ca@example.com" ip_sans="10.0.0.1"'


def check_subject(thing):
    assert common_name(thing) == "inter.example.com"
    assert names(thing) == {"inter.example.com", "a.example.com", "ca@example.com", "10.0.0.1"}
    kinds = {type(name) for name in extension(thing, x509.SubjectAlternativeName)}
    assert kinds == {x509.DNSName, x509.RFC822Name, x509.IPAddress}


@pytest.mark.parametrize("kind", KINDS)
def test_generate_intermediate(shell, kind):
    name = mount(shell, f"inter-{kind}")
    reply = shell.reply(f"vault write {name}/config/ca/generate/intermediate/{kind} {SUBJECT}")
    assert reply["lease_id"] == "" and reply["renewable"] is False
    csr = x509.load_pem_x509_csr(reply["data"]["csr"].encode())
    assert csr.is_signature_valid
    check_subject(csr)
    assert isinstance(csr.public_key(), rsa.RSAPublicKey) and csr.public_key().key_size == 2048
    assert ("private_key" in reply["data"]) == (kind != "internal")
    if kind != "internal":
        assert private_key(reply["data"]).public_key() == csr.public_key()


@pytest.mark.parametrize("kind", KINDS)
def test_generate_root(shell, kind):
    name = mount(shell, f"root-{kind}")
    reply = shell.reply(f"vault write {name}/config/ca/generate/root/{kind} {SUBJECT}")
    data, ca = reply["data"], certificate(reply["data"])
    assert reply["lease_id"] == "" and reply["renewable"] is False
    check_subject(ca)
    assert chain_verifies(ca, ca) and ca == certificate(data, "issuing_ca") == shell.ca(name)
    assert re.fullmatch(HEX, data["serial"]) and data["serial"] == data["serial_number"]
    constraints = extension(ca, x509.BasicConstraints)
    assert constraints.ca and constraints.path_length is None
    assert isinstance(ca.public_key(), rsa.RSAPublicKey) and ca.public_key().key_size == 2048
    assert ("private_key" in data) == (kind != "internal")
    if kind != "internal":
        assert private_key(data).public_key() == ca.public_key()


def topics_with(shell, key_pem, topics):
    """Those that hold an EC key, as PEM or as it is."""
    key = serialization.load_pem_private_key(key_pem.encode(), None)
    needles = key.private_numbers().private_value.to_bytes(32, "big"), key_pem.splitlines()[1].encode()
    records = [(topic, record.value or b"") for topic in topics for record in shell.cluster.client.read(topic)]
    return {topic for topic, value in records if any(needle in value for needle in needles)}


LEDGER = ["state", "certs", "revoked", "audit", "crl", "ca", "rejects"]


def test_an_exported_key_is_in_clear_on_no_topic(shell):
    mount(shell, "sealed")
    exported = shell.data("vault write sealed/config/ca/generate/root/exported common_name=sealed key_type=ec")
    answers = [record.value for record in shell.cluster.client.read("responses")]
    assert any(exported["serial"].encode() in value for value in answers)
    assert not topics_with(shell, exported["private_key"], ["responses", "config", *LEDGER])


def test_internal_keys_cannot_be_had_later(shell):
    mount(shell, "kept")
    shell.say("vault write kept/config/ca/generate/root/internal common_name=kept key_type=ec")
    assert "issuer_exists" in shell.refuse("vault write kept/config/ca/generate/root/exported common_name=kept key_type=ec")
    for path in ("ca/pem", "cert/ca", "config/urls"):
        assert "PRIVATE KEY" not in shell.say(f"vault read kept/{path}")


@pytest.mark.parametrize("path, field", [("root", "certificate"), ("intermediate", "csr")])
def test_generate_der(shell, path, field):
    name = mount(shell, f"der-{path}")
    data = shell.data(f"vault write {name}/config/ca/generate/{path}/exported common_name=d key_type=ec format=der")
    read = x509.load_der_x509_certificate if path == "root" else x509.load_der_x509_csr
    made = read(base64.b64decode(data[field], validate=True))
    key = serialization.load_der_private_key(base64.b64decode(data["private_key"], validate=True), None)
    assert key.public_key() == made.public_key()


KEYS = {"key_type=ec": (ec, 256), "key_type=ec key_bits=384": (ec, 384), "key_bits=3072": (rsa, 3072)}


def check_key(public, kind, bits):
    assert isinstance(public, ec.EllipticCurvePublicKey if kind is ec else rsa.RSAPublicKey) and public.key_size == bits


@pytest.mark.parametrize("path", ["root", "intermediate"])
@pytest.mark.parametrize("key", KEYS)
def test_generate_keys(shell, path, key):
    kind, bits = KEYS[key]
    name = mount(shell, f"keys-{path}-{bits}")
    data = shell.data(f"vault write {name}/config/ca/generate/{path}/internal common_name=k {key} -timeout=100s")
    made = certificate(data) if path == "root" else x509.load_pem_x509_csr(data["csr"].encode())
    check_key(made.public_key(), kind, bits)


@pytest.mark.parametrize("path", ["root", "intermediate"])
def test_generate_refuses(shell, path):
    name = mount(shell, f"refuses-{path}")
    write = f"vault write {name}/config/ca/generate/{path}"
    assert "missing_field" in shell.refuse(f"{write}/internal key_type=ec")
    assert "key_bits" in shell.refuse(f"{write}/internal common_name=a key_type=ec key_bits=2048")
    assert "key_type" in shell.refuse(f"{write}/internal common_name=a key_type=dsa")
    assert "format" in shell.refuse(f"{write}/internal common_name=a format=text")
    assert "exported" in shell.refuse(f"{write}/sideways common_name=a key_type=ec")


def test_generate_root_ttl(shell):
    mount(shell, "capped", "-max-lease-ttl=48h")
    line = "vault write -field=certificate capped/config/ca/generate/root/internal common_name=c key_type=ec ttl=49h"
    run = shell.run(line, text=True)
    assert run.returncode == 0 and "ttl_capped" in run.stderr, run.stderr
    assert is_about(lifetime(x509.load_pem_x509_certificate(run.stdout.encode())), 48 * 3600)


@pytest.mark.parametrize("length, encoded", [("-1", None), ("0", 0), ("3", 3)])
def test_generate_root_max_path_length(shell, length, encoded):
    name = mount(shell, f"length{length}")
    ca = certificate(
        shell.data(f"vault write {name}/config/ca/generate/root/internal common_name=l key_type=ec max_path_length={length}")
    )
    assert extension(ca, x509.BasicConstraints).path_length == encoded


# --- /pki/config/ca/sign --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def root(shell):
    """A mount that is a root CA, with URLs."""
    mount(shell, "root", "-max-lease-ttl=8760h")
    shell.say(f"vault write root/config/urls {' '.join(f'{name}={url}' for name, url in URLS.items())}")
    shell.say("vault write root/config/ca/generate/root/internal common_name=Root key_type=ec ttl=8000h")
    return shell


URLS = {
    "issuing_certificates": "http://pki.example.com/ca",
    "crl_distribution_points": "http://pki.example.com/crl",
    "ocsp_servers": "http://ocsp.example.com",
}


def check_urls(leaf):
    access = {(a.access_method, a.access_location.value) for a in extension(leaf, x509.AuthorityInformationAccess)}
    assert access == {
        (AuthorityInformationAccessOID.CA_ISSUERS, URLS["issuing_certificates"]),
        (AuthorityInformationAccessOID.OCSP, URLS["ocsp_servers"]),
    }
    (point,) = extension(leaf, x509.CRLDistributionPoints)
    assert [name.value for name in point.full_name] == [URLS["crl_distribution_points"]]


CSR_NAMES = 'common_name=csr.example.com alt_names=csr-san.example.com'


@pytest.fixture(scope="module")
def csr(shell):
    """An intermediate's request, in csr.pem."""
    mount(shell, "asks")
    generate = "asks/config/ca/generate/intermediate/internal"
    shell.say(f"vault write -field=csr {generate} {CSR_NAMES} key_type=ec >csr.pem")
    return "csr.pem"


def test_ca_sign(root, csr):
    reply = root.reply(f"vault write root/config/ca/sign csr=@{csr} common_name=Inter alt_names=a.example.com ip_sans=10.0.0.1")
    data, ca = reply["data"], certificate(reply["data"])
    assert re.fullmatch(r"root/config/ca/sign/[0-9a-f-]+", reply["lease_id"]) and reply["renewable"] is False
    assert is_about(reply["lease_duration"], 768 * 3600)
    assert re.fullmatch(HEX, data["serial"]) and certificate(data, "issuing_ca") == root.ca("root")
    assert "private_key" not in data
    assert common_name(ca) == "Inter" and {"a.example.com", "10.0.0.1"} <= names(ca)
    assert "csr-san.example.com" not in names(ca), "the CSR's values are ignored"
    assert chain_verifies(ca, root.ca("root"))
    constraints = extension(ca, x509.BasicConstraints)
    assert constraints.ca and constraints.path_length is None
    usage = extension(ca, x509.KeyUsage)
    assert usage.key_cert_sign and usage.crl_sign
    check_urls(ca)


def test_ca_sign_use_csr_values(root, csr):
    values = "common_name=Ignored alt_names=ignored.example.com use_csr_values=true"
    ca = certificate(root.data(f"vault write root/config/ca/sign csr=@{csr} {values}"))
    assert common_name(ca) == "csr.example.com" and names(ca) == {"csr.example.com", "csr-san.example.com"}


def test_ca_sign_adds_the_usages_of_the_csr(root):
    """"Any key usages (for instance, non-repudiation) requested in the CSR will be added"."""
    config = ["[req]", "prompt = no", "distinguished_name = dn", "req_extensions = x"]
    root.write("usage.cnf", "\n".join([*config, "[dn]", "CN = usage", "[x]", "keyUsage = nonRepudiation", ""]))
    new_key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout usage.key"
    root.say(f"openssl req -new {new_key} -config usage.cnf -out usage.csr 2>&1")
    for flag, added in (("true", True), ("false", False)):
        ca = certificate(root.data(f"vault write root/config/ca/sign csr=@usage.csr common_name=usage use_csr_values={flag}"))
        usage = extension(ca, x509.KeyUsage)
        assert usage.key_cert_sign and usage.crl_sign and usage.content_commitment is added


@pytest.mark.parametrize("length, encoded", [("-1", None), ("0", 0), ("2", 2)])
def test_ca_sign_max_path_length(root, csr, length, encoded):
    ca = certificate(root.data(f"vault write root/config/ca/sign csr=@{csr} common_name=l max_path_length={length}"))
    assert extension(ca, x509.BasicConstraints).path_length == encoded


def test_ca_sign_ttl_and_format(root, csr):
    data = root.data(f"vault write root/config/ca/sign csr=@{csr} common_name=t ttl=100h format=der")
    ca = x509.load_der_x509_certificate(base64.b64decode(data["certificate"], validate=True))
    assert is_about(lifetime(ca), 100 * 3600)
    run = root.run(f"vault write -field=certificate root/config/ca/sign csr=@{csr} common_name=t ttl=9000h", text=True)
    assert run.returncode == 0 and "capped" in run.stderr, run.stderr
    assert "missing_field" in root.refuse("vault write root/config/ca/sign common_name=t")


def test_intermediate_the_whole_way(root):
    """Made in one mount, signed in another, set, and issuing: its key is nowhere but with the workers."""
    mount(root, "inter", "-max-lease-ttl=4380h")
    generate = "inter/config/ca/generate/intermediate/internal"
    root.say(f"vault write -field=csr {generate} common_name=Intermediate key_type=ec >inter.csr")
    root.say("vault write -field=certificate root/config/ca/sign csr=@inter.csr common_name=Intermediate ttl=4000h >inter.pem")
    assert root.say("vault write inter/config/ca/set pem_bundle=@inter.pem") == "Success! Data written to: inter/config/ca/set\n"
    root.say("vault write inter/intermediate/set-signed certificate=@inter.pem")  # what it is today, and once more
    root.say("vault write inter/roles/web allowed_base_domain=example.com allow_subdomains=true key_type=ec")
    root.say("vault write -field=certificate inter/issue/web common_name=chain.example.com ttl=1h >leaf.pem")
    root.say("vault read root/ca/pem >root.pem")
    root.say("openssl verify -x509_strict -CAfile root.pem -untrusted inter.pem leaf.pem")
    root.say("vault read root/crl/pem >crls.pem; vault read inter/crl/pem >>crls.pem")
    root.say("openssl verify -crl_check_all -CRLfile crls.pem -CAfile root.pem -untrusted inter.pem leaf.pem")
    assert len(root.data("vault write inter/issue/web common_name=chain.example.com ttl=1h")["ca_chain"]) >= 1


# --- /pki/config/urls, /pki/config/crl ------------------------------------------------------------------------------


def test_config_urls(shell):
    mount(shell, "urls")
    empty = {"issuing_certificates": [], "crl_distribution_points": [], "ocsp_servers": []}
    assert shell.data("vault read urls/config/urls") == empty
    one, two = "http://one.example.com/ca", "http://two.example.com/ca"
    said = shell.say(f'vault write urls/config/urls issuing_certificates="{one},{two}" ocsp_servers={one}')
    assert said == "Success! Data written to: urls/config/urls\n"
    shell.say(f"vault write urls/config/urls crl_distribution_points={two}")
    wanted = {"issuing_certificates": [one, two], "crl_distribution_points": [two], "ocsp_servers": [one]}
    reply = shell.reply("vault read urls/config/urls")
    assert reply["data"] == wanted and reply["lease_id"] == "" and reply["lease_duration"] == 0 and reply["renewable"] is False
    shell.say("vault write urls/config/urls ocsp_servers=")
    assert shell.data("vault read urls/config/urls") == {**wanted, "ocsp_servers": []}
    shell.say("vault write urls/config/ca/generate/root/internal common_name=u key_type=ec")
    shell.say("vault write urls/roles/any allow_any_name=true key_type=ec ttl=1h")
    leaf = certificate(shell.data("vault write urls/issue/any common_name=u.example.com"))
    assert [a.access_location.value for a in extension(leaf, x509.AuthorityInformationAccess)] == [one, two]


def test_config_urls_in_what_is_issued(root):
    root.say("vault write root/roles/any allow_any_name=true key_type=ec")
    check_urls(certificate(root.data("vault write root/issue/any common_name=u.example.com")))
    several = "http://a.example.com/crl", "http://b.example.com/crl"
    root.say(f"vault write root/config/urls crl_distribution_points={several[0]} crl_distribution_points={several[1]}")
    try:
        leaf = certificate(root.data("vault write root/issue/any common_name=u.example.com"))
        (point,) = extension(leaf, x509.CRLDistributionPoints)
        assert [name.value for name in point.full_name] == list(several)
    finally:
        root.say(f"vault write root/config/urls crl_distribution_points={URLS['crl_distribution_points']}")


def test_config_crl(shell):
    mount(shell, "lists")
    shell.say("vault write lists/config/ca/generate/root/internal common_name=l key_type=ec")
    reply = shell.reply("vault read lists/config/crl")
    assert reply["data"] == {"expiry": "72h"} and reply["lease_duration"] == 0
    assert shell.say("vault write lists/config/crl expiry=24h") == "Success! Data written to: lists/config/crl\n"
    assert shell.data("vault read lists/config/crl") == {"expiry": "24h"}
    shell.say("vault read lists/crl/rotate")
    crl = shell.crl("lists")
    assert is_about((crl.next_update_utc - crl.last_update_utc).total_seconds(), 24 * 3600)
    assert "missing_field" in shell.refuse("vault write lists/config/crl")


# --- /pki/crl -------------------------------------------------------------------------------------------------------


def test_crl(started):
    der = started.run("vault read pki/crl").stdout
    crl = x509.load_der_x509_crl(der)
    assert crl == started.crl("pki") and crl.is_signature_valid(started.ca("pki").public_key())


def test_crl_rotate(started):
    before = extension(started.crl("pki"), x509.CRLNumber).crl_number
    assert started.data("vault read pki/crl/rotate")["success"] is True
    assert re.search(r"^success +true$", started.say("vault read pki/crl/rotate"), re.M)
    assert extension(started.crl("pki"), x509.CRLNumber).crl_number >= before + 2


# --- /pki/issue, /pki/sign ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def web(root):
    """A role on the root's mount, for requests."""
    root.say(f"vault write root/roles/web {SUB} allow_base_domain=true key_type=ec ttl=6h max_ttl=12h")
    return root


def own_csr(shell, name="own", cn="own.example.com", dns=()):
    key = ec.generate_private_key(ec.SECP256R1())
    shell.write(f"{name}.csr", csr_for(key, cn, dns))
    return key


def test_issue(web):
    asked = "common_name=a.example.com alt_names=b.example.com,me@example.com ip_sans=10.1.2.3,::1 ttl=1h"
    reply = web.reply(f"vault write root/issue/web {asked}")
    data, leaf = reply["data"], certificate(reply["data"])
    assert re.fullmatch(r"root/issue/web/[0-9a-f-]+", reply["lease_id"]) and reply["renewable"] is False
    assert is_about(reply["lease_duration"], 3600) and is_about(lifetime(leaf), 3600)
    assert common_name(leaf) == "a.example.com"
    assert names(leaf) == {"a.example.com", "b.example.com", "me@example.com", "10.1.2.3", "::1"}
    assert set(extension(leaf, x509.SubjectAlternativeName).get_values_for_type(x509.IPAddress)) == {
        ipaddress.ip_address("10.1.2.3"),
        ipaddress.ip_address("::1"),
    }
    assert private_key(data).public_key() == leaf.public_key() and certificate(data, "issuing_ca") == web.ca("root")
    assert data["private_key_type"] == "ec" and data["serial"] == data["serial_number"]
    assert chain_verifies(leaf, web.ca("root"))


def test_leaf_keys_are_not_stored(web):
    """The answer has the key, and nothing else; with -seal not even that."""
    issued = web.data("vault write root/issue/web common_name=k.example.com")
    topics = ["responses", "issue", *LEDGER]
    assert topics_with(web, issued["private_key"], topics) == {"responses"}
    sealed = web.data("vault write -seal root/issue/web common_name=k.example.com")
    assert private_key(sealed).public_key() == certificate(sealed).public_key()
    assert not topics_with(web, sealed["private_key"], topics)


def warned(reply):
    return {warning["code"] for warning in reply["warnings"]}


def test_issue_ttl(web):
    role_ttl = web.reply("vault write root/issue/web common_name=a.example.com")
    assert is_about(role_ttl["lease_duration"], 6 * 3600) and "ttl_capped_to_max_ttl" not in warned(role_ttl)
    capped = web.reply("vault write root/issue/web common_name=a.example.com ttl=13h")
    assert is_about(capped["lease_duration"], 12 * 3600) and "ttl_capped_to_max_ttl" in warned(capped)


def test_issue_der(web):
    data = web.data("vault write root/issue/web common_name=a.example.com format=der")
    leaf = x509.load_der_x509_certificate(base64.b64decode(data["certificate"], validate=True))
    key = serialization.load_der_private_key(base64.b64decode(data["private_key"], validate=True), None)
    assert key.public_key() == leaf.public_key()


def test_one_bad_name_denies_the_request(web):
    before = web.say("vault list root/certs")
    for bad in ("alt_names=b.example.com,evil.org", "alt_names=me@evil.org", "ip_sans=10.0.0.256"):
        assert web.refuse(f"vault write root/issue/web common_name=a.example.com {bad}")
    assert "name_not_allowed" in web.refuse("vault write root/issue/web common_name=evil.org")
    assert web.refuse("vault write root/issue/web")
    assert web.say("vault list root/certs") == before


def test_sign(web):
    key = own_csr(web, dns=["unasked.example.com"])
    sign = "vault write root/sign/web csr=@own.csr"
    reply = web.reply(f"{sign} common_name=s.example.com alt_names=t.example.com ip_sans=10.0.0.9 ttl=2h")
    data, leaf = reply["data"], certificate(reply["data"])
    assert re.fullmatch(r"root/sign/web/[0-9a-f-]+", reply["lease_id"]) and is_about(reply["lease_duration"], 7200)
    assert leaf.public_key() == key.public_key() and "private_key" not in data
    assert names(leaf) == {"s.example.com", "t.example.com", "10.0.0.9"}, "the CSR's names are not used"
    assert certificate(data, "issuing_ca") == web.ca("root") and re.fullmatch(HEX, data["serial"])
    der = web.data(f"{sign} common_name=s.example.com format=der")["certificate"]
    assert x509.load_der_x509_certificate(base64.b64decode(der, validate=True)).public_key() == key.public_key()
    assert "name_not_allowed" in web.refuse(f"{sign} common_name=evil.org")
    assert "csr" in web.refuse("vault write root/sign/web common_name=s.example.com")


# --- /pki/revoke, leases --------------------------------------------------------------------------------------------


def is_revoked(shell, mount_name, serial):
    number = int(serial.replace(":", "").replace("-", ""), 16)
    return shell.crl(mount_name).get_revoked_certificate_by_serial_number(number) is not None


@pytest.mark.parametrize("separator", [":", "-"])
def test_revoke(web, separator):
    serial = web.data("vault write root/issue/web common_name=r.example.com")["serial"]
    before = extension(web.crl("root"), x509.CRLNumber).crl_number
    time = web.data(f"vault write root/revoke serial_number={serial.replace(':', separator)}")["revocation_time"]
    assert time > 1_700_000_000 and is_revoked(web, "root", serial)
    assert extension(web.crl("root"), x509.CRLNumber).crl_number > before, "a revocation rotates the CRL"
    assert web.data(f"vault write root/revoke serial_number={serial}")["revocation_time"] == time


LEASED = {
    "issue": "vault write root/issue/web common_name=r.example.com",
    "sign": "vault write root/sign/web csr=@lease.csr common_name=r.example.com",
    "ca/sign": "vault write root/config/ca/sign csr=@lease.csr common_name=r.example.com",
}


@pytest.mark.parametrize("line", LEASED.values(), ids=LEASED.keys())
def test_revoke_lease(web, line):
    own_csr(web, "lease")
    reply = web.reply(line)
    assert not is_revoked(web, "root", reply["data"]["serial"])
    assert re.search(r"^state +revoked$", web.say(f"vault revoke {reply['lease_id']}"), re.M)
    assert is_revoked(web, "root", reply["data"]["serial"])


# --- /pki/roles -----------------------------------------------------------------------------------------------------


def test_roles(web):
    line = "vault write root/roles/sample allowed_base_domain=example.com ttl=6h max_ttl=12h"
    assert web.say(line) == "Success! Data written to: root/roles/sample\n"
    role = web.data("vault read root/roles/sample")
    sample = {
        "allow_any_name": False,
        "allow_ip_sans": True,
        "allow_localhost": True,
        "allow_subdomains": False,
        "allow_token_displayname": False,
        "allowed_base_domain": "example.com",
        "client_flag": True,
        "code_signing_flag": False,
        "key_bits": 2048,
        "key_type": "rsa",
        "ttl": 6 * 3600,  # the sample's text is "6h": docs/seed.md
        "max_ttl": 12 * 3600,
        "server_flag": True,
    }
    assert {name: role.get(name) for name in sample} == sample
    unsaid = ["allow_base_domain", "enforce_hostnames", "email_protection_flag", "use_csr_common_name"]
    assert [role.get(name) for name in unsaid] == [False] * 4, "defaults that the sample does not show"
    assert "sample" in web.say("vault list root/roles").split()
    issued = web.data("vault write root/issue/sample common_name=localhost")
    assert web.say("vault delete root/roles/sample") == "Success! Deleted 'root/roles/sample'\n"
    assert "sample" not in web.say("vault list root/roles").split()
    assert "unknown_role" in web.refuse("vault write root/issue/sample common_name=localhost")
    assert not is_revoked(web, "root", issued["serial"]), "deleting a role revokes nothing"


# of a role: what it allows, and what it does not
CN_POLICY = {
    "allow_localhost": ("", ["localhost"], ["example.com"]),
    "no allow_localhost": ("allow_localhost=false", [], ["localhost"]),
    "allowed_base_domain alone": ("allowed_base_domain=example.com", [], ["example.com", "foo.example.com"]),
    "allow_base_domain": ("allowed_base_domain=example.com allow_base_domain=true", ["example.com"], ["foo.example.com"]),
    "allow_subdomains": (SUB, ["foo.example.com", "bar.example.com", "*.example.com"], ["example.com", "fooexample.com"]),
    "additive": (f"{SUB} allow_base_domain=true", ["example.com", "foo.example.com", "localhost"], ["example.org"]),
    "allow_any_name": ("allow_any_name=true", ["example.org", "not_a_host", "me@example.org"], []),
    "enforce_hostnames": ("allow_any_name=true enforce_hostnames=true", ["example.org"], ["not_a_host", "me@not_a_host"]),
}


@pytest.mark.parametrize("role, good, bad", CN_POLICY.values(), ids=CN_POLICY.keys())
def test_roles_common_names(web, role, good, bad):
    web.say(f"vault write root/roles/names key_type=ec {role}")
    for name in good:
        assert common_name(certificate(web.data(f"vault write root/issue/names 'common_name={name}'"))) == name
    for name in bad:
        assert web.refuse(f"vault write root/issue/names 'common_name={name}'")


def test_roles_allow_token_displayname(shell):
    """The display name that a token had is the request's own claim here, which the mount must be told to believe."""
    shell.say("vault mount -path=named pki trust_identity=true")
    shell.say("vault write named/config/ca/generate/root/internal common_name=n key_type=ec")
    shell.say("vault write named/roles/plain key_type=ec ttl=1h allow_token_displayname=true")
    shell.say("vault write named/roles/below key_type=ec ttl=1h allow_token_displayname=true allow_subdomains=true")
    asked = "vault write -display-name=db1.example.net named/issue"
    assert shell.data(f"{asked}/plain common_name=db1.example.net")["serial"]
    assert shell.refuse(f"{asked}/plain common_name=db2.example.net")
    assert shell.refuse(f"{asked}/plain common_name=x.db1.example.net")
    assert shell.data(f"{asked}/below common_name=x.db1.example.net")["serial"], "it stacks with allow_subdomains"
    assert shell.refuse("vault write named/issue/plain common_name=db1.example.net")


def test_roles_allow_ip_sans(web):
    web.say("vault write root/roles/ip key_type=ec allow_ip_sans=false")
    assert web.refuse("vault write root/issue/ip common_name=localhost ip_sans=10.0.0.1")
    web.say("vault write root/roles/ip key_type=ec")
    assert "192.0.2.7" in names(certificate(web.data("vault write root/issue/ip common_name=localhost ip_sans=192.0.2.7")))
    assert web.refuse("vault write root/issue/ip common_name=localhost ip_sans=no-address"), "that it is one is verified"


SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
CODE, MAIL = ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION
FLAGS = {
    "": {SERVER, CLIENT},
    "server_flag=false": {CLIENT},
    "client_flag=false": {SERVER},
    "code_signing_flag=true": {SERVER, CLIENT, CODE},
    "email_protection_flag=true": {SERVER, CLIENT, MAIL},
    "server_flag=false client_flag=false code_signing_flag=true email_protection_flag=true": {CODE, MAIL},
    "server_flag=false client_flag=false": set(),
}


@pytest.mark.parametrize("flags", FLAGS)
def test_roles_flags(web, flags):
    web.say(f"vault write root/roles/flags key_type=ec {flags}")
    leaf = certificate(web.data("vault write root/issue/flags common_name=localhost"))
    came = set(extension(leaf, x509.ExtendedKeyUsage)) if has_extension(leaf, x509.ExtendedKeyUsage) else set()
    assert came == FLAGS[flags]


ROLE_KEYS = {"": (rsa, 2048), "key_bits=3072": (rsa, 3072), "key_type=ec": (ec, 256), "key_type=ec key_bits=521": (ec, 521)}


@pytest.mark.parametrize("key", ROLE_KEYS)
def test_roles_keys(web, key):
    web.say(f"vault write root/roles/keys {key}")
    made = private_key(web.data("vault write root/issue/keys common_name=localhost"))
    check_key(made.public_key(), *ROLE_KEYS[key])


def test_roles_ttl(web):
    for limits, hours in {"": 768, "max_ttl=10h": 10, "ttl=5h": 5, "ttl=5h max_ttl=10h": 5}.items():
        web.say(f"vault write root/roles/ttl key_type=ec {limits}")
        came = web.reply("vault write root/issue/ttl common_name=localhost")["lease_duration"]
        assert is_about(came, hours * 3600), limits
    assert "ttl" in web.refuse("vault write root/roles/ttl ttl=11h max_ttl=10h"), "it contradicts itself"


def test_roles_use_csr_common_name(web):
    own_csr(web, "cn", "from-csr.example.com", ["unasked.example.com"])
    web.say(f"vault write root/roles/cn key_type=ec {SUB}")
    sign = "vault write root/sign/cn csr=@cn.csr common_name=from-json.example.com"
    assert common_name(certificate(web.data(sign))) == "from-json.example.com"
    web.say("vault patch root/roles/cn use_csr_common_name=true")
    leaf = certificate(web.data(sign))
    assert common_name(leaf) == "from-csr.example.com" and names(leaf) == {"from-csr.example.com"}


# --- several backends -----------------------------------------------------------------------------------------------


def test_mounts_stand_side_by_side(shell):
    for name in ("east", "west"):
        mount(shell, name)
        shell.say(f"vault write {name}/config/ca/generate/root/internal common_name={name} key_type=ec")
        shell.say(f"vault write {name}/roles/{name} key_type=ec allow_any_name=true ttl=1h")
    assert common_name(shell.ca("east")) == "east" and common_name(shell.ca("west")) == "west"
    serial = shell.data("vault write east/issue/east common_name=a")["serial"]
    assert "unknown_role" in shell.refuse("vault write west/issue/east common_name=a")
    assert shell.refuse(f"vault write west/revoke serial_number={serial}")
    shell.say(f"vault write east/revoke serial_number={serial}")
    assert is_revoked(shell, "east", serial) and not is_revoked(shell, "west", serial)


def test_mount_tune(shell):
    mount(shell, "tuned", "-description=tuned")
    shell.say("vault write tuned/config/ca/generate/root/internal common_name=t key_type=ec ttl=700h")
    shell.say("vault write tuned/roles/any key_type=ec allow_any_name=true")

    def issued_for(more=""):
        return shell.reply(f"vault write tuned/issue/any common_name=a {more}")["lease_duration"]

    assert shell.say("vault mount-tune -default-lease-ttl=1h -max-lease-ttl=2h tuned") == "Successfully tuned mount 'tuned'!\n"
    assert is_about(issued_for(), 3600) and is_about(issued_for("ttl=5h"), 7200)
    shell.say("vault mount-tune tuned default_lease_ttl=30m max_lease_ttl=768h")
    assert is_about(issued_for(), 1800) and is_about(issued_for("ttl=5h"), 5 * 3600)
    assert re.search(r"^tuned/ +pki +1800 +2764800 +tuned$", shell.say("vault mounts"), re.M)


def test_unmount(shell):
    mount(shell, "gone")
    shell.say("vault write gone/config/ca/generate/root/internal common_name=g key_type=ec")
    shell.say("vault write gone/roles/any key_type=ec allow_any_name=true ttl=1h")
    shell.say("vault write gone/issue/any common_name=a")
    assert shell.say("vault unmount gone") == "Successfully unmounted 'gone'!\n"
    assert shell.refuse("vault write gone/issue/any common_name=a")
    assert "gone/" not in shell.say("vault mounts")
    assert shell.refuse("vault unmount gone")
