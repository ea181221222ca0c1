"""/metrics, /livez, /readyz and `certmill-worker health`, and what they say when something is wrong."""

import contextlib
import http.client
import json
import os
import re
import socket
import threading
import time
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from engines import free_port

ROLE = {"allowed_base_domain": "example.com", "allow_subdomains": True, "max_ttl": "72h", "key_type": "ec"}
MANUAL = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"


def get(port, path="/metrics", method="GET", timeout=10):
    """(status, Content-Type, body)"""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read().decode()
    finally:
        connection.close()


def readiness(port):
    """What /readyz answers; None while nobody listens."""
    try:
        return get(port, "/readyz")
    except OSError:
        return None


def scrape(port):
    """{(sample's name, sorted labels): value}, as the parser of Prometheus' own Python client reads it."""
    status, kind, text = get(port)
    assert (status, kind) == (200, "application/openmetrics-text; version=1.0.0; charset=utf-8")
    return {
        (sample.name.removeprefix("certmill_"), tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def wait_until(what, timeout=60, every=0.2):
    """The first true answer of what()."""
    deadline = time.monotonic() + timeout
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {timeout} s"
        time.sleep(every)


def wait_ready(port, timeout=60):
    said = None

    def ready():
        nonlocal said
        try:
            said = get(port, "/readyz")
        except OSError as error:
            said = (0, None, str(error))
        return said[0] == 200

    try:
        wait_until(ready, timeout)
    except AssertionError as error:
        raise AssertionError(f"not ready in {timeout} s: {said[2]}") from error


def watched(make_cluster, **options):
    port = free_port()
    settings = {**options.pop("settings", {}), "metrics": {"listen": f"127.0.0.1:{port}"}}
    cluster = make_cluster(settings=settings, **options)
    cluster.port = port
    return cluster


def make_ca(client, mount="pki", **more):
    client.ask("mount/write", mount=mount).data
    client.ask("ca/generate/root", {"common_name": "Root", "key_type": "ec", **more}, mount=mount).data
    client.ask("role/write", ROLE, role="web", mount=mount).data


def issue(client, count):
    requests = [client.request("issue", {"common_name": f"i{i}.example.com"}, role="web") for i in range(count)]
    for request in requests:
        client.send(request)
    return client.wait_for_all([request["id"] for request in requests])


def value(port, name, **labels):
    return scrape(port).get((name, tuple(sorted(labels.items()))))


def test_work_is_counted(make_cluster):
    cluster = watched(make_cluster)
    client, port = cluster.client, cluster.port
    wait_ready(port)
    assert value(port, "requests_total", op="issue", outcome="ok") == 0
    make_ca(client)
    answers = issue(client, 30)
    again = client.request("issue", {"common_name": "twice.example.com"}, role="web")
    client.send(again)
    client.wait_for_all([again["id"]])
    client.send(again)
    client.ask("issue", {"common_name": "evil.org"}, role="web")
    client.ask("revoke", {"serial_number": answers[0].data["serial"]}).data

    wait_until(lambda: value(port, "requests_replayed_total", op="issue") == 1 and value(port, "requests_total", op="revoke", outcome="ok") == 1)
    seen = scrape(port)

    def of(name, **labels):
        return seen.get((name, tuple(sorted(labels.items()))))

    assert of("requests_total", op="issue", outcome="ok") == 32
    assert of("requests_total", op="issue", outcome="name_not_allowed") == 1
    assert of("requests_total", op="revoke", outcome="ok") == 1
    assert of("request_duration_seconds_count", topic="issue") == 33
    assert of("request_duration_seconds_bucket", topic="issue", le="+Inf") == 33
    assert 0 < of("request_duration_seconds_sum", topic="issue") < 33 * 60
    assert of("batch_requests_sum", kind="mint") == 33
    assert 1 <= of("batch_requests_count", kind="mint") <= 33
    assert of("transactions_total", lane="mint-0", outcome="committed") == of("batch_requests_count", kind="mint")
    assert of("transactions_total", lane="mint-0", outcome="aborted") == 0
    assert all(of("batch_phase_seconds_total", kind="mint", phase=p) > 0 for p in ("decide", "script", "transaction"))
    for lane in ("mint-0", "control-0", "query-0"):
        assert of("lane_ready", lane=lane) == 1
        assert of("lane_heartbeat_age_seconds", lane=lane) < 60
    assert of("mounts") == 1
    assert of("kafka_up") == of("redis_up") == of("view_ready") == 1
    assert 0 < of("redis_round_trip_seconds") < 2 and 0 < of("kafka_round_trip_seconds") < 2
    assert of("redis_used_bytes") > 100000
    assert of("folding") == 0
    assert of("process_cpu_seconds_total") > 0 and of("process_resident_memory_bytes") > 1e6
    [(_, build)] = [key for key in seen if key[0] == "build_info"]
    assert dict(build)["slot"] == "w0"


def test_what_a_request_takes_is_counted_from_its_record_on(make_cluster):
    """Not from when a worker takes it: waiting is what the client sees."""
    count, seconds = 10, 3
    cluster = watched(make_cluster)
    client, port = cluster.client, cluster.port
    wait_ready(port)
    make_ca(client)
    began = time.time()
    cluster.worker.pause()
    requests = [client.request("issue", {"common_name": f"w{i}.example.com"}, role="web") for i in range(count)]
    client.send_all(requests)
    time.sleep(seconds)
    cluster.worker.resume()
    assert all(answer.ok for answer in client.wait_for_all([request["id"] for request in requests]))
    wait_until(lambda: value(port, "request_duration_seconds_count", topic="issue") == count)
    assert count * seconds <= value(port, "request_duration_seconds_sum", topic="issue") <= count * (time.time() - began)
    assert value(port, "request_duration_seconds_bucket", topic="issue", le="1.0") == 0


def test_a_transaction_that_is_aborted_is_counted(make_cluster, own_kafka):
    """Kafka goes while one is open, and stays away for longer than it may be open."""
    cluster = watched(make_cluster, broker=own_kafka)
    client, port = cluster.client, cluster.port
    wait_ready(port)
    make_ca(client)
    cluster.worker.finish()
    cluster.worker.more_environment = {"CERTMILL_FAILPOINT": "after_produce=stop@1"}
    cluster.worker.start()
    request = client.request("issue", {"common_name": "a.example.com"}, role="web")
    client.send(request)
    wait_until(cluster.worker.stopped)
    own_kafka.kill()
    cluster.worker.resume()
    wait_until(lambda: aborted(port) >= 1)
    own_kafka.start()
    wait_ready(port, 120)
    assert client.wait_for(request["id"], 120).ok
    assert [record.body()["request"] for record in client.read("certs")].count(request["id"]) == 1


def aborted(port):
    """Of all lanes."""
    return sum(count for (name, labels), count in scrape(port).items() if name == "transactions_total" and ("outcome", "aborted") in labels)


def test_crls_and_issuers_are_shown(make_cluster):
    cluster = watched(make_cluster)
    client, port = cluster.client, cluster.port
    wait_ready(port)
    make_ca(client, ttl="500h")
    answer = client.ask("issue", {"common_name": "a.example.com"}, role="web")
    client.ask("revoke", {"serial_number": answer.data["serial"]}).data
    client.ask("mount/write", mount="other").data
    client.ask("ca/generate/root", {"common_name": "Odd", "key_type": "ec"}, mount="other").data
    wait_until(lambda: value(port, "crls", state="current") == 2)
    seen = scrape(port)
    crls = {dict(labels)["mount"]: dict(labels) for name, labels in seen if name == "crl_age_seconds"}
    assert set(crls) == {"pki", "other"}

    def of(name):
        return seen[(name, tuple(sorted(crls["pki"].items())))]

    assert 0 <= of("crl_age_seconds") < 120
    assert of("crl_age_seconds") + of("crl_expires_seconds") == 72 * 3600
    assert of("crl_age_seconds") + of("crl_due_seconds") == 48 * 3600
    assert 200 < of("crl_size_bytes") < 1000
    assert seen[("crl_limit_bytes", ())] > 60e6
    issuer = {"mount": "pki", "issuer": crls["pki"]["issuer"]}
    assert 499 * 3600 < seen[("issuer_expires_seconds", tuple(sorted(issuer.items())))] <= 500 * 3600
    assert [seen[("crls", (("state", s),))] for s in ("current", "late", "expired", "missing")] == [2, 0, 0, 0]


def test_the_keys_of_the_pool_are_counted(make_cluster):
    cluster = watched(make_cluster, settings={"keys": {"pool_size": "2"}})
    client, port = cluster.client, cluster.port
    wait_ready(port)
    make_ca(client)
    client.ask("role/write", {**ROLE, "key_type": "rsa", "key_bits": 2048}, role="web").data
    assert client.ask("issue", {"common_name": "r.example.com"}, role="web", timeout=60).ok
    assert value(port, "key_pool_capacity", bits="2048") == 2
    wait_until(lambda: value(port, "key_pool_keys", bits="2048") == 2)


def test_the_manual_has_every_metric_and_no_other(make_cluster):
    cluster = watched(make_cluster)
    wait_ready(cluster.port)
    shown = set(re.findall(r"^# TYPE (\S+)", get(cluster.port)[2], re.MULTILINE))
    manual = set(re.findall(r"^\| `(\S+?)(?:_total|_info)?` \|", MANUAL.read_text(), re.MULTILINE))
    assert shown == manual and len(shown) > 35


def test_lag_is_that_of_the_whole_group(make_cluster):
    cluster = watched(make_cluster)
    client, port = cluster.client, cluster.port
    wait_ready(port)
    make_ca(client)
    issue(client, 5)
    wait_until(lambda: value(port, "consumer_lag_messages", topic="issue") == 0)
    client_only = {"lanes": {"mint": "0"}}
    cluster.settings.update(client_only)
    cluster.worker.finish()
    cluster.write_config()
    cluster.worker.start()
    wait_ready(port)
    for i in range(7):
        client.send(client.request("issue", {"common_name": f"late{i}.example.com"}, role="web"))
    wait_until(lambda: value(port, "consumer_lag_messages", topic="issue") == 7)
    assert ("requests_total", (("op", "issue"), ("outcome", "ok"))) not in scrape(port)


def test_health_asks_the_worker_of_its_configuration(make_cluster):
    cluster = watched(make_cluster)
    wait_ready(cluster.port)
    good = cluster.worker_command("health")
    assert (good.returncode, good.stdout, good.stderr) == (0, "ready\n", "")
    cluster.worker.finish()
    gone = cluster.worker_command("health")
    assert gone.returncode == 1 and "connect" in gone.stderr
    cluster.worker.start()
    wait_ready(cluster.port)


def test_health_says_when_there_is_nothing_to_ask(fresh_cluster):
    assert fresh_cluster.client.ask("mount/list").ok
    refused = fresh_cluster.worker_command("health")
    assert refused.returncode == 1
    assert refused.stderr == (
        "certmill-worker health: metrics.listen is empty: the worker does not say how it is\n"
    )


def test_not_ready_while_an_engine_is_away(make_cluster, own_kafka):
    cluster = watched(make_cluster, broker=own_kafka)
    port = cluster.port
    wait_ready(port)
    cluster.redis.kill()
    cluster.client.send(cluster.client.request("issue", {"common_name": "a.example.com"}, role="web"))
    wait_until(lambda: all(what in get(port, "/readyz")[2] for what in ("Redis: ", "lane mint-0: store: ")))
    assert get(port, "/readyz")[0] == 503
    health = cluster.worker_command("health")
    assert health.returncode == 1 and "Redis: " in health.stdout
    assert get(port, "/livez") == (200, "text/plain; charset=utf-8", "alive\n")
    assert value(port, "redis_up") == 0 and value(port, "lane_ready", lane="mint-0") == 0
    assert value(port, "lane_failures_total", lane="mint-0", error="store") >= 1
    assert time.time() - value(port, "lane_last_failure_timestamp_seconds", lane="mint-0", error="store") < 120
    cluster.redis.start()
    wait_ready(port)
    own_kafka.kill()
    wait_until(lambda: "Kafka: " in get(port, "/readyz")[2])
    assert value(port, "kafka_up") == 0
    own_kafka.start()
    wait_ready(port, 90)


def test_not_ready_while_the_view_is_folded(make_cluster):
    cluster = watched(make_cluster)
    client, port = cluster.client, cluster.port
    wait_ready(port)
    make_ca(client)
    cluster.redis.command("SET", "cm:fold", "another", "EX", "8")
    cluster.redis.command("SET", "cm:view", "folding")
    wait_until(lambda: "folding: the view is not ready" in get(port, "/readyz")[2])
    assert value(port, "view_ready") == 0
    client.send(client.request("issue", {"common_name": "meanwhile.example.com"}, role="web"))
    wait_until(lambda: "lane mint-0: view_folding: " in get(port, "/readyz")[2])
    wait_ready(port)
    assert client.ask("issue", {"common_name": "after.example.com"}, role="web", timeout=60).ok
    assert value(port, "view_ready") == 1


def test_where_a_fold_stands(make_cluster):
    """Each row takes its time; the log and /readyz say how far it is, how fast it goes, and when it will be done."""
    cluster = watched(make_cluster)
    port = cluster.port
    wait_ready(port)
    make_ca(cluster.client)
    issued = cluster.client.ask("issue", {"common_name": "a.example.com"}, role="web").data
    cluster.client.ask("revoke", {"serial_number": issued["serial"]}).data
    cluster.worker.finish()
    cluster.redis.command("FLUSHALL")
    cluster.worker.more_environment = {"CERTMILL_FAILPOINT": "fold_rows=wait"}
    cluster.worker.start()
    figures = r"^folding: (\d+) of at most (\d+) records, (\d+) a second, (\d+) s left$"

    def stands():
        answer = readiness(port)
        found = answer and re.search(figures, answer[2], re.MULTILINE)
        return found and (answer[0], *map(int, found.groups()))

    status, records, total, rate, _ = wait_until(stands)
    assert status == 503 and 0 < records <= total and rate > 0
    wait_until(lambda: (now := stands()) and now[1] > records)
    said = re.search(r"view_folding lane=\S+ topic=\S+ .*records=(\d+) done=(\d+) total=(\d+) rate=\d+ seconds_left=\d+", cluster.worker.log())
    assert said and int(said[2]) <= int(said[3]) == total
    wait_ready(port)


def test_before_kafka_is_there_it_says_so(make_cluster, own_kafka):
    cluster = watched(make_cluster, broker=own_kafka)
    port = cluster.port
    wait_ready(port)
    cluster.worker.finish()
    own_kafka.kill()
    cluster.worker.start()

    status, _, body = wait_until(lambda: (a := readiness(port)) and "not asked" not in a[2] and a)
    assert status == 503 and "Kafka: " in body and "starting\n" in body
    assert get(port, "/livez")[0] == 200
    own_kafka.start()
    wait_ready(port, 90)


def test_a_worker_that_is_stopped_does_not_answer(make_cluster, own_kafka):
    cluster = watched(make_cluster, broker=own_kafka)
    wait_ready(cluster.port)
    cluster.worker.pause()
    with pytest.raises(OSError):
        get(cluster.port, "/livez", timeout=2)
    paused = cluster.worker_command("health")
    assert paused.returncode == 1 and "no answer in time" in paused.stderr
    cluster.worker.resume()
    wait_ready(cluster.port)


# ---- the endpoint ----


def open_files(pid):
    """What its descriptors lead to, but for those that it closes meanwhile: it talks to its engines all the time."""
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            yield os.readlink(path)


def listening(pid):
    """The places at which it takes connections, of TCP and in the file system."""
    held = set(open_files(pid))
    found = []
    for table in ("tcp", "tcp6"):
        rows = [line.split() for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]]
        found += [row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in held]
    rows = [line.split() for line in Path(f"/proc/{pid}/net/unix").read_text().splitlines()[1:]]
    return found + [row[-1] for row in rows if int(row[3], 16) & 0x10000 and f"socket:[{row[6]}]" in held]


def test_it_is_off_unless_it_is_configured(fresh_cluster, make_cluster):
    assert fresh_cluster.client.ask("mount/list").ok
    assert listening(fresh_cluster.worker.pid) == []
    cluster = watched(make_cluster)
    wait_ready(cluster.port)
    assert listening(cluster.worker.pid) == [f"0100007F:{cluster.port:04X}"]


@pytest.fixture(scope="module")
def endpoint(kafka):
    from conftest import run_cluster

    port = free_port()
    generator = run_cluster(kafka, {"metrics": {"listen": str(port)}})
    cluster = next(generator)
    wait_ready(port)
    cluster.port = port
    yield cluster
    next(generator, None)


def test_a_port_alone_is_loopback(endpoint):
    assert get(endpoint.port, "/livez")[0] == 200
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    assert f"0100007F:{endpoint.port:04X}" in listening
    assert f"00000000:{endpoint.port:04X}" not in listening


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("GET", "/metrics/", 404), ("POST", "/metrics", 405), ("PUT", "/readyz", 405)],
)
def test_other_requests_are_refused(endpoint, method, path, status):
    assert get(endpoint.port, path, method)[0] == status


def test_head_has_no_body(endpoint):
    status, kind, body = get(endpoint.port, "/metrics", "HEAD")
    assert (status, body) == (200, "") and kind.startswith("application/openmetrics-text")


def test_a_head_that_does_not_end_is_cut_off(endpoint):
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=30) as s:
        s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")
        try:
            for _ in range(100):
                s.sendall(b"X-More: " + b"x" * 1000 + b"\r\n")
            assert b"431" in s.recv(100) or s.recv(100) == b""
        except (ConnectionResetError, BrokenPipeError):
            pass
    assert get(endpoint.port, "/livez")[0] == 200


def test_slow_clients_keep_nobody_out_for_long(endpoint):
    """More of them than there are places, each sending a byte now and then: they are cut off all the same."""
    stop = threading.Event()
    slow = [socket.create_connection(("127.0.0.1", endpoint.port), timeout=60) for _ in range(40)]

    def trickle():
        while not stop.wait(1):
            for s in slow:
                try:
                    s.sendall(b"G")
                except OSError:
                    pass

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        wait_until(lambda: answers(endpoint.port), timeout=90)
    finally:
        stop.set()
        thread.join()
        for s in slow:
            s.close()
    assert get(endpoint.port, "/livez")[0] == 200


def answers(port):
    try:
        return get(port, "/livez", timeout=5)[0] == 200
    except OSError:
        return False


def test_no_secret_and_no_request_stands_in_it(make_cluster):
    cluster = watched(make_cluster)
    client = cluster.client
    wait_ready(cluster.port)
    make_ca(client)
    answer = client.ask("issue", {"common_name": "hidden.example.com"}, role="web")
    text = get(cluster.port)[2]
    for secret in (
        (cluster.folder / "kek").read_text(),
        "hidden.example.com",
        answer.data["serial"],
        answer.data["private_key"][:60],
        json.dumps(cluster.redis.address),
    ):
        assert secret not in text


def test_operations_that_nobody_knows_make_no_label(make_cluster):
    cluster = watched(make_cluster)
    client, port = cluster.client, cluster.port
    wait_ready(port)
    make_ca(client)
    for i in range(20):
        request = {**client.request("issue", {"common_name": "a.example.com"}, role="web"), "op": f"made/up/{i}"}
        client.send(request, "issue")
    wait_until(lambda: value(port, "requests_total", op="other", outcome="unknown_op") == 20)
    ops = {dict(labels)["op"] for name, labels in scrape(port) if name == "requests_total"}
    assert not any(op.startswith("made") for op in ops)
