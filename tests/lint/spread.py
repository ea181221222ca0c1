"""The spread: CAs of every kind, and certificates under them that differ in one thing each. It is data; entries.py says what a
row asks for, rfc5280.py what is true of all. An entry that needs what the build does not have is off."""

import time
from itertools import product

from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose

from entries import HOST, KEYS, USUAL_BITS, Ca, Leaf, named

CA_KEYS = ["rsa-2048", "rsa-3072", "rsa-4096", "ec-224", "ec-256", "ec-384", "ec-521", "ed25519"]
LEAF_KEYS = [*CA_KEYS, "rsa-8192"]
MADE_FAST = ["ec-224", "ec-256", "ec-384", "ec-521", "ed25519"]

SITE = "http://pki.example.com"
URLS = {
    "issuing_certificates": [f"{SITE}/ca.crt"],
    "crl_distribution_points": [f"{SITE}/ca.crl"],
    "ocsp_servers": ["http://ocsp.example.com"],
}


def until(date):
    """A ttl that ends on that day (UTC), whatever the hour of the run."""
    end = time.mktime(time.strptime(date, "%Y-%m-%d")) - time.timezone + 43200
    return int(end - time.time())


# --- CAs --------------------------------------------------------------------------------------------------------------

ROOTS = {
    "path-0": dict(params={"max_path_length": 0}, expect={"path_length": 0}),
    "path-1": dict(params={"max_path_length": 1}, expect={"path_length": 1}),
    "path-200": dict(params={"max_path_length": 200}, expect={"path_length": 200}),
    "name-of-64": dict(params={"common_name": f"{'N' * 31}. {'N' * 31}"}),
    "name-of-64-characters": dict(params={"common_name": f"{'Ä' * 31}. {'Ä' * 31}"}),
    "unicode": dict(params={"common_name": "Zertifizierungsstelle für 例え"}),
    "punctuation": dict(params={"common_name": 'A+B, "C" <D>; E=F/G\\H #1'}),
    "one-hour": dict(params={"ttl": "1h"}, mount={"default_ttl": "30m"}),
    "until-2049": dict(params={"ttl": until("2049-12-31")}, mount={"default_ttl": "24h"}),
    "until-2050": dict(params={"ttl": until("2050-01-01")}, mount={"default_ttl": "24h"}),
    "century": dict(params={"ttl": "876000h"}),
    "with-names": dict(
        params={"alt_names": "ca.example.com,ca@example.com", "ip_sans": "192.0.2.1,2001:db8::1"},
        expect={"names": ["dns:ca.example.com", "email:ca@example.com", "ip:192.0.2.1", "ip:2001:db8::1"]},
    ),
    "host-name": dict(params={"common_name": "ca.example.com"}, expect={"names": ["dns:ca.example.com"]}),
    "exported": dict(
        params={"exported": "exported"}, mount={"allow_clear_keys": True}, needs=("ca/generate/intermediate",)
    ),
}

BUNDLES = [
    "below-a-root",
    "string-types",
    "sha256-key-id",
    "long-key-id",
    "until-9999",
    "since-1990",
    "three-levels",
    "rsa-8192",
]

LISTS = {
    "all-urls": dict(urls=URLS),
    "two-of-each": dict(urls={name: [*urls, urls[0] + "/2"] for name, urls in URLS.items()}),
    "only-issuers": dict(urls={"issuing_certificates": URLS["issuing_certificates"]}),
    "only-crl": dict(urls={"crl_distribution_points": URLS["crl_distribution_points"]}),
    "only-ocsp": dict(urls={"ocsp_servers": URLS["ocsp_servers"]}),
    "ldap": dict(
        urls={"crl_distribution_points": ["ldap://ldap.example.com/cn=CA,dc=example?certificateRevocationList?base"]}
    ),
    "ipv6-url": dict(urls={"ocsp_servers": ["http://[2001:db8::1]:8080/ocsp"]}),
    "long-url": dict(urls={"crl_distribution_points": [f"{SITE}/{'c' * 900}.crl?shard=1&of=2"]}),
    "crl-1-hour": dict(crl_expiry="1h"),
    "crl-1-year": dict(crl_expiry="8760h"),
    "crl-10-years": dict(crl_expiry="87600h"),
}

INTERMEDIATES = {
    **{f"{key}-under-ec-256": dict(key=key, parent="root-ec-256") for key in CA_KEYS},
    **{f"{key}-under-rsa-2048": dict(key=key, parent="root-rsa-2048") for key in ("rsa-2048", "ec-384", "ed25519")},
    **{f"{key}-under-ed25519": dict(key=key, parent="root-ed25519") for key in ("rsa-2048", "ec-521", "ed25519")},
    "path-0": dict(parent="root-path-1", sign={"max_path_length": 0}, expect={"path_length": 0}),
    "path-5": dict(parent="root-ec-256", sign={"max_path_length": 5}, expect={"path_length": 5}),
    "level-2": dict(parent="int-path-5", sign={"max_path_length": 1, "ttl": "200000h"}, expect={"path_length": 1}),
    "level-3": dict(parent="int-level-2", sign={"max_path_length": 0, "ttl": "180000h"}, expect={"path_length": 0}),
    "csr-values": dict(
        parent="root-ec-256",
        params={"common_name": "From the CSR", "alt_names": "sub.example.com", "ip_sans": "192.0.2.9"},
        sign={"use_csr_values": True},
        expect={"subject": ["CN=From the CSR"], "names": ["dns:sub.example.com", "ip:192.0.2.9"]},
    ),
    "own-names": dict(
        parent="root-ec-256",
        params={"common_name": "Asked"},
        sign={"common_name": "Given Name", "alt_names": "given.example.com,ca@example.com"},
        expect={"subject": ["CN=Given Name"], "names": ["dns:given.example.com", "email:ca@example.com"]},
    ),
    "with-urls": dict(parent="root-all-urls"),
    "exported": dict(parent="root-ec-256", params={"exported": "exported"}, mount={"allow_clear_keys": True}),
}

PUBLIC_URLS = {
    "issuing_certificates": ["http://pki.example.com/sub.crt"],
    "crl_distribution_points": ["http://pki.example.com/sub.crl"],
}

CAS = [
    *(Ca(f"root-{key}", key=key) for key in CA_KEYS),
    *named("root-", ROOTS, Ca),
    *named("root-", LISTS, Ca),
    *named("set-", {name: dict(how=name) for name in BUNDLES}, Ca),
    *named("int-", INTERMEDIATES, Ca, how="intermediate"),
    Ca("root-revocations"),
    Ca("root-public-tls", how="public-tls", urls=PUBLIC_URLS, crl_expiry="72h", public_tls=True),
    Ca("root-current", mount={"role_defaults": "current"}),
]

# --- keys and signatures ----------------------------------------------------------------------------------------------

SIGNED = [Leaf(f"sign/{key}-under-{ca}", f"root-{ca}", key) for key, ca in product(LEAF_KEYS, CA_KEYS)]
ISSUED = [
    *(
        Leaf(f"issue/{key}-under-{ca}", f"root-{ca}", key, "issue", revoke={} if key == "ed25519" else None)
        for key, ca in product(MADE_FAST, CA_KEYS)
    ),
    *(Leaf(f"issue/{key}", key=key, op="issue") for key in ("rsa-2048", "rsa-3072", "rsa-4096")),
]
DIGESTS = [
    Leaf(
        f"digest/{'pss' if pss else 'pkcs1'}-{bits}-under-{ca}",
        f"root-{ca}",
        role={"signature_bits": bits, "use_pss": pss},
        expect={"signature": f"{'pss' if pss else 'pkcs1'}-sha{bits}"},
    )
    for ca, pss, bits in product(("rsa-2048", "rsa-4096"), (False, True), (256, 384, 512))
]
# every CA signs, and revokes
UNDER_EACH = [
    leaf
    for ca in CAS
    if not ca.public_tls and ca.id not in [f"root-{key}" for key in CA_KEYS]
    for leaf in (Leaf(f"under/{ca.id}", ca.id), Leaf(f"under/{ca.id}-revoked", ca.id, "ed25519", "issue", revoke={}))
]
KEYS_TAKEN = named(
    "any-key/", {key: dict(key=key, role={"key_type": "any", "key_bits": 0}) for key in LEAF_KEYS}, ca="root-current"
)

# --- names ------------------------------------------------------------------------------------------------------------

FORTY = [f"n{i}.example.com" for i in range(40)]
MIXED = [
    *(f"dns:m{i}.example.com" for i in range(14)),
    *(f"email:m{i}@example.com" for i in range(13)),
    *(f"ip:198.51.100.{i}" for i in range(13)),
]
NAME_OF_253 = ".".join(["l" * 63] * 3 + ["m" * 57, "com"])


def subject_name(text):
    return {"params": {"common_name": text}}


def alt_names(*texts, **params):
    return {"params": {"alt_names": list(texts), **params}}


def names(row, *expected, **more):
    return {**row, "expect": {"names": [*expected], **more}}


NAMES = {
    "one-letter": names(subject_name("a.example.com"), "dns:a.example.com"),
    "digits": names(subject_name("1.2.3.example.com"), "dns:1.2.3.example.com"),
    "hyphens": names(subject_name("a-b--c.example.com"), "dns:a-b--c.example.com"),
    "upper-case": names(subject_name("HOST.Example.COM"), "dns:HOST.Example.COM"),
    "localhost": names(subject_name("localhost"), "dns:localhost"),
    "wildcard": names(subject_name("*.example.com"), "dns:*.example.com"),
    "wildcard-and-bare": names(
        {"params": {"common_name": "example.com", "alt_names": "*.example.com"}}, "dns:example.com", "dns:*.example.com"
    ),
    "forty": names(alt_names(*FORTY), f"dns:{HOST}", *(f"dns:{name}" for name in FORTY)),
    "forty-mixed": names(
        alt_names(
            *(name.split(":")[1] for name in MIXED if not name.startswith("ip:")),
            ip_sans=[name[3:] for name in MIXED if name.startswith("ip:")],
        ),
        f"dns:{HOST}",
        *MIXED,
    ),
    "hundreds": names(
        alt_names(*(f"h{i}.example.com" for i in range(300))),
        f"dns:{HOST}",
        *(f"dns:h{i}.example.com" for i in range(300)),
    ),
    "name-twice": names(alt_names(HOST, HOST), f"dns:{HOST}"),
    "label-of-63": names(alt_names("l" * 63 + ".example.com"), f"dns:{HOST}", "dns:" + "l" * 63 + ".example.com"),
    "name-of-253": names(alt_names(NAME_OF_253), f"dns:{HOST}", f"dns:{NAME_OF_253}"),
    "many-labels": names(alt_names("a." * 100 + "example.com"), f"dns:{HOST}", "dns:" + "a." * 100 + "example.com"),
    "common-name-of-64": names(subject_name("c" * 52 + ".example.com"), "dns:" + "c" * 52 + ".example.com"),
    "idn-latin": names(alt_names("bücher.example.com"), f"dns:{HOST}", "dns:xn--bcher-kva.example.com"),
    "idn-subject": names(subject_name("bücher.example.com"), "dns:xn--bcher-kva.example.com"),
    "idn-upper-case": names(alt_names("BÜCHER.example.com"), f"dns:{HOST}", "dns:xn--bcher-kva.example.com"),
    "idn-sharp-s": names(alt_names("faß.example.com"), f"dns:{HOST}", "dns:xn--fa-hia.example.com"),
    "idn-katakana": names(alt_names("例え.テスト"), f"dns:{HOST}", "dns:xn--r8jz45g.xn--zckzah"),
    "idn-right-to-left": names(alt_names("مثال.إختبار"), f"dns:{HOST}", "dns:xn--mgbh0fb.xn--kgbechtv"),
    "idn-greek": names(alt_names("παράδειγμα.δοκιμή"), f"dns:{HOST}", "dns:xn--hxajbheg2az3al.xn--jxalpdlp"),
    "idn-devanagari": names(alt_names("उदाहरण.परीक्षा"), f"dns:{HOST}", "dns:xn--p1b6ci4b4b3a.xn--11b5bs3a9aj6g"),
    "idn-wildcard": names(alt_names("*.bücher.example.com"), f"dns:{HOST}", "dns:*.xn--bcher-kva.example.com"),
    "a-label": names(alt_names("xn--bcher-kva.example.com"), f"dns:{HOST}", "dns:xn--bcher-kva.example.com"),
    "email": names(subject_name("user@example.com"), "email:user@example.com"),
    "email-tagged": names(
        alt_names("first.last+tag@mail.example.com"), f"dns:{HOST}", "email:first.last+tag@mail.example.com"
    ),
    "email-of-254": names(alt_names(f"u@{NAME_OF_253[1:]}"), f"dns:{HOST}", f"email:u@{NAME_OF_253[1:]}"),
    "email-of-64-before": names(alt_names(f"{'u' * 64}@example.com"), f"dns:{HOST}", f"email:{'u' * 64}@example.com"),
    "emails": names(
        alt_names(*(f"user{i}@example.com" for i in range(10))),
        f"dns:{HOST}",
        *(f"email:user{i}@example.com" for i in range(10)),
    ),
    "ipv4": names({"params": {"ip_sans": "192.0.2.7"}}, f"dns:{HOST}", "ip:192.0.2.7"),
    "ipv6": names({"params": {"ip_sans": "2001:db8::7"}}, f"dns:{HOST}", "ip:2001:db8::7"),
    "ip-edges": names(
        {"params": {"ip_sans": "0.0.0.0,255.255.255.255,::,::1,ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}},
        f"dns:{HOST}",
        *("ip:0.0.0.0", "ip:255.255.255.255", "ip:::", "ip:::1", "ip:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ),
    "ips": names(
        {"params": {"ip_sans": [f"203.0.113.{i}" for i in range(40)]}},
        f"dns:{HOST}",
        *(f"ip:203.0.113.{i}" for i in range(40)),
    ),
}

OTHER_NAMES = {
    "uri": names(
        {"role": {"allowed_uri_sans": ["*"]}, "params": {"uri_sans": ["https://example.com/path?query=1#part"]}},
        f"dns:{HOST}",
        "uri:https://example.com/path?query=1#part",
    ),
    "spiffe": names(
        {"role": {"allowed_uri_sans": ["spiffe://*"]}, "params": {"uri_sans": ["spiffe://example.org/ns/prod/sa/web"]}},
        f"dns:{HOST}",
        "uri:spiffe://example.org/ns/prod/sa/web",
    ),
    "urn": names(
        {
            "role": {"allowed_uri_sans": ["urn:*"]},
            "params": {"uri_sans": ["urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66"]},
        },
        f"dns:{HOST}",
        "uri:urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66",
    ),
    "uri-of-address": names(
        {
            "role": {"allowed_uri_sans": ["*"]},
            "params": {"uri_sans": ["https://192.0.2.1:8443/", "ldap://[2001:db8::7]/c=GB"]},
        },
        f"dns:{HOST}",
        "uri:https://192.0.2.1:8443/",
        "uri:ldap://[2001:db8::7]/c=GB",
    ),
    "uris": names(
        {
            "role": {"allowed_uri_sans": ["*"]},
            "params": {"uri_sans": [f"https://u{i}.example.com/" for i in range(20)]},
        },
        f"dns:{HOST}",
        *(f"uri:https://u{i}.example.com/" for i in range(20)),
    ),
    "other": names(
        {
            "role": {"allowed_other_sans": ["1.3.6.1.4.1.311.20.2.3;utf8:*@example.com"]},
            "params": {"other_sans": ["1.3.6.1.4.1.311.20.2.3;utf8:user@example.com"]},
        },
        f"dns:{HOST}",
        "other:1.3.6.1.4.1.311.20.2.3;user@example.com",
    ),
    "others": names(
        {
            "role": {"allowed_other_sans": ["*"]},
            "params": {
                "other_sans": [
                    "1.2.3.4;utf8:one",
                    "1.3.6.1.4.1.99999.7;UTF8:zwei ü 例え",
                    "1.3.6.1.5.5.7.8.9;UTF-8:ü@example.com",
                ]
            },
        },
        f"dns:{HOST}",
        "other:1.2.3.4;one",
        "other:1.3.6.1.4.1.99999.7;zwei ü 例え",
        "other:1.3.6.1.5.5.7.8.9;ü@example.com",
    ),
    "all-types": names(
        {
            "role": {"allowed_uri_sans": ["*"], "allowed_other_sans": ["*"]},
            "params": {
                "alt_names": ["d.example.com", "e@example.com"],
                "ip_sans": ["192.0.2.1", "2001:db8::1"],
                "uri_sans": ["https://example.com/"],
                "other_sans": ["1.2.3.4;utf8:value"],
            },
        },
        f"dns:{HOST}",
        "dns:d.example.com",
        "email:e@example.com",
        "ip:192.0.2.1",
        "ip:2001:db8::1",
        "uri:https://example.com/",
        "other:1.2.3.4;value",
    ),
    "not-the-common-name": names(alt_names("d.example.com", exclude_cn_from_sans=True), "dns:d.example.com"),
    "no-names": names(
        {"params": {"exclude_cn_from_sans": True}, "role": {"server_flag": False}},
        eku=[Purpose.CLIENT_AUTH.dotted_string],
    ),
    "no-subject": names(
        {"role": {"require_cn": False}, "params": {"common_name": "", "alt_names": ["d.example.com"]}},
        "dns:d.example.com",
        subject=[],
    ),
    "no-subject-but-ip": names(
        {"role": {"require_cn": False}, "params": {"common_name": "", "ip_sans": ["192.0.2.1"]}},
        "ip:192.0.2.1",
        subject=[],
    ),
    "not-a-host": names(
        {
            "role": {"cn_validations": ["disabled"], "enforce_hostnames": False},
            "params": {"common_name": "Jürgen Müller, 3. Stock"},
        },
        subject=["CN=Jürgen Müller, 3. Stock"],
    ),
}

CSR = {
    "cn": "csr.example.com",
    "dns": ["a.example.com", "*.example.com"],
    "emails": ["csr@example.com"],
    "ips": ["192.0.2.5", "2001:db8::5"],
    "uris": ["https://example.com/csr"],
    "others": ["1.2.3.4;csr"],
}
CSR_NAMES = [
    *("dns:csr.example.com", "dns:a.example.com", "dns:*.example.com", "email:csr@example.com"),
    *("ip:192.0.2.5", "ip:2001:db8::5", "uri:https://example.com/csr", "other:1.2.3.4;csr"),
]
FROM_CSR = {
    "common-name": dict(
        csr={"cn": "csr.example.com"},
        role={"use_csr_common_name": True},
        expect={"subject": ["CN=csr.example.com"], "names": ["dns:csr.example.com"]},
    ),
    "common-name-ignored": dict(csr={"cn": "asked.example.com"}),
    "names-ignored": dict(csr=CSR),
    "asks-for-ca": dict(csr={"cn": HOST, "ca": True}),
    "names": dict(
        csr=CSR,
        role={
            "use_csr_common_name": True,
            "use_csr_sans": True,
            "allowed_uri_sans": ["*"],
            "allowed_other_sans": ["*"],
        },
        expect={"subject": ["CN=csr.example.com"], "names": CSR_NAMES},
    ),
    "forty-names": dict(
        csr={"cn": HOST, "dns": FORTY},
        role={"use_csr_sans": True},
        expect={"names": [f"dns:{HOST}", *(f"dns:{name}" for name in FORTY)]},
    ),
}


def verbatim(csr, key_usage=("digitalSignature", "keyAgreement"), eku=(), **expect):
    """What the CSR says, and the usual key usage where it says none; no purposes of its own."""
    csr = {"cn": HOST, "dns": [HOST], **csr}
    return {"csr": csr, "expect": {"key_usage": [*key_usage], "eku": [*eku], **expect}}


SIGNS_CODE = [Purpose.CODE_SIGNING.dotted_string]
VERBATIM = {
    **{f"under-{ca}": {"ca": f"root-{ca}", **verbatim({})} for ca in CA_KEYS},
    "names": verbatim({**CSR, "dns": [CSR["cn"], *CSR["dns"]]}, subject=["CN=csr.example.com"], names=CSR_NAMES),
    "subject": verbatim(
        {"subject": {"C": "CH", "O": "Example AG", "OU": "Größen", "L": "Zürich"}},
        subject=["C=CH", "O=Example AG", "OU=Größen", "L=Zürich", f"CN={HOST}"],
    ),
    "usages": verbatim(
        {"key_usage_names": ["digitalSignature"], "ext_key_usage": SIGNS_CODE},
        key_usage=["digitalSignature"],
        eku=SIGNS_CODE,
    ),
    "asks-for-ca": verbatim({"ca": True}),
}

# --- subjects ---------------------------------------------------------------------------------------------------------

SUBJECT_FIELDS = {
    "country": ("C", ["CH"]),
    "organization": ("O", ["Example Organisation"]),
    "ou": ("OU", ["Engineering"]),
    "locality": ("L", ["Zürich"]),
    "province": ("ST", ["Zürich"]),
    "street_address": ("STREET", ["Bahnhofstrasse 1"]),
    "postal_code": ("postalCode", ["8001"]),
}


def subject(role, *attributes, **params):
    return {"role": role, "params": params, "expect": {"subject": [*attributes, f"CN={HOST}"]}}


SUBJECTS = {
    **{
        field.replace("_", "-"): subject({field: values}, *(f"{short}={value}" for value in values))
        for field, (short, values) in SUBJECT_FIELDS.items()
    },
    "all": subject(
        {field: values for field, (_, values) in SUBJECT_FIELDS.items()},
        *(f"{short}={value}" for short, values in SUBJECT_FIELDS.values() for value in values),
    ),
    "several": subject(
        {"ou": ["One", "Two", "Three"], "organization": ["Alpha", "Beta"], "country": ["CH", "LI"]},
        *("OU=One", "OU=Two", "OU=Three", "O=Alpha", "O=Beta", "C=CH", "C=LI"),
    ),
    "twice": subject({"ou": ["One", "One"]}, "OU=One"),
    "of-64": subject({"ou": ["U" * 64], "organization": ["O" * 64]}, "OU=" + "U" * 64, "O=" + "O" * 64),
    "of-128": subject({"locality": ["L" * 128], "province": ["P" * 128]}, "L=" + "L" * 128, "ST=" + "P" * 128),
    "of-64-characters": subject({"organization": ["例" * 64]}, "O=" + "例" * 64),
    "scripts": subject(
        {"organization": ["שלום", "Ωμέγα", "Юникод", "株式会社"]}, "O=שלום", "O=Ωμέγα", "O=Юникод", "O=株式会社"
    ),
    "serial-number": subject({"allowed_serial_numbers": ["*"]}, "serialNumber=SN-123 45", serial_number="SN-123 45"),
    "user-id": subject({"allowed_user_ids": ["*"]}, "UID=jdoe", user_ids=["jdoe"]),
    "user-ids": subject({"allowed_user_ids": ["*"]}, "UID=jdoe", "UID=user-2", user_ids=["jdoe", "user-2"]),
}

# --- usages -----------------------------------------------------------------------------------------------------------

FLAGS = {
    "server_flag": Purpose.SERVER_AUTH,
    "client_flag": Purpose.CLIENT_AUTH,
    "code_signing_flag": Purpose.CODE_SIGNING,
    "email_protection_flag": Purpose.EMAIL_PROTECTION,
}
# RFC 5280 4.2.1.12: the bits that are consistent with a purpose
CONSISTENT = {
    Purpose.SERVER_AUTH.dotted_string: {"digitalSignature", "keyEncipherment", "keyAgreement"},
    Purpose.CLIENT_AUTH.dotted_string: {"digitalSignature", "keyAgreement"},
    Purpose.CODE_SIGNING.dotted_string: {"digitalSignature"},
    Purpose.EMAIL_PROTECTION.dotted_string: {
        "digitalSignature",
        "contentCommitment",
        "keyEncipherment",
        "keyAgreement",
    },
    Purpose.TIME_STAMPING.dotted_string: {"digitalSignature", "contentCommitment"},
    Purpose.OCSP_SIGNING.dotted_string: {"digitalSignature", "contentCommitment"},
}


def for_purposes(oids, key="ec-256", **more):
    """A role that names its purposes and leaves the key usage to certmill, which keeps what is consistent with one of them."""
    bits = USUAL_BITS[KEYS[key][0]]
    if oids and all(oid in CONSISTENT for oid in oids):
        bits = [bit for bit in bits if any(bit in CONSISTENT[oid] for oid in oids)]
    return dict(key=key, expect={"eku": oids, "key_usage": bits}, **more)


FLAGGED = {
    "-".join(flag.removesuffix("_flag") for flag, on in zip(FLAGS, chosen) if on)
    or "none": for_purposes(
        [purpose.dotted_string for purpose, on in zip(FLAGS.values(), chosen) if on],
        "rsa-2048",
        role=dict(zip(FLAGS, chosen)),
    )
    for chosen in product((False, True), repeat=4)
}
NO_FLAGS = dict.fromkeys(FLAGS, False)
PURPOSES = {
    "ServerAuth": Purpose.SERVER_AUTH.dotted_string,
    "ClientAuth": Purpose.CLIENT_AUTH.dotted_string,
    "CodeSigning": Purpose.CODE_SIGNING.dotted_string,
    "EmailProtection": Purpose.EMAIL_PROTECTION.dotted_string,
    "TimeStamping": Purpose.TIME_STAMPING.dotted_string,
    "OCSPSigning": Purpose.OCSP_SIGNING.dotted_string,
    "IPSECEndSystem": "1.3.6.1.5.5.7.3.5",
    "IPSECTunnel": "1.3.6.1.5.5.7.3.6",
    "IPSECUser": "1.3.6.1.5.5.7.3.7",
    "MicrosoftServerGatedCrypto": "1.3.6.1.4.1.311.10.3.3",
    "NetscapeServerGatedCrypto": "2.16.840.1.113730.4.1",
    "MicrosoftCommercialCodeSigning": "1.3.6.1.4.1.311.2.1.22",
    "MicrosoftKernelCodeSigning": "1.3.6.1.4.1.311.61.1.1",
}
UNUSUAL = ["1.3.6.1.5.5.7.3.17", "1.3.6.1.4.1.311.20.2.2"]
EXTENDED = {
    **{name: for_purposes([oid], role={**NO_FLAGS, "ext_key_usage": [name]}) for name, oid in PURPOSES.items()},
    "named-and-flagged": for_purposes(
        [PURPOSES["ServerAuth"], PURPOSES["ClientAuth"], PURPOSES["TimeStamping"]],
        role={"ext_key_usage": ["ServerAuth", "TimeStamping"]},
    ),
    "oids": for_purposes(UNUSUAL, role={**NO_FLAGS, "ext_key_usage_oids": UNUSUAL}),
}


def usage(key, *bits):
    """A role that names its bits, in the spelling of Go, and no purpose that could disagree."""
    spelled = [bit[0].upper() + bit[1:] for bit in bits]
    return dict(key=key, role={**NO_FLAGS, "key_usage": spelled}, expect={"key_usage": [*bits], "eku": []})


USAGES = {
    "rsa-digital-signature": usage("rsa-2048", "digitalSignature"),
    "rsa-content-commitment": usage("rsa-2048", "contentCommitment"),
    "rsa-key-encipherment": usage("rsa-2048", "keyEncipherment"),
    "rsa-data-encipherment": usage("rsa-2048", "dataEncipherment"),
    "rsa-all": usage("rsa-2048", "digitalSignature", "contentCommitment", "keyEncipherment", "dataEncipherment"),
    "ec-digital-signature": usage("ec-256", "digitalSignature"),
    "ec-key-agreement": usage("ec-384", "digitalSignature", "keyAgreement"),
    "ec-encipher-only": usage("ec-256", "keyAgreement", "encipherOnly"),
    "ec-decipher-only": usage("ec-521", "keyAgreement", "decipherOnly"),
    "ed25519-digital-signature": usage("ed25519", "digitalSignature", "contentCommitment"),
    "none": dict(role={"key_usage": []}, expect={"key_usage": []}),
}

POLICY = "1.3.6.1.4.1.99999.1"
POLICIES = {
    "one": dict(role={"policy_identifiers": [POLICY]}, expect={"policies": [POLICY]}),
    "several": dict(
        role={"policy_identifiers": [f"{POLICY}.{i}" for i in range(5)]},
        expect={"policies": [f"{POLICY}.{i}" for i in range(5)]},
    ),
    "cps": dict(
        role={"policy_identifiers": f'[{{"oid": "{POLICY}", "cps": "https://example.com/cps"}}]'},
        expect={"policies": [POLICY]},
    ),
    "notice": dict(
        role={"policy_identifiers": f'[{{"oid": "{POLICY}", "notice": "As is, ohne Gewähr."}}]'},
        expect={"policies": [POLICY]},
    ),
    "cps-and-notice": dict(
        role={"policy_identifiers": f'[{{"oid": "{POLICY}", "cps": "https://example.com/cps", "notice": "As is."}}]'},
        expect={"policies": [POLICY]},
    ),
}

# --- validity ---------------------------------------------------------------------------------------------------------

VALIDITY = {
    "one-second": dict(params={"ttl": "1s"}),
    "one-minute": dict(params={"ttl": "60"}),
    "one-day": dict(params={"ttl": "24h"}),
    "ninety-days": dict(params={"ttl": "90d"}),
    "of-the-mount": {},
    "of-the-role": dict(role={"ttl": "36h"}),
    "capped": dict(role={"max_ttl": "48h"}, params={"ttl": "96h"}),
    "until-2049": dict(params={"ttl": until("2049-12-31")}),
    "until-2050": dict(params={"ttl": until("2050-01-01")}),
    "leap-day": dict(params={"ttl": until("2048-02-29")}),
    "past-2038": dict(params={"ttl": until("2038-01-20")}),
    "until-2100": dict(ca="root-century", params={"ttl": until("2100-02-28")}),
    "from-far-back": dict(role={"not_before_duration": "10h"}),
    "from-just-now": dict(role={"not_before_duration": "1s"}),
}


def exact(not_before=None, not_after=None, **more):
    dates = {"not_before": not_before, "not_after": not_after}
    dates = {name: date for name, date in dates.items() if date}
    return dict(params=dates, expect=dates, **more)


DATES = {
    "end-of-utc-time": exact(not_after="2049-12-31T23:59:59Z"),
    "start-of-generalized-time": exact(not_after="2050-01-01T00:00:00Z"),
    "no-expiration": exact(not_after="9999-12-31T23:59:59Z", ca="set-until-9999"),
    "last-leap-day-of-utc-time": exact(not_after="2048-02-29T23:59:59Z"),
    "no-leap-day": exact(not_after="2100-02-28T23:59:59Z", ca="root-century"),
    "in-another-zone": dict(
        params={"not_after": "2049-12-31T19:00:00-05:00"}, expect={"not_after": "2050-01-01T00:00:00Z"}
    ),
    "from-1999": exact(not_before="1999-12-31T23:59:59Z", ca="set-since-1990"),
    "from-2000": exact(not_before="2000-01-01T00:00:00Z", ca="set-since-1990"),
    "from-later": exact(not_before="2049-12-31T23:59:59Z", not_after="2050-01-01T00:00:00Z"),
    "from-2050": exact(not_before="2050-01-01T00:00:00Z", not_after="2050-01-01T00:00:01Z"),
}

# --- what else a role says --------------------------------------------------------------------------------------------

ROLES = {
    "no-basic-constraints": {},
    "basic-constraints": dict(role={"basic_constraints_valid_for_non_ca": True}, expect={"basic_constraints": True}),
    "basic-constraints-rsa": dict(
        key="rsa-2048", role={"basic_constraints_valid_for_non_ca": True}, expect={"basic_constraints": True}
    ),
    "current-defaults": dict(ca="root-current"),
    "current-defaults-issue": dict(ca="root-current", op="issue"),
    "no-store": dict(role={"no_store": True}),
}

# --- public TLS -------------------------------------------------------------------------------------------------------

DOMAIN_VALIDATED, ORGANIZATION_VALIDATED = "2.23.140.1.2.1", "2.23.140.1.2.2"
ORGANIZATION = {
    "policy_identifiers": [ORGANIZATION_VALIDATED],
    "country": ["CH"],
    "province": ["Zürich"],
    "locality": ["Zürich"],
    "organization": ["Example AG"],
}
ORGANIZATION_SUBJECT = ["C=CH", "ST=Zürich", "L=Zürich", "O=Example AG"]


def public(key, *row_names, role=None, subject=None, **params):
    usages = ["DigitalSignature", "KeyEncipherment"] if key.startswith("rsa") else ["DigitalSignature"]
    fields = {
        "client_flag": False,
        "key_usage": usages,
        "policy_identifiers": [DOMAIN_VALIDATED],
        "max_ttl": "2160h",
        **(role or {}),
    }
    expect = {
        "names": [*row_names],
        "key_usage": [usage[0].lower() + usage[1:] for usage in usages],
        "eku": [Purpose.SERVER_AUTH.dotted_string],
        "policies": fields["policy_identifiers"],
    }
    if subject is not None:
        expect["subject"] = subject
    return dict(key=key, role=fields, params=params, expect=expect)


WWW = "dns:www.example.com"
PUBLIC = {
    **{
        f"domain-{key}": public(key, WWW, common_name="www.example.com") for key in ("rsa-2048", "rsa-3072", "rsa-4096")
    },
    **{f"domain-{key}": public(key, WWW, common_name="www.example.com") for key in ("ec-256", "ec-384", "ec-521")},
    "wildcard": public(
        "ec-256", "dns:*.example.com", "dns:example.com", common_name="*.example.com", alt_names="example.com"
    ),
    "no-subject": public(
        "ec-256", WWW, common_name="", alt_names="www.example.com", role={"require_cn": False}, subject=[]
    ),
    "forty": public("ec-256", WWW, *(f"dns:{name}" for name in FORTY), common_name="www.example.com", alt_names=FORTY),
    "idn": public("ec-256", "dns:xn--bcher-kva.example.com", common_name="xn--bcher-kva.example.com"),
    "ipv4": public("ec-256", WWW, "ip:8.8.8.8", common_name="www.example.com", ip_sans="8.8.8.8"),
    "forty-five-days": public("rsa-2048", WWW, common_name="www.example.com", ttl="1080h"),
    "six-days": public("ec-256", WWW, common_name="www.example.com", ttl="144h"),
    "basic-constraints": public(
        "ec-256", WWW, common_name="www.example.com", role={"basic_constraints_valid_for_non_ca": True}
    ),
    "organization": public(
        "rsa-2048",
        WWW,
        common_name="www.example.com",
        role=ORGANIZATION,
        subject=[*ORGANIZATION_SUBJECT, "CN=www.example.com"],
    ),
    "organization-ec": public(
        "ec-384",
        WWW,
        common_name="www.example.com",
        role=ORGANIZATION,
        subject=[*ORGANIZATION_SUBJECT, "CN=www.example.com"],
    ),
}
PUBLIC["basic-constraints"]["expect"]["basic_constraints"] = True

# --- revocations ------------------------------------------------------------------------------------------------------

REASONS = {
    **{
        reason: dict(revoke={"reason": reason})
        for reason in (
            *("unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded"),
            *("cessationOfOperation", "certificateHold", "privilegeWithdrawn", "aACompromise"),
        )
    },
    "no-reason": dict(revoke={}),
    "invalid-since": dict(revoke={"reason": "keyCompromise", "invalidity_date": "2025-02-28T12:00:00Z"}),
    "invalid-since-1999": dict(revoke={"invalidity_date": "1999-12-31T23:59:59Z"}),
    "by-rsa-key": dict(key="rsa-2048", revoke={"reason": "superseded"}),
    "not-revoked": {},
}
PUBLIC_REASONS = {
    reason: {**public("ec-256", WWW, common_name="www.example.com"), "revoke": {"reason": reason}}
    for reason in ("keyCompromise", "affiliationChanged", "superseded", "cessationOfOperation", "privilegeWithdrawn")
}

LEAVES = [
    *SIGNED,
    *ISSUED,
    *DIGESTS,
    *UNDER_EACH,
    *KEYS_TAKEN,
    *named("name/", NAMES),
    *named("name/", OTHER_NAMES),
    *named("csr/", FROM_CSR),
    *named("verbatim/", VERBATIM, op="sign-verbatim"),
    *named("subject/", SUBJECTS),
    *named("flags/", FLAGGED),
    *named("purpose/", EXTENDED),
    *named("usage/", USAGES),
    *named("policy/", POLICIES),
    *named("validity/", VALIDITY),
    *named("date/", DATES),
    *named("role/", ROLES),
    *named("public-tls/", PUBLIC, ca="root-public-tls", public_tls=True),
    *named("public-tls-revoked/", PUBLIC_REASONS, ca="root-public-tls", public_tls=True),
    *named("revoked/", REASONS, ca="root-revocations"),
]
