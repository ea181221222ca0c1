"""The C tests of common/queue.h that want a real broker."""

import os
import subprocess
from pathlib import Path

import pytest

from cluster import PROGRAMS


def programs():
    """Where the tests of this build are: the release preset puts its programs elsewhere."""
    beside = PROGRAMS.parent / "tests"
    return beside if beside.is_dir() else PROGRAMS.parent / "release" / "tests"


@pytest.mark.parametrize("name", ["queue_broker", "queue_transactions"])
def test_component(kafka, name):
    program: Path = programs() / f"component_{name}"
    environment = {**os.environ, "CERTMILL_TEST_BROKERS": kafka.address}
    done = subprocess.run(
        [program], env=environment, timeout=300, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert done.returncode == 0, done.stdout
