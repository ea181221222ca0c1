"""What the README shows is what happens: its first quick start on `certmill-worker dev`, and its two programs on a real broker."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from client import open_shop
from cluster import PROGRAMS
from engines import Process, wait_until

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()


class Dev(Process):
    """certmill-worker dev"""

    def argv(self):
        return [str(PROGRAMS / "certmill-worker"), "dev"]

    def brokers(self):
        found = re.search(r"CERTMILL_BROKERS=(\S+)", self.log())
        return found and found[1]


@pytest.fixture
def dev(tmp_path):
    with Dev(tmp_path) as process:
        yield process
        process.stop()


def test_the_quick_start_on_dev(dev):
    wait_until(dev.brokers, f"dev does not say where its broker is: {dev.log()}")
    block = README.split("## Quick start")[1].split("\n\n")[1]
    commands = [line.split("$ ", 1)[1] for line in block.splitlines() if "$ certmill write" in line]
    assert len(commands) == 3, block
    path = f"{PROGRAMS}:{os.environ['PATH']}"
    for command in commands:
        environment = {**os.environ, "PATH": path, "CERTMILL_BROKERS": dev.brokers()}
        done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    assert "BEGIN CERTIFICATE" in done.stdout and "private_key" in done.stdout


@pytest.fixture
def programs(cluster, tmp_path):
    """The producer and the consumer, fitted to this broker and these topics."""
    paths = []
    for name, text in zip(("producer", "consumer"), re.findall(r"```python\n(.*?)```", README, re.DOTALL), strict=True):
        fitted = text.replace("127.0.0.1:9092", cluster.kafka.address).replace('"certmill.', f'"{cluster.prefix}.')
        assert fitted.count(cluster.kafka.address) == 1 and f"{cluster.prefix}." in fitted
        paths.append(tmp_path / f"{name}.py")
        paths[-1].write_text(fitted)
    return paths


def test_the_programs(cluster, programs):
    """What the producer asks for, the consumer prints."""
    client = open_shop(cluster.client)
    client.ask("role/write", {"allowed_domains": "example.com", "allow_subdomains": True, "key_type": "ec"}, role="example-dot-com").data
    producer, consumer = programs
    asked = subprocess.run([sys.executable, producer], capture_output=True, text=True, timeout=60, check=False)
    assert asked.returncode == 0, asked.stderr
    reading = subprocess.Popen([sys.executable, "-u", consumer], stdout=subprocess.PIPE, text=True)
    try:
        line = next(line for line in reading.stdout if line.startswith(asked.stdout.strip()))
    finally:
        reading.kill()
        reading.wait()
    assert re.search(r"[0-9a-f]{2}:[0-9a-f]{2}.* -----BEGIN CERTIFICATE-----", line), line
