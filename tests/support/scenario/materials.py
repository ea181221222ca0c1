"""What a scenario names in <>, keys, CA certificates and CSRs from elsewhere: "<CA cert X>", "<key X>", "<csr>"."""

import re
import subprocess

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from pki import ca_certificate, csr_for, key_pem, name, pem
from scenario import Mismatch

NAMED = re.compile(r"\b([A-Z]\d*)\b")


def openssl(*arguments, given=""):
    return subprocess.run(["openssl", *arguments], input=given, capture_output=True, text=True, check=True).stdout


class Pair:
    """A key and a self-signed CA certificate for it, each made when it is asked for."""

    def __init__(self, words):
        self.words = words
        self._key = self._certificate = None

    @property
    def is_pss(self):
        return "pss" in self.words

    def key(self):
        if self._key is None and self.is_pss:
            self._key = openssl("genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048")
        elif self._key is None:
            wants_rsa = re.search(r"\brsa\b", self.words)
            self._key = rsa.generate_private_key(65537, 2048) if wants_rsa else ec.generate_private_key(ec.SECP256R1())
        return self._key

    def key_text(self):
        return self.key() if self.is_pss else key_pem(self.key())

    def certificate(self, words):
        if self._certificate is None and self.is_pss:
            self._certificate = openssl("req", "-x509", "-key", "/dev/stdin", "-subj", "/CN=pss", given=self.key())
        elif self._certificate is None:
            subject = "placed.example.com"
            usage = "without a keyusage" not in words
            self._certificate = pem(ca_certificate(subject, self.key(), name(subject), self.key(), key_usage=usage))
        return self._certificate

    def csr(self):
        if self.is_pss:
            return openssl("req", "-new", "-key", "/dev/stdin", "-subj", "/CN=placed.example.com", given=self.key())
        return csr_for(self.key(), "placed.example.com")


class Materials:
    """Those of one scenario. A letter names a pair; "its key", "the certificate" and "key" are of the pair before."""

    def __init__(self):
        self.pairs = {}
        self.last = None

    def pair(self, text, words):
        if named := NAMED.findall(text):
            self.last = named[-1]
        elif self.last is None or not re.match(r"its |the |\w+$", words):
            self.last = text
        return self.pairs.setdefault(self.last, Pair(words))

    def make(self, text):
        words = text.lower()
        if re.search(r"\bcrl\b|\bbytes\b", words):
            raise Mismatch(f"<{text}> is not understood")
        pair = self.pair(text, words)
        if "csr" in words:
            return pair.csr()
        if re.search(r"\b(ca|cert|certificate)\b", words):
            return pair.certificate(words)
        if re.search(r"\bkey\b", words) or NAMED.fullmatch(text):
            return pair.key_text()
        raise Mismatch(f"<{text}> is not understood")
