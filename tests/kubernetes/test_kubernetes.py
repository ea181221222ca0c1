"""deploy/kubernetes against the schemas of Kubernetes and KEDA, and against what a worker takes.

VALIDATORS is the folder of kustomize, kubectl-validate and KEDA's definitions (./dev validate-kubernetes makes it), PROGRAMS
that of certmill-worker.
"""

import configparser
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "kubernetes"
VALIDATORS = Path(os.environ["VALIDATORS"])
PROGRAMS = Path(os.environ["PROGRAMS"])
KUBERNETES = "1.30"
BUILDS = {"base": "base", "tls": "overlays/tls"}
KINDS = {"ServiceAccount", "Service", "StatefulSet", "PodDisruptionBudget", "NetworkPolicy", "ScaledObject", "ConfigMap", "CronJob"}


def run(*words, environment=None):
    return subprocess.run(
        [str(word) for word in words], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False
    )


def build(folder):
    """Everything that `kubectl apply -k` would send."""
    built = run(VALIDATORS / "kustomize", "build", folder)
    assert built.returncode == 0, built.stderr
    return built.stdout


def validate(text, folder):
    """What kubectl-validate says of the objects, and whether it takes them all."""
    path = folder / "objects.yaml"
    path.write_text(text)
    said = run(VALIDATORS / "kubectl-validate", path, "--version", KUBERNETES, "--local-crds", VALIDATORS / "crds")
    return said.returncode == 0, said.stdout + said.stderr


def kinds(text):
    return re.findall(r"^kind: (\w+)$", text, re.M)


def one(pattern, text):
    found = set(re.findall(pattern, text, re.M))
    assert len(found) == 1, f"{pattern}: {found}"
    return found.pop()


@pytest.mark.parametrize("name", BUILDS.values(), ids=BUILDS.keys())
def test_it_is_valid(name, tmp_path):
    text = build(FOLDER / name)
    assert KINDS <= set(kinds(text))
    valid, said = validate(text, tmp_path)
    assert valid, said
    assert said.count("OK") == 1 and "ERROR" not in said, said


def test_the_example_of_a_secret_is_valid_and_none(tmp_path):
    text = (FOLDER / "secret.example.yaml").read_text()
    valid, said = validate(text, tmp_path)
    assert valid, said
    kek = tmp_path / "kek"
    kek.write_text(one(r"^  kek: (.+)$", text))
    kek.chmod(0o400)
    refused = run(PROGRAMS / "certmill-worker", "check-config", environment={"CERTMILL_KEYS_KEK_FILE": str(kek)})
    assert refused.returncode == 1 and "64 hexadecimal digits" in refused.stderr


# what is planted: where, after which line, what; and what has to be said about it
MISTAKES = {
    "an unknown field of a StatefulSet": ("statefulset.yaml", "spec:", "  replica: 2", "replica"),
    "an unknown field of a container": ("statefulset.yaml", "        - name: worker", "          imagePolicy: Always", "imagePolicy"),
    "an unknown field of KEDA's": ("scaledobject.yaml", "spec:", "  maxReplicas: 2", "maxReplicas"),
    "a number that is none": ("statefulset.yaml", "  minReadySeconds: 5", "  replicas: two", "replicas"),
    "a value that is none": ("statefulset.yaml", "          type: RuntimeDefault", "          localhostProfile: [x]", "localhostProfile"),
}


@pytest.mark.parametrize("file, line, planted, named", MISTAKES.values(), ids=MISTAKES.keys())
def test_a_planted_mistake_is_found(tmp_path, file, line, planted, named):
    base = tmp_path / "base"
    shutil.copytree(FOLDER / "base", base)
    before = (base / file).read_text()
    after = re.sub(rf"^{re.escape(line)}$", f"{line}\n{planted}", before, count=1, flags=re.M)
    assert after != before
    (base / file).write_text(after)
    valid, said = validate(build(base), tmp_path)
    assert not valid and named in said, said


def test_an_object_of_a_kind_that_does_not_exist_is_found(tmp_path):
    text = build(FOLDER / "base").replace("kind: ScaledObject", "kind: ScaledObjects")
    assert not validate(text, tmp_path)[0]


@pytest.mark.parametrize("name, missing", {"base": "keys.kek_file", "overlays/tls": "kafka.ssl."}.items(), ids=BUILDS.keys())
def test_a_worker_takes_the_settings(name, missing):
    """All of them: it stops at the first file of a Secret, which is not here."""
    config = FOLDER / name / "worker.ini"
    refused = run(PROGRAMS / "certmill-worker", "check-config", "--config", config, environment={"CERTMILL_SLOT": "0"})
    assert refused.returncode == 1
    assert re.search(rf"worker\.ini:\d+: (redis\.password_file|{re.escape(missing)})", refused.stderr), refused.stderr
    without = {"CERTMILL_REDIS_PASSWORD_FILE": "", "CERTMILL_SLOT": "0"}
    refused = run(PROGRAMS / "certmill-worker", "check-config", "--config", config, environment=without)
    assert refused.returncode == 1 and re.search(rf"worker\.ini:\d+: {re.escape(missing)}", refused.stderr), refused.stderr


@pytest.mark.parametrize("name", BUILDS.values(), ids=BUILDS.keys())
def test_what_files_say_twice_is_the_same(name):
    text = build(FOLDER / name)
    config = configparser.ConfigParser()
    config.read(FOLDER / name / "worker.ini")
    bound = int(config["topics"]["partitions"]) // int(config["lanes"]["mint"])
    assert int(one(r"^  maxReplicaCount: (\d+)$", text)) == bound, "more workers than that would be idle"
    assert one(r"^      bootstrapServers: (.+)$", text).split(",") == config["kafka"]["brokers"].replace(" ", "").split(",")
    prefix = config["topics"]["prefix"]
    assert one(r"^      consumerGroup: (.+)$", text) == f"{prefix}-mint"
    assert set(re.findall(r"^      topic: (.+)$", text, re.M)) == {f"{prefix}.issue", f"{prefix}.sign"}
    assert config["metrics"]["listen"].endswith(f":{one(r'containerPort: (.+)$', text)}")


@pytest.mark.parametrize("name", BUILDS.values(), ids=BUILDS.keys())
def test_the_slot_is_the_ordinal(name):
    """And in every build: a pod that is replaced has the slot of the one before it, and no other pod has it."""
    (workers,) = [text for text in build(FOLDER / name).split("\n---\n") if kinds(text) == ["StatefulSet"]]
    env = re.search(r"^( +)env:\n((?:\1.*\n)+?)(?=\1\w)", workers, re.M)
    slot = re.search(r"^ +- name: CERTMILL_SLOT\n +valueFrom:\n +fieldRef:\n(?: +apiVersion: v1\n)? +fieldPath: (.+)\n", env[0], re.M)
    assert slot and slot[1] == "metadata.labels['apps.kubernetes.io/pod-index']", env[0]
    assert workers.count("CERTMILL_SLOT") == 1 and "CERTMILL_WORKER_SLOT" not in workers


@pytest.mark.parametrize("name", BUILDS.values(), ids=BUILDS.keys())
def test_every_pod_has_no_rights(name):
    """The StatefulSet's and the CronJob's."""
    objects = [text for text in build(FOLDER / name).split("\n---\n") if " containers:\n" in text]
    assert sorted(kind for text in objects for kind in kinds(text)) == ["CronJob", "StatefulSet"]
    for text in objects:
        for line in (
            *("enableServiceLinks: false", "automountServiceAccountToken: false", "runAsNonRoot: true", "type: RuntimeDefault"),
            *("allowPrivilegeEscalation: false", "readOnlyRootFilesystem: true", "- ALL", "app.kubernetes.io/name: certmill"),
        ):
            assert re.search(rf"^ +{line}$", text, re.M), f"{kinds(text)}: no {line}"
