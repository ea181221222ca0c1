"""Load from programs in other languages, with the clients of examples/ and nothing else.

Each takes BROKERS COUNT CSR, asks for all of it, a bounded number at a time, and prints a line for each answer that comes, a
second one to the same request too. EXAMPLES is the folder in which ./dev has what they need.
"""

import os
import subprocess
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from client import Client
from load import PREFIX, Load, crl, issuer, serial_number, verified
from pki import csr_for

SOURCES = Path(__file__).parent / "programs"


class Program:
    """Has what Load has."""

    words = ()

    def __init__(self, brokers, count, _rate):
        self.brokers, self.count = brokers, count
        self.folder = tempfile.TemporaryDirectory()
        self.process = None
        self.output = Path(self.folder.name, "output")
        self.csr = Path(self.folder.name, "csr")
        self.csr.write_text(csr_for(ec.generate_private_key(ec.SECP256R1()), "s.example.com"))

    def start(self):
        place = os.environ.get("EXAMPLES")
        assert place, "EXAMPLES does not name the folder of what the examples need; ./dev sets it"
        words = [str(word).replace("EXAMPLES", place) for word in (*self.words, self.brokers, self.count, self.csr)]
        with open(self.output, "w", encoding="utf-8") as output:
            self.process = subprocess.Popen(
                words,
                env={**os.environ, "NODE_PATH": f"{place}/node/node_modules"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE,
                text=True,
            )
        return self

    @property
    def sending(self):
        return self.process.poll() is None

    def finish(self, timeout=400):
        try:
            said = self.process.communicate(timeout=timeout)[1]
        except subprocess.TimeoutExpired:
            self.process.kill()
            said = f"did not end in {timeout} s, {len(self.answers())} of {self.count} answers came: {self.process.communicate()[1]}"
        assert self.process.returncode == 0, f"{type(self).__name__}: {said}"
        return self

    def answers(self):
        """[id, op, status, serial] of each."""
        return [line.split() for line in self.output.read_text(encoding="utf-8").splitlines()]

    def check(self):
        """One answer each, none a refusal; of each certificate that it was given one stands on the topic and verifies; the CRL."""
        answers = self.answers()
        assert len(answers) == len({answer[0] for answer in answers}) == self.count
        assert not [answer for answer in answers if answer[2] != "ok"]
        assert len({answer[1] for answer in answers}) == 3, "not all three operations"
        client = Client(self.brokers, PREFIX)
        try:
            ca = issuer(client)
            made = {}
            for record in client.read("certs"):
                body = record.body()
                made.setdefault(body["request"], []).append(x509.load_der_x509_certificate(body["certificate"]))
            for request_id, op, _, serial in answers:
                if op != "revoke":
                    (certificate,) = made[request_id]
                    assert verified(certificate, ca) == serial_number(serial)
            listed = {entry.serial_number for entry in crl(client, ca)}
            assert {serial_number(serial) for _, op, _, serial in answers if op == "revoke"} <= listed
        finally:
            client.close()

    def close(self):
        if self.process and self.sending:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()


class Go(Program):
    words = ("EXAMPLES/go/load",)


class Java(Program):
    words = ("java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", "EXAMPLES/java/*", SOURCES / "Load.java")


class Node(Program):
    words = ("node", SOURCES / "load.js")


LANGUAGES = (Load, Go, Java, Node)
