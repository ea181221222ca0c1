"""Requests against a stack, and what has to be true of their answers."""

import random
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from client import Client
from pki import csr_for

PREFIX = "certmill"
PIECE = 100  # requests that are sent together
UNTIL_FINISH = 30000  # no load is without an end


def serial_number(text):
    return int(text.replace(":", ""), 16)


class Load:
    """
    Requests of every kind, a bounded number of them at a bounded rate, from a thread. Whatever else makes load has the same
    methods start, finish and check. count None: until finish is called.
    """

    def __init__(self, brokers, count, rate, seed=None):
        # else a retry of its own would be a second message, which has an answer of its own
        self.client = Client(brokers, PREFIX, producer={"enable.idempotence": True})
        self.count, self.rate = count or UNTIL_FINISH, rate
        self.until_finish, self.over = count is None, threading.Event()
        self.asked = []
        self.revoked = []  # serial numbers
        self.failure = None
        self.chance = random.Random(seed if seed is not None else random.randrange(2**32))
        self.csr = csr_for(ec.generate_private_key(ec.SECP256R1()), "s.example.com")
        self.revocable = []
        self.thread = threading.Thread(target=self.run, daemon=True)

    def request(self):
        kind = self.chance.random()
        if kind < 0.1 and self.revocable:
            self.revoked.append(self.revocable.pop())
            return self.client.request("revoke", {"serial_number": self.revoked[-1]})
        if kind < 0.3:
            return self.client.request("sign", {"csr": self.csr, "common_name": "s.example.com"}, role="web")
        if kind < 0.35:
            return self.client.request("mount/list")
        return self.client.request("issue", {"common_name": "a.example.com"}, role="web")

    def run(self):
        try:
            began = time.monotonic()
            while len(self.asked) < self.count and not self.over.is_set():
                piece = [self.request() for _ in range(min(PIECE, self.count - len(self.asked)))]
                self.asked += self.client.send_all(piece, timeout=240)
                while time.monotonic() - began < len(self.asked) / self.rate:
                    self.collect()
                self.collect()
        except BaseException as e:  # noqa: B902: said by finish
            self.failure = e

    def collect(self):
        before = len(self.client.answers)
        self.client.collect(0.05)
        for answers in list(self.client.answers.values())[before:]:
            answer = answers[0]
            if answer.ok and answer.body["op"] in ("issue", "sign") and self.chance.random() < 0.2:
                self.revocable.append(answer.data["serial"])

    def start(self):
        self.thread.start()
        return self

    @property
    def sending(self):
        return self.thread.is_alive()

    def goes_on(self, timeout=120):
        """It sends now, and not only what was sent before this call."""
        before, deadline = len(self.asked), time.monotonic() + timeout
        while len(self.asked) <= before + PIECE:  # one piece may have been on its way
            assert self.sending, f"no load any more: {len(self.asked)} of {self.count} requests were sent, {self.failure}"
            assert time.monotonic() < deadline, f"no load for {timeout} s: {len(self.asked)} requests were sent"
            time.sleep(0.05)

    def finish(self, timeout=240):
        """Every request has been sent and answered."""
        if self.until_finish:
            assert self.sending, f"the load ended by itself: {len(self.asked)} of {self.count} requests were sent, {self.failure}"
            self.over.set()
        self.thread.join(timeout)
        assert not self.sending, f"{len(self.asked)} of {self.count} requests were sent in {timeout} s"
        if self.failure:
            raise self.failure
        self.client.wait_for_all(self.asked, timeout)
        self.client.collect(2)  # a second answer would come, too
        return self

    def check(self):
        """One answer each, none a refusal; each certificate verifies; the CRL has every revocation."""
        answers = self.client.answers
        more = [i for i in self.asked if len(answers[i]) != 1]
        told = [(answer.source, answer.replayed) for answer in answers[more[0]]] if more else None
        assert not more, f"{len(more)} requests were answered more than once, one of them by {told}"
        refused = [answers[i][0].error for i in self.asked if not answers[i][0].ok]
        assert not refused, f"{len(refused)} of {len(self.asked)} were refused: {refused[:3]}"
        ca = issuer(self.client)
        made = [answers[i][0].data["certificate"] for i in self.asked if answers[i][0].body["op"] in ("issue", "sign")]
        serials = [verified(x509.load_pem_x509_certificate(certificate.encode()), ca) for certificate in made]
        assert len(set(serials)) == len(serials) > 0
        listed = {entry.serial_number for entry in crl(self.client, ca)}
        missing = {serial_number(text) for text in self.revoked} - listed
        assert not missing, f"{len(missing)} of {len(self.revoked)} revocations are not on the CRL"

    def close(self):
        self.client.close()


def verified(leaf, ca):
    """Its serial number."""
    leaf.verify_directly_issued_by(ca)
    return leaf.serial_number


def issuer(client):
    return x509.load_pem_x509_certificate(client.ask("ca/read", timeout=120).data["certificate"].encode())


def crl(client, ca):
    """The one that stands on the topic, as a subscriber that begins now has it."""
    last = client.read("crl")[-1]
    found = x509.load_der_x509_crl(last.value)
    assert found.is_signature_valid(ca.public_key())
    return found
