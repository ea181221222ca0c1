import os
import subprocess

import pytest

from engines import free_port
from load import PREFIX, Load
from stack import IMAGE, Stack, docker, figures


def pytest_terminal_summary(terminalreporter):
    """What was measured, which nobody sees in the output of a test that passes."""
    if figures:
        terminalreporter.section("figures")
        for line in figures:
            terminalreporter.write_line(line)


@pytest.fixture(scope="module")
def make_stack():
    """Stacks of a module, each from nothing; taken down with their volumes."""
    made = []

    def make(profile, kind=Stack):
        stack = kind(profile, [free_port() for _ in range(3)], IMAGE)
        made.append(stack)
        stack.down(volumes=True)
        return stack

    yield make
    for stack in made:
        stack.down(volumes=True)


@pytest.fixture
def make_load():
    made = []

    def make(stack, count, rate, kinds=(Load,)):
        loads = [kind(stack.brokers, count and count // len(kinds), rate / len(kinds)) for kind in kinds]
        made.extend(loads)
        return [load.start() for load in loads]

    yield make
    for load in made:
        load.close()


@pytest.fixture(scope="session")
def next_image():
    """The same programs in another image: what a fleet is upgraded to."""
    name = f"{IMAGE}-next"
    done = subprocess.run(
        ["docker", "build", "-q", "-t", name, "-"],
        input=f"FROM {IMAGE}\nLABEL org.opencontainers.image.revision=next\n",
        text=True,
        env={**os.environ, "DOCKER_BUILDKIT": "0"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    yield name
    docker("rmi", "-f", name, check=False)


@pytest.fixture
def verify():
    """Both checkers find every promise kept, from the topics alone."""

    def verify(stack):
        found = stack.certmill("audit", "verify", "-timeout=120s", check=False)
        assert found.returncode == 0, f"certmill audit verify ended with {found.returncode}:\n{found.stdout}\n{found.stderr}"
        from checker import check

        violations = check(stack.brokers, PREFIX, 3600)
        assert not violations, "\n".join(map(str, violations))

    return verify
