"""The programs of examples/, run as their README says, against the real system: in peace, and while no worker answers.

EXAMPLES is the folder in which ./dev has what they need.
"""

import contextlib
import os
import subprocess
import threading
import time
import uuid
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from engines import ROOT, Process
from forger import Forger
from pki import ca_certificate, csr_for

pytestmark = pytest.mark.timeout(400)  # a JVM on a loaded machine

SOURCES = ROOT / "examples"
ROLE = {"allowed_domains": "example.com", "allow_subdomains": True, "key_type": "ec", "max_ttl": "72h"}


def installed(*path):
    place = os.environ.get("EXAMPLES")
    assert place, "EXAMPLES does not name the folder of what the examples need; ./dev sets it"
    return str(Path(place, *path))


LANGUAGES = {
    "python": lambda: [installed("python", "bin", "python"), SOURCES / "python" / "certs.py"],
    "go": lambda: [installed("go", "certs")],
    "java": lambda: ["java", "-cp", installed("java", "*"), SOURCES / "java" / "Certs.java"],
    "node": lambda: ["node", SOURCES / "node" / "certs.js"],
}
PROGRAMS = {"python": "certs.py", "go": "certs/main.go", "java": "Certs.java", "node": "certs.js"}


READERS = {
    "python": lambda: [installed("python", "bin", "python"), SOURCES / "python" / "crls.py"],
    "go": lambda: [installed("go", "crls")],
    "java": lambda: ["java", "-cp", installed("java", "*"), SOURCES / "java" / "Crls.java"],
}


@pytest.fixture(scope="module")
def shop(cluster):
    for op, params, envelope in (
        ("mount/write", {}, {}),
        ("ca/generate/root", {"common_name": "Root", "key_type": "ec"}, {}),
        ("role/write", ROLE, {"role": "web"}),
        ("role/write", {**ROLE, "allow_subdomains": False}, {"role": "strict"}),
    ):
        cluster.client.ask(op, params, **envelope).data
    return cluster


def run(cluster, language, host, role="web", timeout="20"):
    """The CompletedProcess of an example that asks for HOST.example.com."""
    csr = cluster.folder / f"{uuid.uuid4()}.csr"
    csr.write_text(csr_for(ec.generate_private_key(ec.SECP256R1()), f"{host}.example.com"))
    environment = {"CERTMILL_TIMEOUT": timeout, "NODE_PATH": installed("node", "node_modules"), **cluster.client_environment()}
    return subprocess.run(
        [*LANGUAGES[language](), role, f"{host}.example.com", csr],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def said(run):
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
    return dict(line.split() for line in run.stdout.splitlines())


def bodies(cluster, kind, host):
    """What was asked of that topic for that host."""
    found = [record.body() for record in cluster.client.read(kind)]
    return [body for body in found if body["params"].get("common_name") == f"{host}.example.com"]


def check_topics(cluster, serials, host):
    """What the example says it got is what the topics hold: a certificate for each id, and the first of them revoked."""
    records = [record.body() for record in cluster.client.read("certs")]
    asked = {body["id"] for kind in ("issue", "sign") for body in bodies(cluster, kind, host)}
    made = [body["serial"].hex(":") for body in records if body["request"] in asked]
    assert len(asked) == 2 and sorted(made) == sorted([serials["issued"], serials["signed"]])
    crl = x509.load_der_x509_crl(cluster.client.read("crl")[-1].value)
    listed = {name: crl.get_revoked_certificate_by_serial_number(int(serials[name].replace(":", ""), 16)) for name in serials}
    assert serials["revoked"] == serials["issued"]
    assert listed["revoked"] and not listed["signed"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_example(shop, language):
    serials = said(run(shop, language, language))
    check_topics(shop, serials, language)
    assert len({body["id"] for body in bodies(shop, "issue", language)}) == 1
    assert len(bodies(shop, "issue", language)) == 2, "the second with the id of the first"


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_example_asks_again(shop, language):
    """No worker answers its first attempts: it asks again under the same id, and one certificate comes of it."""
    host = f"late-{language}"
    shop.worker.pause()

    def resume():
        deadline = time.monotonic() + 200
        while len(bodies(shop, "issue", host)) < 2 and time.monotonic() < deadline:
            time.sleep(0.5)
        shop.worker.resume()

    resumer = threading.Thread(target=resume)
    resumer.start()
    try:
        serials = said(run(shop, language, host, timeout="8"))
    finally:
        resumer.join()
    assert len(bodies(shop, "issue", host)) >= 3
    check_topics(shop, serials, host)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_example_gives_up(shop, language):
    """What is refused for good is not asked again, and the program says why."""
    host = f"{language}-strict"
    refused = run(shop, language, host, role="strict")
    assert refused.returncode != 0 and "name_not_allowed" in refused.stdout + refused.stderr
    assert len(bodies(shop, "issue", host)) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_example_is_short(language):
    assert len((SOURCES / language / PROGRAMS[language]).read_text().splitlines()) < 80


# ---- programs that read the topic of CRLs ----


class Reader(Process):
    """Its output is its log: a line for each CRL that it takes."""

    def __init__(self, cluster, language, ca, certificate):
        super().__init__(cluster.folder / f"crls-{language}")
        (self.folder / "ca.pem").write_text(ca)
        (self.folder / "certificate.pem").write_text(certificate)
        self.cluster, self.words = cluster, [*READERS[language](), "ca.pem", "certificate.pem"]

    def argv(self):
        return [str(word) for word in self.words]

    def environment(self):
        return {**os.environ, **self.cluster.client_environment()}

    def lines(self):
        """(number, state) of each CRL that it took."""
        return [(int(line.split()[0]), line.split()[1]) for line in self.log().splitlines() if " until " in line]

    def wait_for(self, state):
        deadline = time.monotonic() + 120
        while not self.lines() or self.lines()[-1][1] != state:
            assert self.alive() and time.monotonic() < deadline, f"not {state}:\n{self.log_tail()}"
            time.sleep(0.05)


@pytest.mark.parametrize("language", READERS)
def test_a_reader_of_crls(shop, language):
    """It sees a revocation, and neither an older CRL nor a forged one takes it back."""
    client = shop.client
    leaf = client.ask("issue", {"common_name": f"crl-{language}.example.com"}, role="web").data
    before = client.read("crl")[-1]
    with Reader(shop, language, leaf["issuing_ca"], leaf["certificate"]) as reader:
        reader.wait_for("good")
        client.ask("revoke", {"serial_number": leaf["serial_number"]}).data
        reader.wait_for("revoked")
        real = x509.load_pem_x509_certificate(leaf["issuing_ca"].encode())
        key = ec.generate_private_key(ec.SECP256R1())
        with contextlib.closing(Forger(client, ca_certificate("Root", key, real.subject, key), key)) as forger:
            forger.publish(number=10**6)
        client.produce("crl", b"no CRL", before.key, before.headers)
        client.produce("crl", before.value, before.key, before.headers)
        client.ask("crl/rotate").data
        rotated = max(int(record.header("number")) for record in client.read("crl") if int(record.header("number")) < 10**6)
        deadline = time.monotonic() + 60
        while reader.lines()[-1][0] < rotated:
            assert time.monotonic() < deadline, reader.log_tail()
            time.sleep(0.05)
        seen = reader.lines()
    assert [number for number, _ in seen] == sorted({number for number, _ in seen})
    assert all(state == "revoked" for number, state in seen if number > int(before.header("number")))
