"""certmill-worker bootstrap-tls: a folder for each party, which a TLS server and its client can work with; nothing is lost."""

import os
import resource
import socket
import ssl
import stat
import subprocess
import threading

import pytest

from cluster import PROGRAMS


def bootstrap(*words, **options):
    command = [str(PROGRAMS / "certmill-worker"), "bootstrap-tls", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_folders_and_modes(tmp_path):
    made = bootstrap(tmp_path / "tls")
    assert made.returncode == 0, made.stderr
    found = files(tmp_path / "tls")
    parties = {f"{party}/{name}" for party in ("kafka", "redis", "worker") for name in ("ca.pem", "cert.pem", "key.pem", "key-cert.pem")}
    assert set(found) == parties | {"ca/cert.pem", "ca/key.pem"}
    for name, text in found.items():
        mode = stat.S_IMODE((tmp_path / "tls" / name).stat().st_mode)
        assert mode & 0o022 == 0
        assert (b"PRIVATE KEY" in text) == ("key" in name)
        assert mode == 0o600 or b"PRIVATE KEY" not in text
    assert found["kafka/key-cert.pem"] == found["kafka/key.pem"] + found["kafka/cert.pem"]
    assert found["kafka/ca.pem"] == found["redis/ca.pem"] == found["ca/cert.pem"]


def test_umask_opens_no_key(tmp_path):
    assert bootstrap(tmp_path / "tls", preexec_fn=lambda: os.umask(0)).returncode == 0
    assert stat.S_IMODE((tmp_path / "tls" / "ca" / "key.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "tls" / "ca").stat().st_mode) == 0o700


@pytest.mark.parametrize("standing", ["ca/key.pem", "worker/cert.pem", "kafka/ca.pem"])
def test_nothing_is_written_over(tmp_path, standing):
    """One file that stands, a link to nowhere too: nothing is written, and nothing beside it."""
    for make in (lambda path: path.write_text("mine"), lambda path: path.symlink_to("/nowhere/at/all")):
        path = tmp_path / "tls" / standing
        path.parent.mkdir(parents=True, exist_ok=True)
        make(path)
        before = files(tmp_path)
        refused = bootstrap(tmp_path / "tls")
        assert refused.returncode == 1
        assert standing in refused.stderr and len(refused.stderr.splitlines()) == 1
        assert files(tmp_path) == before
        path.unlink()
    assert bootstrap(tmp_path / "tls").returncode == 0
    before = files(tmp_path)
    assert bootstrap(tmp_path / "tls").returncode == 1
    assert files(tmp_path) == before


def test_half_a_file_is_taken_away(tmp_path):
    """The disk is full after some hundred bytes of a file."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))

    (tmp_path / "tls" / "kafka").mkdir(parents=True)
    (tmp_path / "tls" / "kafka" / "notes").write_text("mine")
    failed = bootstrap(tmp_path / "tls", preexec_fn=limit, restore_signals=False)  # SIGXFSZ stays ignored
    assert failed.returncode == 1 and "too large" in failed.stderr
    assert files(tmp_path / "tls") == {"kafka/notes": b"mine"}
    assert bootstrap(tmp_path / "tls").returncode == 0


@pytest.mark.parametrize("words", [["a=b_c"], ["ca"], ["a", "a=b"], ["../a"], ["a="]])
def test_names_that_are_refused(tmp_path, words):
    refused = bootstrap(tmp_path / "tls", *words)
    assert refused.returncode == 1 and len(refused.stderr.splitlines()) == 1
    assert not (tmp_path / "tls").exists()


def test_wrong_usage():
    assert bootstrap().returncode == 2


def serve(folder):
    """One connection that demands a client's certificate; returns its port and what it will have learnt."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    context.load_verify_locations(folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    listening = socket.create_server(("127.0.0.1", 0))
    learnt = []

    def run():
        try:
            with listening, context.wrap_socket(listening.accept()[0], server_side=True) as s:
                learnt.append(dict(pair[0] for pair in s.getpeercert()["subject"])["commonName"])
                s.sendall(b"hello")
        except (ssl.SSLError, ConnectionError) as e:
            learnt.append(e)

    thread = threading.Thread(target=run)
    thread.start()
    return listening.getsockname()[1], learnt, thread


def greet(folder, port, host, certificate=True):
    context = ssl.create_default_context(cafile=folder / "ca.pem")
    if certificate:
        context.load_cert_chain(folder / "key-cert.pem")
    with context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname=host) as s:
        return s.recv(5)


def test_server_and_client_know_each_other(tmp_path):
    made = bootstrap(tmp_path, "server=localhost,127.0.0.1", "client")
    assert made.returncode == 0, made.stderr
    for host in ("localhost", "127.0.0.1"):
        port, learnt, thread = serve(tmp_path / "server")
        assert greet(tmp_path / "client", port, host) == b"hello"
        thread.join(30)
        assert learnt == ["client"]
    for host, certificate in (("elsewhere", True), ("localhost", False)):
        port, learnt, thread = serve(tmp_path / "server")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            assert greet(tmp_path / "client", port, host, certificate) == b"hello"
            raise AssertionError("they spoke")
        thread.join(30)
        assert isinstance(learnt[0], (ssl.SSLError, ConnectionError))
