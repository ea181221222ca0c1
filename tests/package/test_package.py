"""The Debian packages, installed, configured, started, upgraded and removed on a machine with a systemd of its own.

MACHINE_ROOT is a debootstrap, PACKAGES the folder with the packages.
"""

import os
import re
import secrets
import shutil
import tempfile
import time
from pathlib import Path

import pytest

from engines import Kafka, Redis
from machine import Machine

PACKAGES = Path(os.environ["PACKAGES"])
pytestmark = pytest.mark.timeout(900)
SERVICE = "certmill-worker.service"
CONFIG = "/etc/certmill/worker.ini"
EXPOSURE = 20  # of 100, by `systemd-analyze security`


@pytest.fixture(scope="module")
def folder():
    made = Path(tempfile.mkdtemp(prefix="certmill-test-"))
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def kafka(folder):
    with Kafka(folder / "kafka") as broker:
        yield broker


@pytest.fixture(scope="module")
def redis(folder):
    with Redis(folder / "redis") as server:
        yield server


@pytest.fixture(scope="module")
def machine(folder):
    machine = Machine(folder / "machine", os.environ["MACHINE_ROOT"], PACKAGES)
    try:
        yield machine.start()
    finally:
        machine.stop()


def install(machine, *options):
    machine.must("sh", "-c", f"apt-get -qq -y --no-install-recommends {' '.join(options)} install /shared/certmill*.deb", timeout=600)


@pytest.fixture(scope="module")
def installed(machine):
    machine.must("apt-get", "-qq", "update", timeout=300)
    install(machine)
    return machine


@pytest.fixture(scope="module")
def configured(installed, kafka, redis):
    """The settings, the key-encryption key and the topics, as docs/installing.md has them."""
    prefix = f"t{secrets.token_hex(4)}"
    settings = {"brokers": kafka.address, "prefix": prefix, "address": redis.address, "single": "true"}
    for key, value in settings.items():
        installed.must("sed", "-i", rf"s|^;{key} =.*|{key} = {value}|", CONFIG)
        installed.must("grep", "-qx", f"{key} = {value}", CONFIG)
    make_key = "openssl rand -hex 32 | install -m 0640 -o root -g certmill /dev/stdin /etc/certmill/kek"
    installed.must("sh", "-c", make_key)
    installed.kafka = kafka
    installed.prefix = prefix
    return installed


def journal(machine):
    return machine.must("journalctl", "--no-pager", "-o", "cat", "-u", SERVICE)


def show(machine, name):
    return machine.must("systemctl", "show", "--value", "-p", name, SERVICE).strip()


def wait_until(what, holds, timeout=60):
    deadline = time.monotonic() + timeout
    while not (found := holds()):
        assert time.monotonic() < deadline, f"{what}: not within {timeout} s"
        time.sleep(0.3)
    return found


def wait_ready(machine, times):
    """Until a worker has said so that many times."""
    wait_until(f"worker_ready, {times} times", lambda: journal(machine).count(" worker_ready ") >= times)
    return show(machine, "MainPID")


def certmill(machine, *words):
    return machine.must("certmill", f"-brokers={machine.kafka.address}", f"-prefix={machine.prefix}", *words)


def test_it_is_installed(installed):
    version = installed.must("dpkg-query", "-W", "-f", "${Version}", "certmill-worker")
    for program in ("certmill", "certmill-worker"):
        assert installed.must(program, "--version").split() == [program, version]
        page = installed.must("man", program)
        assert re.search(rf"^NAME\n +{program} - ", page, re.M), page[:500]
    entry = installed.must("getent", "passwd", "certmill").strip().split(":")
    assert int(entry[2]) < 1000 and entry[6].endswith("nologin"), entry


def test_it_completes_words(installed):
    """As bash asks it, with the word that is being typed."""
    for typed, expected in {
        ("certmill", "mou"): {"mount", "mount-tune", "mounts"},
        ("certmill", "follow", "-o"): {"-once"},
        ("certmill-worker", "check"): {"check-config"},
        ("certmill-worker", "run", "--c"): {"--config"},
    }.items():
        words = " ".join(f"'{word}'" for word in typed)
        script = f"""
            . /usr/share/bash-completion/completions/{typed[0]}
            COMP_WORDS=({words}) COMP_CWORD={len(typed) - 1}
            _{typed[0].replace("-", "_")}
            printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        assert set(installed.must("bash", "-c", script).split()) == expected, typed


def test_it_does_not_start_without_a_key(installed):
    assert show(installed, "ActiveState") == "inactive" and show(installed, "Result") == "success"
    assert installed.must("systemctl", "is-enabled", SERVICE).strip() == "enabled"
    assert "ConditionPathExists=/etc/certmill/kek" in journal(installed)


def test_the_unit_is_hardened(installed):
    unit = show(installed, "FragmentPath")
    verified = installed.run("systemd-analyze", "verify", unit)
    assert verified.returncode == 0 and not verified.stdout + verified.stderr, f"{verified.stdout}{verified.stderr}"
    installed.must("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", unit)


def test_it_says_that_the_topics_are_missing(configured):
    configured.must("systemctl", "start", SERVICE)
    wait_until("a line that names the topic", lambda: f"topic {configured.prefix}.issue does not exist" in journal(configured))
    configured.must("systemctl", "stop", SERVICE)


def test_it_serves(configured):
    configured.must("runuser", "-u", "certmill", "--", "certmill-worker", "topics", "--config", CONFIG)
    configured.must("systemctl", "start", SERVICE)
    wait_ready(configured, 1)
    certmill(configured, "mount", "pki")
    certmill(configured, "write", "pki/config/ca/generate/root/internal", "common_name=Root", "key_type=ec")
    certmill(configured, "write", "pki/roles/web", "allow_any_name=true", "key_type=ec", "max_ttl=72h")
    issued = certmill(configured, "write", "-field=certificate", "pki/issue/web", "common_name=a.example.com")
    text = configured.must("openssl", "x509", "-noout", "-subject", input=issued)
    assert "a.example.com" in text


def test_it_has_no_rights(configured):
    pid = show(configured, "MainPID")
    status = dict(line.split(":\t", 1) for line in configured.must("cat", f"/proc/{pid}/status").splitlines() if ":\t" in line)
    user = configured.must("id", "-u", "certmill").strip()
    assert status["Uid"].split() == [user] * 4
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    for kind in ("CapPrm", "CapEff", "CapBnd"):
        assert int(status[kind], 16) == 0, f"{kind}: {status[kind]}"
    assert int(status["VmLck"].split()[0]) > 0, "the memory of secrets is locked"


def test_it_comes_back_when_it_is_killed(configured):
    before = show(configured, "MainPID")
    ready = journal(configured).count(" worker_ready ")
    configured.must("systemctl", "kill", "-s", "KILL", SERVICE)
    assert wait_ready(configured, ready + 1) != before
    certmill(configured, "write", "pki/issue/web", "common_name=b.example.com")


def test_an_upgrade_starts_it_again(configured):
    before = show(configured, "MainPID")
    ready = journal(configured).count(" worker_ready ")
    config = configured.must("cat", CONFIG)
    install(configured, "--reinstall")
    assert wait_ready(configured, ready + 1) != before
    assert configured.must("cat", CONFIG) == config, "what the operator wrote stays"
    certmill(configured, "write", "pki/issue/web", "common_name=c.example.com")


def test_a_key_as_a_credential(configured):
    """docs/installing.md: a key that the service's user cannot read in the file system."""
    drop_in = "[Service]\nLoadCredential=kek:/root/kek\nEnvironment=CERTMILL_KEYS_KEK_FILE=%d/kek\n[Unit]\nConditionPathExists=\n"
    ready = journal(configured).count(" worker_ready ")
    configured.must("mkdir", "-p", f"/etc/systemd/system/{SERVICE}.d")
    configured.must("sh", "-c", f"cat >/etc/systemd/system/{SERVICE}.d/kek.conf", input=drop_in)
    configured.must("sh", "-c", "mv /etc/certmill/kek /root/kek && chown root:root /root/kek && chmod 600 /root/kek")
    configured.must("systemctl", "daemon-reload")
    configured.must("systemctl", "restart", SERVICE)
    wait_ready(configured, ready + 1)
    certmill(configured, "write", "pki/issue/web", "common_name=d.example.com")


def test_a_stop_is_in_order(configured):
    configured.must("systemctl", "stop", SERVICE)
    assert show(configured, "Result") == "success" and show(configured, "ExecMainStatus") == "0"
    assert " stopping " in journal(configured)


def test_it_is_removed(configured):
    """The key stays, whatever happens: without it every CA is lost."""
    configured.must("cp", "/root/kek", "/etc/certmill/kek")
    configured.must("systemctl", "start", SERVICE)
    pid = show(configured, "MainPID")
    unit = show(configured, "FragmentPath")
    configured.must("test", "-e", unit)
    assert pid != "0"
    configured.must("apt-get", "-qq", "-y", "remove", "certmill", "certmill-worker")
    assert configured.run("test", "-e", f"/proc/{pid}").returncode != 0, "it still runs"
    assert configured.run("test", "-e", "/usr/bin/certmill-worker").returncode != 0
    configured.must("test", "-e", CONFIG)
    configured.must("apt-get", "-qq", "-y", "purge", "certmill", "certmill-worker")
    assert configured.run("test", "-e", CONFIG).returncode != 0
    configured.must("test", "-s", "/etc/certmill/kek")
    assert configured.run("test", "-e", unit).returncode != 0, f"{unit} is still there"
    configured.must("systemctl", "daemon-reload")
    assert show(configured, "FragmentPath") == "", "what is left is the operator's own drop-in"
