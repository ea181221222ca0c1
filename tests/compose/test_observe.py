"""Prometheus of the profile observe beside default: it finds every worker by itself, and the shipped rules work on it."""

import time

import pytest

from engines import free_port
from prometheus import ask
from stack import IMAGE, Stack, docker

WORKERS = 2
FOUND_S = 90  # two rounds of looking for workers and two of asking them, on a loaded machine


class ObserveStack(Stack):
    def __init__(self, profile, ports, image):
        super().__init__(profile, ports, image, project="certmilltestobserve")
        self.port = free_port()
        self.environment |= {"PROMETHEUS_PORT": str(self.port)}

    def ask(self, path, **query):
        return ask(f"127.0.0.1:{self.port}", path, **query)

    def values(self, expression):
        return [float(found["value"][1]) for found in self.ask("query", query=expression)["result"]]

    def await_values(self, expression, wanted):
        deadline = time.monotonic() + FOUND_S
        while (found := self.found(expression)) != wanted:
            assert time.monotonic() < deadline, f"{expression}: {found}\n{self.logs()}"
            time.sleep(0.5)

    def found(self, expression):
        try:
            return self.values(expression)
        except OSError:
            return None  # it starts


@pytest.fixture(scope="module")
def stack(make_stack):
    stack = make_stack("default", ObserveStack)
    stack.up(WORKERS)
    stack.environment["COMPOSE_PROFILES"] = "default,observe"  # and its volumes are removed as well
    stack.compose("up", "-d", "--no-build", "prometheus", "secrets-observe")
    stack.wait_ready()
    stack.check_containers()
    return stack


def test_every_worker_is_found(stack):
    stack.await_values('sum(up{job="certmill"})', [WORKERS])
    stack.certmill("write", "pki/issue/web", "common_name=seen.example.com")
    stack.await_values('sum(certmill_requests_total{op="issue",outcome="ok"})', [1])


def test_the_rules_are_evaluated(stack):
    rules = [rule for group in stack.ask("rules")["groups"] for rule in group["rules"]]
    assert rules and {rule["type"] for rule in rules} == {"alerting"}
    deadline = time.monotonic() + FOUND_S
    while {rule["health"] for rule in rules} != {"ok"}:
        assert time.monotonic() < deadline, [rule for rule in rules if rule["health"] != "ok"]
        time.sleep(0.5)
        rules = [rule for group in stack.ask("rules")["groups"] for rule in group["rules"]]


def test_grafanas_user_alone_reads_its_password(stack):
    """By the group that compose gives it; made once."""
    place = ["-v", f"{stack.project}_observe-secrets:/run/secrets:ro", "--entrypoint", "cat", IMAGE, "/run/secrets/grafana-password"]
    password = docker("run", "--rm", "--network", "none", "--user", "472:0", "--group-add", "1000", *place).stdout
    assert len(password) == 64
    assert docker("run", "--rm", "--network", "none", "--user", "472:0", *place, check=False).returncode != 0
    stack.compose("up", "-d", "--no-build", "--force-recreate", "secrets-observe")
    stack.wait_ready()
    assert docker("run", "--rm", "--network", "none", "--user", "1000:1000", *place).stdout == password
