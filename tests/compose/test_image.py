"""The image: small, of its version, with a list of what it holds, and nothing that it does not need to run."""

import json
import re

import pytest

from stack import IMAGE, ROOT, SHELLS, docker, inspect, run, without_shells

MEGABYTES = 120


@pytest.fixture(scope="module")
def image():
    return inspect(IMAGE)


def version():
    text = (ROOT / "CMakeLists.txt").read_text()
    return text.split("project(certmill VERSION ")[1].split()[0]


def test_size_and_user(image):
    assert image["Size"] < MEGABYTES * 1_000_000
    assert image["Config"]["User"] == "1000:1000"
    assert image["Config"]["Entrypoint"] == ["/usr/bin/certmill-worker"]


def test_labels_tell_name_version_and_revision(image):
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in image["Config"]["Labels"].items()}
    assert labels["title"] == "certmill"
    assert labels["version"] == version()
    assert labels["licenses"] == "Apache-2.0"
    assert labels["revision"] not in ("", "unknown")
    assert docker("run", "--rm", IMAGE, "--version").stdout == f"certmill-worker {version()}\n"


def test_bill_of_materials_lists_every_package():
    """SPDX 2.3: certmill, and what dpkg says is installed."""
    held = json.loads(docker("run", "--rm", "--entrypoint", "cat", IMAGE, "/usr/share/doc/certmill/sbom.spdx.json").stdout)
    assert held["spdxVersion"] == "SPDX-2.3"
    packages = {p["name"]: p["versionInfo"] for p in held["packages"]}
    assert packages.pop("certmill") == version()
    query = docker("run", "--rm", "--entrypoint", "dpkg-query", IMAGE, "-W", "-f", "${Package} ${Version}\\n").stdout
    assert packages == dict(line.split() for line in query.splitlines())
    assert packages["libssl3t64"].startswith("3.5.")
    ids = [p["SPDXID"] for p in held["packages"]]
    assert len(set(ids)) == len(ids)
    assert {r["relatedSpdxElement"] for r in held["relationships"]} == set(ids)


def test_runs_where_nothing_can_be_written_and_there_is_no_shell():
    """On the libraries alone: all shells are hidden. test_default.py does the same to a worker that serves."""
    nothing = ["--network", "none", *without_shells()]
    done = docker("run", "--rm", *nothing, "-i", IMAGE, "policy")
    assert done.returncode == 0
    for command in ("run", "health"):
        asked = docker("run", "--rm", *nothing, IMAGE, command, check=False)
        assert asked.returncode == 1 and "keys.kek_file is required" in asked.stderr, asked.stderr
    for name in SHELLS:
        assert docker("run", "--rm", *nothing, "--entrypoint", f"/usr/bin/{name}", IMAGE, "-c", "true", check=False).returncode != 0


def test_compose_file_is_taken_whole():
    """By the docker-compose of this system, each profile with what goes with it."""
    profiles = [word for name in ("default", "secure", "ha", "demo", "observe") for word in ("--profile", name)]
    run("docker-compose", *profiles, "config", "-q", cwd=ROOT / "compose")


def test_grafana_asks_nobody_outside_and_has_no_password_that_all_know():
    """As its documentation names the settings; there is no Grafana to run where no registry answers."""
    text = run("docker-compose", "--profile", "observe", "config", cwd=ROOT / "compose").stdout.replace('"', "'")
    service = re.split(r"\n {2}\S+:\n", text.split("\n  grafana:\n")[1])[0]
    for line in (
        *("GF_ANALYTICS_REPORTING_ENABLED: 'false'", "GF_ANALYTICS_CHECK_FOR_UPDATES: 'false'"),
        *("GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: 'false'", "GF_PLUGINS_PREINSTALL_DISABLED: 'true'"),
        *("GF_SECURITY_ADMIN_PASSWORD__FILE: /run/secrets/grafana-password", "observe-secrets:/run/secrets:ro"),
    ):
        assert line in service, line
    assert "GF_SECURITY_ADMIN_PASSWORD:" not in service
