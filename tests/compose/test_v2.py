"""The same file by Compose 2, as Debian 13 has it: from nothing to a certificate."""

import os

import pytest

from stack import FOLDER, ROOT, Stack, run

V2 = "certmill-test-compose-v2"


class StackOfV2(Stack):
    """Its program runs in a container, with Docker's socket and this tree where they are here."""

    def compose(self, *words, environment=None, **options):
        socket = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
        given = [word for pair in {**self.environment, **(environment or {})}.items() for word in ("-e", "=".join(pair))]
        here = ["-v", f"{socket}:/var/run/docker.sock", "-v", f"{ROOT}:{ROOT}:ro", "-w", FOLDER]
        return run("docker", "run", "--rm", *here, *given, V2, "docker-compose", *words, **options)


@pytest.fixture(scope="module")
def stack(make_stack):
    dockerfile = """FROM debian:trixie-slim
RUN apt-get update && apt-get install -y --no-install-recommends docker-compose && rm -rf /var/lib/apt/lists/*
"""
    run("sh", "-c", f'printf %s "$1" | DOCKER_BUILDKIT=0 docker build -t {V2} -', "sh", dockerfile)
    return make_stack("default", StackOfV2)


def test_up_by_version_2(stack):
    assert stack.compose("version", "--short").stdout.startswith("2.")
    stack.up(2)
    assert "BEGIN CERTIFICATE" in stack.certmill("write", "pki/issue/web", "common_name=www.example.com").stdout
    assert len(stack.containers("worker")) == 2


def test_version_2_takes_every_profile(stack):
    profiles = [word for name in ("default", "secure", "ha", "demo", "observe") for word in ("--profile", name)]
    said = stack.compose(*profiles, "config", "-q")
    assert not said.stdout + said.stderr
