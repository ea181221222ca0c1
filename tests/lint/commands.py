"""openssl and certtool: all that is wrong with an artifact, or None where the tool does not know its kind. Both verify paths and
look for revocations by themselves."""

import re
import subprocess
from datetime import datetime, timezone

from artifacts import pem

REVOKED_BY_OPENSSL = "error 23 at 0 depth lookup: certificate revoked"
VERDICT = "Chain verification output:"
OUT_OF_TIME = re.compile(r"The certificate chain uses (expired|not yet valid) certificate\.")
UNTRUSTED = "Not verified. The certificate is NOT trusted."
GOOD = ("Verified. The certificate is trusted.", UNTRUSTED)
BAD = (f"{UNTRUSTED} The certificate chain is revoked.",)


def run(*words):
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


class Files:
    """An artifact and what stands above it, as PEM files of a folder."""

    def __init__(self, artifact, folder):
        self.folder = folder
        self.stem = artifact.id.replace("/", "_")
        self.own = self.file("own", artifact.pem())
        if artifact.chain:
            above = [pem("certificate", der) for der in artifact.chain]
            self.issuer = self.file("issuer", above[0])
            self.root = self.file("root", above[-1])
            self.between = self.file("between", "".join(above[:-1]))
            self.path = self.file("path", artifact.pem() + "".join(above if artifact.chain[0] != artifact.der else []))
        self.crls = self.file("crl", pem("crl", artifact.crl)) if artifact.crl else None

    def file(self, name, text):
        path = self.folder / f"{self.stem}.{name}"
        path.write_text(text)
        return path


def unless(ok, said):
    return [] if ok else [said or "says nothing"]


# --- openssl ----------------------------------------------------------------------------------------------------------


def openssl_certificate(artifact, files):
    """Strictly; the dates are judged elsewhere. A revoked certificate is one that -crl_check, and only it, refuses."""
    strict = ["openssl", "verify", "-x509_strict", "-check_ss_sig", "-no_check_time"]
    path = ["-CAfile", files.root, *(["-untrusted", files.between] if len(artifact.chain) > 1 else []), files.own]
    status, said = run(*strict, *path)
    found = unless(status == 0, said)
    if files.crls:
        status, said = run(*strict, "-crl_check", "-CRLfile", files.crls, *path)
        found += unless((status != 0 and REVOKED_BY_OPENSSL in said) if artifact.revoked else status == 0, said)
    return found


def openssl_csr(artifact, files):
    status, said = run("openssl", "req", "-in", files.own, "-verify", "-noout")
    return unless(status == 0 and "verify OK" in said, said)


def openssl_crl(artifact, files):
    status, said = run("openssl", "crl", "-in", files.own, "-CAfile", files.issuer, "-noout", "-text")
    found = unless(status == 0 and "verify OK" in said, said[:200])
    listed = {int(serial, 16) for serial in re.findall(r"Serial Number: ([0-9A-F]+)", said)}
    return found + [f"does not list {serial:x}" for serial in artifact.entries if serial not in listed]


# --- certtool ---------------------------------------------------------------------------------------------------------


def certtool_verify(artifact, files, *more):
    """What --verify says of the chain. It has no option for another time than now: of one that is not valid now, that has to
    be all that it says."""
    _, said = run("certtool", "--verify", "--load-ca-certificate", files.root, *more, "--infile", files.path)
    lines = [line for line in said.splitlines() if line.startswith(VERDICT)]
    verdict = lines[-1].removeprefix(VERDICT).strip() if lines else said
    own = artifact.parsed
    if not own.not_valid_before_utc <= datetime.now(timezone.utc) <= own.not_valid_after_utc:
        return OUT_OF_TIME.sub("", verdict).strip()
    return verdict


def certtool_certificate(artifact, files):
    status, said = run("certtool", "--certificate-info", "--infile", files.own)
    found = unless(status == 0 and "error" not in said.lower(), said)
    verdict = certtool_verify(artifact, files)
    found += unless(verdict in GOOD, verdict)
    if files.crls:
        verdict = certtool_verify(artifact, files, "--load-crl", files.crls)
        found += unless(verdict in (BAD if artifact.revoked else GOOD), verdict)
    return found


def certtool_csr(artifact, files):
    status, said = run("certtool", "--crq-info", "--infile", files.own)
    return unless(status == 0 and "Self signature: verified" in said, said)


def certtool_crl(artifact, files):
    status, said = run("certtool", "--verify-crl", "--load-ca-certificate", files.issuer, "--infile", files.own)
    found = unless(status == 0, said)
    status, said = run("certtool", "--crl-info", "--infile", files.own)
    listed = {int(serial, 16) for serial in re.findall(r"Serial Number \(hex\): ([0-9a-f]+)", said)}
    return found + unless(status == 0, said) + [f"does not list {s:x}" for s in artifact.entries if s not in listed]


OPENSSL = {"certificate": openssl_certificate, "csr": openssl_csr, "crl": openssl_crl}
CERTTOOL = {"certificate": certtool_certificate, "csr": certtool_csr, "crl": certtool_crl}
