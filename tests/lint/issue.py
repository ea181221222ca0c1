"""Has the spread issued by a worker on real engines: what is judged is what a service would get."""

from cryptography.hazmat.primitives import serialization

from artifacts import Artifact, der_of_certificate, der_of_csr, pem
from bundles import BUNDLES
from entries import HOST
from keys import request
from pki import key_pem, seal_keys


class Issuance:
    """The entries of the spread, with what their requests were answered. One that is refused is left out from there on, and is
    among the refused with the reason."""

    def __init__(self, client, keys, cas, leaves):
        self.client = client
        self.keys = keys
        self.cas = {ca.id: ca for ca in cas}
        self.leaves = leaves
        self.chains = {}  # CA: DER of its certificate and those above it
        self.csrs = {}
        self.answers = {}  # leaf: its answer's data
        self.revocations = {}  # CA: {serial number: parameters of the revocation}
        self.crls = {}  # CA: its CRLs in the order of their numbers
        self.refused = {}

    def ask_all(self, requests):
        """Sends {name: (op, params, envelope)} in one go; the data of the good answers by name."""
        asked = [self.client.request(op, params, **envelope) for op, params, envelope in requests.values()]
        answers = dict(zip(requests, self.client.wait_for_all(self.client.send_all(asked), timeout=300)))
        for name, answer in answers.items():
            if not answer.ok:
                self.refused[name] = f"{requests[name][0]}: {answer.error['code']}: {answer.error['message']}"
        return {name: answer.data for name, answer in answers.items() if answer.ok}

    def run(self):
        self.make_mounts()
        self.make_roots()
        self.make_intermediates()
        self.make_leaves()
        self.revoke()
        return [*self.ca_artifacts(), *self.leaf_artifacts(), *self.crl_artifacts()]

    # --- CAs --------------------------------------------------------------------------------------------------------

    def make_mounts(self):
        self.ask_all({ca.id: ("mount/write", ca.mount_params, {"mount": ca.id}) for ca in self.cas.values()})
        urls = {ca.id: ("urls/write", ca.urls, {"mount": ca.id}) for ca in self.cas.values() if ca.urls}
        crls = {
            ca.id: ("crl/write", {"expiry": ca.crl_expiry}, {"mount": ca.id})
            for ca in self.cas.values()
            if ca.crl_expiry
        }
        self.ask_all(urls)
        self.ask_all(crls)

    def make_roots(self):
        roots = [ca for ca in self.cas.values() if ca.how == "root"]
        asked = {ca.id: ("ca/generate/root", ca.generate_params, {"mount": ca.id}) for ca in roots}
        for name, data in self.ask_all(asked).items():
            self.chains[name] = (der_of_certificate(data["certificate"]),)
        fleet = self.client.ask("mount/list").data["seal_key"]
        asked, chains = {}, {}
        for ca in self.cas.values():
            if ca.how not in ("root", "intermediate"):
                bundle = BUNDLES[ca.how](self.keys)
                chain = [certificate.public_bytes(serialization.Encoding.DER) for certificate in bundle.chain]
                text = "".join(pem("certificate", der) for der in chain) + key_pem(bundle.key)
                asked[ca.id] = ("ca/set", {"pem_bundle": seal_keys(text, fleet)}, {"mount": ca.id})
                chains[ca.id] = tuple(chain)
        self.chains.update({name: chains[name] for name in self.ask_all(asked)})

    def make_intermediates(self):
        """Level by level."""
        left = [ca for ca in self.cas.values() if ca.how == "intermediate"]
        while level := [ca for ca in left if ca.parent in self.chains]:
            left = [ca for ca in left if ca not in level]
            self.make_level(level)
        self.refused.update({ca.id: f"there is no {ca.parent} to sign it" for ca in left})

    def make_level(self, level):
        """A CSR from each one's own mount, signed in its parent's, set in its own."""
        made = self.ask_all({c.id: ("ca/generate/intermediate", c.generate_params, {"mount": c.id}) for c in level})
        level = [c for c in level if c.id in made]
        csrs = {name: data["csr"] for name, data in made.items()}
        self.csrs.update({name: der_of_csr(csr) for name, csr in csrs.items()})
        signed = self.ask_all(
            {c.id: ("ca/sign", {"csr": csrs[c.id], **c.sign_params}, {"mount": c.parent}) for c in level}
        )
        chains = {
            c.id: (der_of_certificate(signed[c.id]["certificate"]), *self.chains[c.parent])
            for c in level
            if c.id in signed
        }
        bundles = {name: "".join(pem("certificate", der) for der in chain) for name, chain in chains.items()}
        is_set = self.ask_all(
            {name: ("ca/set", {"pem_bundle": text}, {"mount": name}) for name, text in bundles.items()}
        )
        self.chains.update({name: chains[name] for name in is_set})

    def ca_artifacts(self):
        for ca in self.cas.values():
            if ca.how not in ("root", "intermediate") or ca.id not in self.chains:
                continue
            above = self.chains[ca.id][1:] or self.chains[ca.id]
            expect = {"subject": [f"CN={ca.generate_params['common_name']}"], "names": [], **ca.expect}
            yield Artifact(
                f"ca/{ca.id}",
                "certificate",
                self.chains[ca.id][0],
                ca.key,
                chain=above,
                is_ca=True,
                expect=expect,
                crl=self.crls[ca.parent][-1] if ca.parent else None,
            )
            if ca.how == "intermediate":
                asked = f"CN={ca.generate_params['common_name']}"
                yield Artifact(f"csr/{ca.id}", "csr", self.csrs[ca.id], ca.key, expect={"subject": [asked]})

    # --- leaves -----------------------------------------------------------------------------------------------------

    def make_leaves(self):
        roles = {}  # (mount, fields): name
        asked = {}
        for leaf in self.leaves:
            if leaf.ca not in self.chains:
                self.refused[leaf.id] = f"there is no {leaf.ca} to sign it"
                continue
            fields = leaf.role_fields
            role = roles.setdefault((leaf.ca, repr(fields)), (f"role-{len(roles)}", fields))[0]
            params = leaf.leaf_params
            if leaf.op != "issue":
                params["csr"] = request(self.keys.get(leaf.key), **(leaf.csr or {"cn": HOST}))
            asked[leaf.id] = (leaf.op, params, {"mount": leaf.ca, "role": role})
        self.ask_all(
            {
                (mount, role): ("role/write", fields, {"mount": mount, "role": role})
                for (mount, _), (role, fields) in roles.items()
            }
        )
        self.answers = self.ask_all(asked)

    def revoke(self):
        asked = {}
        for leaf in self.leaves:
            if leaf.revoke is not None and leaf.id in self.answers:
                serial = self.answers[leaf.id]["serial_number"]
                self.revocations.setdefault(leaf.ca, {})[int(serial.replace(":", ""), 16)] = leaf.revoke
                asked[leaf.id] = ("revoke", {"serial_number": serial, **leaf.revoke}, {"mount": leaf.ca})
        self.ask_all(asked)
        for record in self.client.read("crl"):
            self.crls.setdefault(record.key.decode().split("/")[0], []).append(record.value)

    def leaf_artifacts(self):
        for leaf in self.leaves:
            if leaf.id not in self.answers:
                continue
            data = self.answers[leaf.id]
            yield Artifact(
                leaf.id,
                "certificate",
                der_of_certificate(data["certificate"]),
                leaf.key,
                chain=self.chains[leaf.ca],
                public_tls=leaf.public_tls,
                expect={**leaf.plain, **leaf.expect, "answer": data},
                crl=self.crls[leaf.ca][-1],
                revoked=leaf.revoke is not None,
            )

    def crl_artifacts(self):
        """The first CRL of each CA, which is empty, and the last."""
        for ca in self.cas.values():
            if ca.id not in self.chains:
                continue
            for which, der in (("first", self.crls[ca.id][0]), ("last", self.crls[ca.id][-1])):
                entries = self.revocations.get(ca.id, {}) if which == "last" else {}
                yield Artifact(
                    f"crl/{ca.id}-{which}",
                    "crl",
                    der,
                    ca.key,
                    chain=self.chains[ca.id],
                    public_tls=ca.public_tls,
                    entries=entries,
                )
