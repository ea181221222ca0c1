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

import msgpack
import pytest
from confluent_kafka import Producer
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from engines import ROOT, Process
from forger import Forger
from pki import ca_certificate, csr_for, key_pem, name, pem

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
    crl = x509.load_der_x509_crl([record for record in cluster.client.read("crl") if record.key.startswith(b"pki/")][-1].value)
    listed = {name: crl.get_revoked_certificate_by_serial_number(int(serials[name].replace(":", ""), 16)) for name in serials}
    assert serials["revoked"] == serials["issued"]
    assert listed["revoked"] and not listed["signed"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_example(shop, language):
    serials = said(run(shop, language, language))
    check_topics(shop, serials, language)
    assert len({body["id"] for body in bodies(shop, "issue", language)}) == 1
    assert len(bodies(shop, "issue", language)) == 2, "the second with the id of the first"


def refuse_and_abort(cluster, liar, request_id):
    """To every partition of .responses; the errors of the broker, of which there are to be none."""
    topic, errors = cluster.client.topic("responses"), []
    error = {"code": "name_not_allowed", "message": "never committed", "retryable": False}
    body = {"v": 1, "id": request_id, "op": "issue", "mount": "pki", "status": "error", "error": error}
    liar.begin_transaction()
    for partition in liar.list_topics(topic, 30).topics[topic].partitions:
        liar.produce(
            *(topic, msgpack.packb(body), request_id, partition),
            headers=[("kafka_correlationId", request_id.encode())],
            on_delivery=lambda fault, _: errors.append(fault),
        )
    liar.flush(30)
    liar.abort_transaction(30)
    return errors


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_example_asks_again(shop, language):
    """
    No worker answers its first attempts: it asks again under the same id, and one certificate comes of it. A refusal in a
    transaction that is aborted is no answer.
    """
    host = f"late-{language}"
    shop.worker.pause()
    liar = Producer({"bootstrap.servers": shop.kafka.address, "transactional.id": f"liar-{uuid.uuid4()}", "log_level": 2})
    liar.init_transactions(60)
    refused = []

    def resume():
        deadline = time.monotonic() + 200
        while len(found := bodies(shop, "issue", host)) < 2 and time.monotonic() < deadline:
            if found and not refused:
                refused.extend(refuse_and_abort(shop, liar, found[0]["id"]))
            time.sleep(0.5)
        shop.worker.resume()

    resumer = threading.Thread(target=resume)
    resumer.start()
    try:
        serials = said(run(shop, language, host, timeout="8"))
    finally:
        resumer.join()
    assert refused and not any(refused), f"not in every partition: {refused}"
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
    """Its output is its log: a line whenever it has something new to say."""

    def __init__(self, cluster, language, ca, certificate, folder):
        super().__init__(cluster.folder / f"crls-{language}-{folder}")
        (self.folder / "ca.pem").write_text(ca)
        (self.folder / "certificate.pem").write_text(certificate)
        self.cluster, self.words = cluster, [*READERS[language](), "ca.pem", "certificate.pem"]

    def argv(self):
        return [str(word) for word in self.words]

    def environment(self):
        return {**os.environ, **self.cluster.client_environment()}

    def lines(self):
        """(state, number of the CRL) of each."""
        found = [line.split()[:2] for line in self.log().splitlines() if line.startswith(("good ", "revoked ", "unknown "))]
        return [(state, 0 if number == "-" else int(number)) for state, number in found]

    def wait_for(self, state, number=0):
        deadline = time.monotonic() + 120
        while not (lines := self.lines()) or lines[-1][0] != state or lines[-1][1] < number:
            assert self.alive() and time.monotonic() < deadline, f"not {state}:\n{self.log_tail()}"
            time.sleep(0.05)


class Mount:
    """One with a CA whose key is known."""

    def __init__(self, cluster, mount):
        self.client, self.mount = cluster.client, mount
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.ca = ca_certificate("Reader's", self.key, name("Reader's"), self.key)
        self.ask("mount/write", {"allow_clear_keys": True})
        self.ask("ca/set", {"pem_bundle": pem(self.ca) + key_pem(self.key)})
        self.ask("role/write", ROLE, role="web")
        self.leaf = self.ask("issue", {"common_name": f"{mount}.example.com"}, role="web")
        deadline = time.monotonic() + 60
        while not self.crls():
            assert time.monotonic() < deadline, f"{mount} has no CRL"

    def ask(self, op, params=None, **envelope):
        return self.client.ask(op, params, mount=self.mount, **envelope).data

    def crls(self):
        return [record for record in self.client.read("crl") if record.key.startswith(f"{self.mount}/".encode())]

    def newest(self):
        return max(number for record in self.crls() if (number := int(record.header("number"))) < FORGED)

    def forger(self, subject="Reader's", key=None):
        """With the CA's key, or another; under its name, or another; and in any case with the keys of the topic that it has."""
        key = key or self.key
        forger = Forger(self.client, ca_certificate(subject, key, name(subject), key), key, self.mount)
        forger.crl_key = self.crls()[0].key
        return contextlib.closing(forger)


FORGED = 10**6


def plant(mount, before):
    """What nobody may take: CRLs of another key, of another name with the same key, of before; what is none; a key that is no text."""
    for options in ({"key": ec.generate_private_key(ec.SECP256R1())}, {"subject": "Somebody else's"}):
        with mount.forger(**options) as forger:
            forger.publish(number=FORGED)
    mount.client.produce("crl", b"no CRL", before.key, before.headers)
    mount.client.produce("crl", before.value, b"\xff", before.headers)
    mount.client.produce("crl", before.value, b"\xff/\xff/\xff", before.headers)
    mount.client.produce("crl", before.value, before.key, before.headers)


@pytest.mark.parametrize("language", READERS)
def test_a_reader_of_crls(shop, language):
    """It sees a revocation, and neither an older CRL nor a forged one takes it back."""
    mount = Mount(shop, f"reads-{language}")
    before, given = mount.crls()[-1], (pem(mount.ca), mount.leaf["certificate"])
    with Reader(shop, language, *given, "first") as reader:
        reader.wait_for("good")
        mount.ask("revoke", {"serial_number": mount.leaf["serial_number"]})
        reader.wait_for("revoked")
        plant(mount, before)
        mount.ask("crl/rotate")
        reader.wait_for("revoked", mount.newest())
        seen = reader.lines()
        assert [number for _, number in seen] == sorted({number for _, number in seen})
        assert all(state == "revoked" and number < FORGED for state, number in seen if number > int(before.header("number")))
    # who begins now does not act on the CRL of before, which still stands on the topic
    assert [record.offset for record in mount.crls()][0] == before.offset
    with Reader(shop, language, *given, "late") as late:
        late.wait_for("revoked", mount.newest())
        assert {state for state, _ in late.lines()} == {"revoked"}, late.log_tail()


@pytest.mark.parametrize("language", READERS)
def test_a_reader_of_crls_knows_nothing_when_they_have_ended(shop, language):
    """Or when there is none, of another CA."""
    mount = Mount(shop, f"ends-{language}")
    given = pem(mount.ca), mount.leaf["certificate"]
    with Reader(shop, language, *given, "ends") as reader, mount.forger() as forger:
        reader.wait_for("good")
        shop.worker.pause()
        try:
            number = mount.newest() + 5
            forger.publish(number=number, validity=8)
            reader.wait_for("unknown", number)
        finally:
            shop.worker.resume()
        mount.ask("crl/rotate", {"minimum_number": number + 1})  # the owner's own numbers are behind it
        reader.wait_for("good", number + 1)
    key = ec.generate_private_key(ec.SECP256R1())
    with Reader(shop, language, pem(ca_certificate("No CRL", key, name("No CRL"), key)), mount.leaf["certificate"], "none") as reader:
        reader.wait_for("unknown")
        assert reader.lines() == [("unknown", 0)]


@pytest.mark.parametrize("path", ["python/crls.py", "java/Crls.java", "go/crls/main.go", "go/crls/crl.go"])
def test_a_reader_of_crls_is_short(path):
    assert len((SOURCES / path).read_text().splitlines()) < 80
