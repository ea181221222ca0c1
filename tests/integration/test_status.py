"""`certmill status`: how the fleet is, live, over the query topic."""

import json
import os
import re
import subprocess
import time

from cluster import PROGRAMS
from test_metrics import issue, make_ca


def status_of(cluster, *arguments):
    shown = cluster.certmill("status", "-format=json", *arguments)
    assert shown.returncode == 0, shown.stderr
    return json.loads(shown.stdout)["data"]


def heads_of(cluster, topic):
    """{partition: (sequence, hash)} of the last records of `.audit`, read by themselves."""
    heads = {}
    for record in cluster.client.read("audit"):
        source, partition = record.key.decode().rsplit("/", 1)
        body = record.body()
        if source == topic:
            heads[int(partition)] = (body["sequence"], body["entries"][-1])
    return heads


def test_the_state_of_a_fleet(make_cluster):
    cluster = make_cluster(workers=2)
    client = cluster.client
    make_ca(client)
    client.ask("mount/write", mount="empty").data
    answers = issue(client, 20)
    client.ask("revoke", {"serial_number": answers[0].data["serial"]}).data
    client.produce("issue", b"\xc1", b"k")

    data = status_of(cluster)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (
        data["rejects"] and len(data["lanes"]) == 6 and all(lane["partitions"] for lane in data["lanes"])
    ):
        time.sleep(0.5)
        data = status_of(cluster)

    assert re.fullmatch(r"w[01]/query-0", data["worker"]) and data["view"] == "ready" and data["problems"] == []
    assert abs(time.time() - data["at"]) < 60
    assert sorted(lane["instance"] for lane in data["lanes"]) == sorted(
        f"w{worker}-{kind}-0" for worker in (0, 1) for kind in ("mint", "control", "query")
    )
    served = [partition for lane in data["lanes"] for partition in lane["partitions"]]
    known = {f"{row['topic']}/{row['partition']}": row for row in data["partitions"]}
    assert sorted(served) == sorted(known) and len(known) == 3 * 6 + 2 * 3
    issued = [row for row in data["partitions"] if row["topic"] == f"{cluster.prefix}.issue"]
    assert sum(row["committed"] for row in issued) == 21 and sum(row["lag"] for row in issued) == 0
    for partition, (sequence, _) in heads_of(cluster, f"{cluster.prefix}.issue").items():
        row = known[f"{cluster.prefix}.issue/{partition}"]
        assert row["audit_sequence"] == sequence and re.fullmatch("[0-9a-f]{64}", row["audit_hash"])
    [crl] = data["crls"]
    assert (crl["mount"], crl["shard"]) == ("pki", "0") and crl["number"] >= 2
    assert crl["due"] - crl["this_update"] == 48 * 3600 and 200 < crl["size"] < crl["limit"]
    mounts = {mount["mount"]: mount for mount in data["mounts"]}
    assert (mounts["pki"]["issued"], mounts["pki"]["revoked"], mounts["pki"]["roles"]) == (21, 1, 1)
    assert mounts["pki"]["issuer"] == crl["issuer"] and "issuer" not in mounts["empty"]


def test_the_state_for_a_person(make_cluster):
    cluster = make_cluster()
    make_ca(cluster.client)
    issue(cluster.client, 3)
    shown = cluster.certmill("status")
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert re.match(r"Answered by +Version +At +View +Rejects, at most", lines[0])
    assert re.match(r"w0/query-0 +\d+\.\d+\.\d+ +\S+Z +ready +0$", lines[1])
    assert re.search(rf"^mint +w0-mint-0 +\S+ +.*{cluster.prefix}\.issue/0,1,2,3,4,5", shown.stdout, re.MULTILINE)
    assert re.search(r"^pki +[0-9a-f]{16} +0 +\d+ +(?:1d 23h|2d 0h) +(?:2d 23h|3d 0h) +\d+ +0%$", shown.stdout, re.MULTILINE)
    assert re.search(r"^pki +[0-9a-f]{16} +\d+d \d+h +1 +4 +0$", shown.stdout, re.MULTILINE)
    assert cluster.certmill("status", "-field=view").stdout.strip() == "ready"


def test_many_ask_at_once(make_cluster):
    client = make_cluster().client
    ids = client.send_all([client.request("status") for _ in range(300)])
    for answer in client.wait_for_all(ids, timeout=120):
        assert answer.data["view"] == "ready"


def test_what_waits_is_seen(make_cluster):
    cluster = make_cluster(settings={"lanes": {"mint": "0"}})
    for i in range(5):
        cluster.client.send(cluster.client.request("issue", {"common_name": f"{i}.example.com"}, role="web"))
    data = status_of(cluster)
    assert sum(row["lag"] for row in data["partitions"] if row["topic"].endswith(".issue")) == 5
    assert not [lane for lane in data["lanes"] if lane["kind"] == "mint"]


def test_nobody_answers(make_cluster):
    cluster = make_cluster()
    assert cluster.certmill("status").returncode == 0
    cluster.worker.finish()
    shown = cluster.certmill("status", "-timeout=2s")
    assert shown.returncode == 3, shown.stderr


def test_dev_says_what_it_cannot_know(tmp_path):
    with subprocess.Popen(
        [PROGRAMS / "certmill-worker", "dev"], stdout=subprocess.PIPE, text=True, cwd=tmp_path
    ) as worker:
        try:
            brokers = next(line.split("=")[1].strip() for line in worker.stdout if "CERTMILL_BROKERS=" in line)
            shown = subprocess.run(
                [PROGRAMS / "certmill", "status", "-format=json"],
                env={**os.environ, "CERTMILL_BROKERS": brokers},
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
            )
        finally:
            worker.terminate()
    data = json.loads(shown.stdout)["data"]
    assert data["problems"] == ["Kafka: the embedded broker keeps no groups"]
    assert data["view"] == "ready" and [mount["mount"] for mount in data["mounts"]] == ["pki"]
