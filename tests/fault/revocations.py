"""The rules of CRLs and revocations, for checker.py."""

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from itertools import groupby

import msgpack
from cryptography import x509

from ledger import CLOCKS_MS, FOREVER, Entry, Violation, place


GRACE_S = 300  # an entry may stay so long after the certificate's end: the most that the workers' windows.clocks may be


@dataclass
class Page:
    """One CRL that is in order by itself."""

    place: str
    written: int  # ms: its record's timestamp
    number: int
    this_update: int  # seconds
    serials: set


class Crls:
    """{mount/issuer/shard: the pages} and what is wrong with the CRLs that are none."""

    def __init__(self, ledger):
        self.ledger = ledger
        self.issuers = {}
        self.pages = defaultdict(list)
        self.deleted = set()
        for record in ledger.of("state"):
            if record.key.startswith(b"issuer/") and record.value is not None:
                der = record.body()["certificate"]
                self.issuers[hashlib.sha256(der).hexdigest()[:32]] = x509.load_der_x509_certificate(der)
        for record in ledger.of("crl"):
            self.take(record)

    def take(self, record):
        key = record.key.decode()
        self.deleted.discard(key)
        if record.value is None:
            self.deleted.add(key)
            return
        page = self.page_of(record)
        if page is None or not self.is_signed(record, key):
            return
        last = self.pages[key][-1] if self.pages[key] else None
        if last and (page.number <= last.number or page.this_update < last.this_update):
            self.ledger.bad("crl_not_rising", record, f"{key}: number {page.number} after {last.number}")
            return
        self.pages[key].append(page)

    def page_of(self, record):
        try:
            crl = x509.load_der_x509_crl(record.value)
            number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
            this_update = int(crl.last_update_utc.timestamp())
            serials = [entry.serial_number for entry in crl]
            assert len(set(serials)) == len(serials), "a serial number stands twice"
            assert record.header("number") == b"%d" % number, "another number in its header"
            assert record.header("this_update") == b"%d" % this_update, "another thisUpdate in its header"
            assert record.header("sha256").decode() == hashlib.sha256(record.value).hexdigest(), "another hash in its header"
        except (ValueError, AttributeError, AssertionError, x509.ExtensionNotFound) as e:
            self.ledger.bad("crl_invalid", record, repr(e))
            return None
        return Page(place(record), record.timestamp, number, this_update, set(serials))

    def is_signed(self, record, key):
        crl = x509.load_der_x509_crl(record.value)
        issuer = self.issuers.get(key.split("/")[1])
        if issuer and crl.issuer == issuer.subject and crl.is_signature_valid(issuer.public_key()):
            return True
        self.ledger.bad("crl_signature", record, f"{key}: not signed by its issuer")
        return False


@dataclass
class Revocation:
    """What is known of one mount's serial number."""

    record: object = None  # the last of .revoked, a tombstone too
    body: dict = None
    entry: Entry = None
    number: int = None  # of the CRL that an answer named
    key: str = None  # of its issuer's CRLs

    @property
    def not_after(self):
        if self.entry and "not_after" in self.entry.outcome:
            return self.entry.outcome["not_after"]
        return self.body["not_after"] if self.body else FOREVER

    @property
    def recorded(self):
        return self.record is not None and self.record.value is not None

    @property
    def decided(self):
        return self.entry is not None and self.entry.decided

    def should_have_left(self, pages, i):
        return i > 0 and self.not_after + GRACE_S < pages[i - 1].this_update

    def may_have_left(self, pages, i):
        """Past its end by thisUpdate, which may be of a fast clock, and by the time of the record."""
        if pages[i].written < self.not_after * 1000:
            return False
        known = i > 0 and pages[i - 1].number + 1 == pages[i].number
        return self.not_after < pages[i - 1 if known else i].this_update


def revocations_of(ledger, crls):
    """{(mount, serial): what is known of it}"""
    found = defaultdict(Revocation)
    for record in ledger.of("revoked"):
        try:
            mount, _, serial = record.key.decode().rpartition("/")
            body = None if record.value is None else record.body()
            assert body is None or (body["mount"], body["serial"].hex()) == (mount, serial), "its key names another"
            issuer = body and (body["issuer"], body["not_after"], body["date"])[0]
        except (ValueError, KeyError, TypeError, AttributeError, AssertionError, msgpack.UnpackException) as e:
            ledger.bad("malformed", record, repr(e))
            continue
        r = found[mount, bytes.fromhex(serial)]
        r.record = record
        if body is not None:
            r.body, r.key = body, f"{mount}/{issuer}/0"
    confirmed = {
        source: record.body()["data"]["crl_number"]
        for source, record in sorted(ledger.answers, key=lambda pair: ledger.order(pair[1]), reverse=True)
        if record.body().get("op") == "revoke" and "crl_number" in (record.body().get("data") or {})
    }
    for entry in sorted(ledger.entries, key=lambda e: e.order):
        if entry.revoked:
            r = found[entry.fields["mount"], entry.revoked]
            if not entry.outcome.get("already"):
                r.entry = r.entry or entry
                r.key = f"{entry.fields['mount']}/{entry.outcome['issuer']}/0"
            if entry.decided and entry.source in confirmed:
                r.number = min(confirmed[entry.source], r.number or FOREVER)
    for key, pages in crls.pages.items():
        for serial in set().union(*(page.serials for page in pages)):
            octets = serial.to_bytes(serial.bit_length() // 8 + 1, "big")
            r = found[key.split("/")[0], octets]
            r.key = r.key or key
    return found


def revocations_are_listed(ledger, crls):
    """In .revoked, in .audit, and on every CRL that was made after the answer until it may leave."""
    for (_, serial), r in revocations_of(ledger, crls).items():
        if r.key is None:
            continue  # all that is left is a tombstone
        pages = crls.pages[r.key]
        yield from revocation_is_recorded(ledger, crls, r, pages)
        if not pages:
            continue
        number = int.from_bytes(serial, "big")
        due = first_due(ledger, r, pages)
        for listed, run in groupby(range(len(pages)), key=lambda i: number in pages[i].serials):
            run = list(run)
            if listed:
                late = [i for i in run if r.should_have_left(pages, i)][:1]
                yield from (Violation("crl_expired_entry", pages[i].place, f"{serial.hex()}") for i in late)
            else:
                lacking = [i for i in run if i >= due][:1]
                yield from (
                    Violation("crl_incomplete", pages[i].place, f"{serial.hex()}") for i in lacking if not r.may_have_left(pages, i)
                )
        leaves = r.record is not None and (r.not_after == FOREVER or r.not_after < pages[-1].this_update)
        if number in pages[-1].serials and not r.recorded and not leaves:
            yield Violation("crl_unrecorded_entry", pages[-1].place, f"{serial.hex()} is not in .revoked")


def revocation_is_recorded(ledger, crls, r, pages):
    if r.recorded and not r.entry and ledger.audit_reaches(r.body["date"] * 1000):
        yield Violation("revocation_not_audited", place(r.record), "no entry of .audit accounts for it")
    if r.decided and r.record is None and not (pages and r.not_after < pages[-1].this_update):
        yield Violation("revocation_missing", r.entry.place, f".revoked lacks {r.entry.revoked.hex()}")
    if not pages and r.key not in crls.deleted and (r.decided or (r.recorded and not r.entry)):
        yield Violation("crl_incomplete", r.entry.place if r.decided else place(r.record), "its issuer has no CRL")


def first_due(ledger, r, pages):
    """The first page that must hold it; len(pages): none so far."""
    last = len(pages) - 1
    if r.number is not None:
        return next((i for i in range(last) if pages[i].number >= r.number), last)
    if r.decided:
        made = r.entry.written + CLOCKS_MS
        return next((i for i in range(last) if pages[i].this_update * 1000 > made), last)
    if r.recorded and not r.entry and not ledger.audit_reaches(r.body["date"] * 1000):
        return last
    return len(pages)
