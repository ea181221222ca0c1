"""A backup and its restore, as docs/reliability.md tells them: the topics from a copy, Redis empty, the workers go on."""

import shutil

from cryptography import x509

from client import Client, open_shop
from pki import serial_number
from promises import verify
from test_fold import wait_whole


def issues(client, count):
    return [client.request("issue", {"common_name": f"n{i}.example.com"}, role="web") for i in range(count)]


def copy_while_it_stands_still(kafka, to):
    """What a snapshot of the volume is: everything as at one instant, and nothing of the broker's shutdown."""
    kafka.pause()
    try:
        shutil.copytree(kafka.folder / "data", to)
    finally:
        kafka.resume()


def lose_everything(cluster):
    for process in (*cluster.workers, cluster.kafka, cluster.redis):
        process.kill()
    shutil.rmtree(cluster.kafka.folder / "data")
    for file in cluster.redis.folder.iterdir():
        shutil.rmtree(file) if file.is_dir() else file.unlink()


def restore(cluster, copy):
    shutil.copytree(copy, cluster.kafka.folder / "data")
    for process in (cluster.kafka, cluster.redis, *cluster.workers):
        process.start()


def crl_of(client):
    return x509.load_der_x509_crl(max(client.read("crl"), key=lambda r: r.offset).value)


def crl_number(client):
    return crl_of(client).extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def test_topics_from_a_copy_and_an_empty_redis(own_kafka, make_cluster, tmp_path):
    cluster = make_cluster(broker=own_kafka, workers=2)
    client = cluster.client
    open_shop(client)
    kept = issues(client, 60)
    client.send_all(kept)
    before = client.wait_for_all([r["id"] for r in kept])
    client.ask("revoke", {"serial_number": before[0].data["serial"]}).data
    in_flight = issues(client, 500)
    client.send_all(in_flight)  # the copy is made amid their transactions
    copy_while_it_stands_still(own_kafka, tmp_path / "copy")
    seen = client.wait_for_all([r["id"] for r in in_flight], timeout=120)
    late = client.ask("issue", {"common_name": "late.example.com"}, role="web").data
    client.ask("revoke", {"serial_number": before[1].data["serial"]}).data
    published = crl_number(client)

    lose_everything(cluster)
    restore(cluster, tmp_path / "copy")
    after = Client(own_kafka.address, cluster.prefix)
    try:
        check_restored(cluster, after, kept, before, in_flight, seen, late, published)
        verify(cluster)
    finally:
        after.close()


def check_restored(cluster, client, kept, before, in_flight, seen, late, published):
    # what was answered before the copy was made has the same answer
    for request, answer in zip(kept[:5], before[:5]):
        client.send(request)
        again = client.wait_for(request["id"], timeout=120)
        assert again.replayed and again.data["certificate"] == answer.data["certificate"]
    wait_whole(cluster)
    # what was on its way is answered once: a client that asks again finds it
    for request in in_flight:
        client.send(request)
    replies = client.wait_for_all([r["id"] for r in in_flight], timeout=120)
    assert all(reply.ok for reply in replies)
    # what came after the copy is not known any more, and its serial numbers are not given again
    lost = {a.data["serial"] for a in seen} | {late["serial"]}
    assert client.ask("cert/read", {"serial": late["serial"]}).error["code"] == "unknown_serial"
    fresh = client.ask("issue", {"common_name": "fresh.example.com"}, role="web").data
    assert fresh["serial"] not in lost
    # the operator revokes it all the same, by the certificate, and lifts the CRL's number above what subscribers hold
    client.ask("revoke", {"certificate": late["certificate"]}).data
    client.ask("revoke", {"certificate": before[1].data["certificate"]}).data
    assert client.ask("crl/rotate", {"minimum_number": published + 1}).data["crl_number"] > published
    crl = crl_of(client)
    for serial in (before[0].data["serial"], before[1].data["serial"], late["serial"]):
        assert crl.get_revoked_certificate_by_serial_number(serial_number(serial)) is not None
    assert crl_number(client) > published
