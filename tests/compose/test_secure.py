"""The profile secure: what is in clear or has the wrong password is refused, and each right ends where it should."""

import json
import re
import socket
import time
import uuid

import msgpack
import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic
from cryptography import x509

from load import serial_number
from stack import docker, run

REDIS_TLS = "--tls --cacert /run/secrets/ca.pem --cert /run/secrets/cert.pem --key /run/secrets/key.pem"


@pytest.fixture(scope="module")
def stack(make_stack):
    stack = make_stack("secure")
    stack.up(2)
    return stack


@pytest.fixture(scope="module")
def secrets(stack, tmp_path_factory):
    """The clients' folder: ca.pem and a password for each user."""
    folder = tmp_path_factory.mktemp("secrets")
    job = stack.container("first-ca")
    docker("cp", f"{job}:/run/secrets/.", folder)
    return folder


def settings(stack, secrets, user, password=None):
    return {
        "bootstrap.servers": stack.brokers,
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": str(secrets / "ca.pem"),
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": user,
        "sasl.password": password or (secrets / f"{user}-password").read_text(),
        "log_level": 0,
    }


def produced(configuration, topic, value=b"x", seconds=20):
    """None, or the name of the error."""
    outcome = []
    producer = Producer({**configuration, "message.timeout.ms": seconds * 1000})
    producer.produce(topic, value, "key", on_delivery=lambda error, _: outcome.append(error and error.name()))
    producer.flush(seconds + 5)
    assert outcome, "no report"
    return outcome[0]


def consumed(configuration, topic, group=None, seconds=60):
    """None when a record came, or the name of the error: as one of a group, from the start."""
    group = group or f"{configuration['sasl.username']}-{uuid.uuid4()}"
    consumer = Consumer({**configuration, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False})
    try:
        consumer.subscribe([topic])
        message = consumer.poll(seconds)
        assert message is not None, f"neither a record of {topic} nor an error in {seconds} s"
        return message.error() and message.error().name()
    finally:
        consumer.close()


def connection_errors(configuration, seconds=60):
    """What a client says that gets no connection."""
    errors = []
    producer = Producer({**configuration, "error_cb": lambda e: errors.append(e.name())})
    with pytest.raises(KafkaException):
        producer.list_topics(timeout=5)
    deadline = time.monotonic() + seconds
    while not errors and time.monotonic() < deadline:
        producer.poll(0.2)
    producer.poll(1)
    return errors


def outcome_of(future):
    """None, or the name of the error."""
    try:
        future.result(30)
    except KafkaException as e:
        return e.args[0].name()
    return None


@pytest.fixture(scope="module")
def worker(stack, secrets):
    """The settings of Kafka's user worker, whose password the clients' folder does not have."""
    return settings(stack, secrets, "worker", stack.exec("worker", "cat", "/run/secrets/kafka-password").stdout)


def certmill(stack, user, *words, check=True, entrypoint="certmill"):
    """The command line as one of Kafka's users, in the network and with the folder of clients."""
    password = f"CERTMILL_KAFKA_SASL_PASSWORD_FILE=/run/secrets/{user}-password"
    more = ["-e", f"CERTMILL_KAFKA_SASL_USERNAME={user}", "-e", password, "--entrypoint", entrypoint]
    service = stack.service("first-ca")
    return stack.compose("run", "--rm", "--no-deps", "-T", *more, service, *words, check=check)


def test_a_certificate_is_issued_and_revoked(stack):
    answer = json.loads(certmill(stack, "issuer", "write", "-format=json", "pki/issue/web", "common_name=www.example.com").stdout)
    certmill(stack, "operator", "write", "pki/revoke", f"serial_number={answer['data']['serial']}")
    assert certmill(stack, "operator", "audit", "verify").returncode == 0


def test_kafka_refuses_plain_text(stack, secrets):
    wanted = {"bootstrap.servers": stack.brokers, "log_level": 0}
    assert produced(wanted, "certmill.issue", seconds=5) == "_MSG_TIMED_OUT"
    host, port = stack.brokers.split(",")[0].split(":")
    with socket.create_connection((host, int(port)), timeout=20) as s:
        s.sendall(b"\0\0\0\x0a\0\x12\0\0\0\0\0\1\xff\xff")  # ApiVersions
        assert b"\0\0\0\1" not in s.recv(100)


def test_kafka_refuses_tls_without_a_user(stack, secrets):
    bare = {"bootstrap.servers": stack.brokers, "security.protocol": "SSL", "ssl.ca.location": str(secrets / "ca.pem"), "log_level": 0}
    assert produced(bare, "certmill.issue", seconds=5) == "_MSG_TIMED_OUT"


def test_kafka_refuses_a_wrong_password(stack, secrets):
    assert "_AUTHENTICATION" in connection_errors(settings(stack, secrets, "issuer", "wrong"))


def test_a_server_of_another_ca_is_not_believed(stack, secrets, tmp_path):
    """And so the password is not sent to it."""
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", tmp_path / "key",
        "-out", tmp_path / "ca.pem", "-subj", "/CN=other")  # fmt: skip
    other = {**settings(stack, secrets, "issuer"), "ssl.ca.location": str(tmp_path / "ca.pem")}
    assert "_SSL" in connection_errors(other)


MAY_WRITE = {
    "issuer": ["issue", "sign", "query"],
    "operator": ["issue", "sign", "query", "revoke", "config"],
    "subscriber": [],
}
MAY_READ = {
    "issuer": ["ca", "responses"],
    "operator": ["issue", "sign", "query", "revoke", "config", "responses", "certs", "revoked", "state", "crl", "ca", "audit", "rejects"],
    "subscriber": ["crl", "ca", "certs", "revoked"],
}
TOPICS = MAY_READ["operator"]


@pytest.mark.parametrize("user", MAY_WRITE)
def test_each_user_writes_what_it_may_and_nothing_else(stack, secrets, user):
    """What is taken here is no request: it ends in .rejects."""
    configuration = settings(stack, secrets, user)
    value = msgpack.packb("no request")
    outcomes = {topic: produced(configuration, f"certmill.{topic}", value) for topic in TOPICS}
    assert outcomes == {t: None if t in MAY_WRITE[user] else "TOPIC_AUTHORIZATION_FAILED" for t in TOPICS}


@pytest.fixture(scope="module")
def every_topic_has_a_record(stack, secrets):
    answer = json.loads(certmill(stack, "operator", "write", "-format=json", "pki/issue/web", "common_name=r.example.com").stdout)
    certmill(stack, "operator", "write", "pki/revoke", f"serial_number={answer['data']['serial']}")
    for topic in MAY_WRITE["operator"]:
        assert produced(settings(stack, secrets, "operator"), f"certmill.{topic}", msgpack.packb("no request")) is None
    return answer["data"]["serial"]


@pytest.mark.parametrize("user", MAY_READ)
def test_each_user_reads_what_it_may_and_nothing_else(stack, secrets, every_topic_has_a_record, user):
    """A record of each, not only where it ends: for that it would not need to read."""
    configuration = settings(stack, secrets, user)
    outcomes = {topic: consumed(configuration, f"certmill.{topic}") for topic in TOPICS}
    assert outcomes == {t: None if t in MAY_READ[user] else "TOPIC_AUTHORIZATION_FAILED" for t in TOPICS}


def test_a_subscriber_follows_the_crls(stack, every_topic_has_a_record):
    script = "certmill follow crl -dir /dev/shm/crls -once >&2 && cat /dev/shm/crls/all.pem"
    crl = x509.load_pem_x509_crl(certmill(stack, "subscriber", "-c", script, entrypoint="sh").stdout.encode())
    assert crl.get_revoked_certificate_by_serial_number(serial_number(every_topic_has_a_record))


@pytest.mark.parametrize("user", MAY_READ)
def test_no_user_is_in_a_group_of_another(stack, secrets, user):
    configuration = settings(stack, secrets, user)
    for prefix in {"certmill", *MAY_READ} - {user}:
        assert consumed(configuration, "certmill.ca", group=f"{prefix}-x") == "GROUP_AUTHORIZATION_FAILED", prefix


def test_the_worker_has_its_prefix_alone(worker):
    assert produced(worker, "certmill.issue", msgpack.packb("no request")) is None
    assert produced(worker, "other.issue") == "TOPIC_AUTHORIZATION_FAILED"
    assert produced(worker, "certmillx") == "TOPIC_AUTHORIZATION_FAILED"
    assert consumed(worker, "certmill.ca", group=f"certmill-{uuid.uuid4()}") is None
    assert consumed(worker, "certmill.ca", group="other") == "GROUP_AUTHORIZATION_FAILED"
    with pytest.raises(KafkaException) as refused:
        Producer({**worker, "transactional.id": "other"}).init_transactions(20)
    assert refused.value.args[0].name() == "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"
    admin = AdminClient(worker)
    assert created(admin, "other.topic") == "TOPIC_AUTHORIZATION_FAILED"
    broker = ConfigResource(ConfigResource.Type.BROKER, "1", incremental_configs=[changed("log.cleaner.threads", "2")])
    assert outcome_of(*admin.incremental_alter_configs([broker]).values()) == "CLUSTER_AUTHORIZATION_FAILED"


def changed(name, value):
    return ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)


def created(admin, topic):
    return outcome_of(*admin.create_topics([NewTopic(topic, 1, 1)]).values())


@pytest.mark.parametrize("user", MAY_READ)
def test_no_client_makes_changes_or_deletes_a_topic(stack, secrets, user):
    admin = AdminClient(settings(stack, secrets, user))
    for topic in ("certmill.responses.mine", f"{user}-topic"):
        assert created(admin, topic) == "TOPIC_AUTHORIZATION_FAILED"
    crl = ConfigResource(ConfigResource.Type.TOPIC, "certmill.crl", incremental_configs=[changed("cleanup.policy", "delete")])
    assert outcome_of(*admin.incremental_alter_configs([crl]).values()) == "TOPIC_AUTHORIZATION_FAILED"
    assert outcome_of(*admin.delete_topics(["certmill.crl"]).values()) == "TOPIC_AUTHORIZATION_FAILED"


def test_the_operator_looks_at_the_workers_groups_and_changes_nothing(stack, secrets):
    admin = AdminClient(settings(stack, secrets, "operator"))
    group = "certmill-mint"
    (found,) = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)]).values()
    places = found.result(30).topic_partitions
    assert {place.topic for place in places} >= {"certmill.issue"}
    moved = ConsumerGroupTopicPartitions(group, [TopicPartition(places[0].topic, places[0].partition, 0)])
    (altered,) = admin.alter_consumer_group_offsets([moved]).values()
    assert {place.error.name() for place in altered.result(30).topic_partitions} == {"GROUP_AUTHORIZATION_FAILED"}
    assert outcome_of(*admin.delete_consumer_groups([group]).values()) == "GROUP_AUTHORIZATION_FAILED"


def test_who_may_only_issue_is_refused_when_it_revokes(stack):
    """By the broker: the request is on no topic, and the command line says so."""
    answer = json.loads(certmill(stack, "issuer", "write", "-format=json", "pki/issue/web", "common_name=b.example.com").stdout)
    refused = certmill(stack, "issuer", "-timeout=20s", "write", "pki/revoke", f"serial_number={answer['data']['serial']}", check=False)
    assert refused.returncode != 0
    assert "authoriz" in refused.stderr.lower(), refused.stderr
    held = certmill(stack, "operator", "read", "-format=json", f"pki/cert/{answer['data']['serial']}").stdout
    assert not json.loads(held)["data"].get("revocation_time")


def test_nobody_takes_a_workers_place(stack, secrets):
    """No client has the workers' transactional ids, nor their groups."""
    for user in MAY_WRITE:
        producer = Producer({**settings(stack, secrets, user), "transactional.id": "certmill-thief"})
        with pytest.raises(KafkaException) as refused:
            producer.init_transactions(20)
        assert refused.value.args[0].name() == "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"
    thief = Consumer({**settings(stack, secrets, "issuer"), "group.id": "certmill-mint"})
    thief.subscribe(["certmill.responses"])
    message = thief.poll(20)
    assert message is not None and message.error().name() == "GROUP_AUTHORIZATION_FAILED"
    thief.close()


def redis(stack, command, password="$(cat /run/secrets/password)", tls=REDIS_TLS, user="worker"):
    """What redis-cli says within Redis' own container."""
    words = f'REDISCLI_AUTH="{password}" redis-cli --no-auth-warning {tls} --user {user} {command} 2>&1'
    return docker("exec", stack.container("redis"), "sh", "-c", words, check=False).stdout


def test_redis_takes_its_user_alone(stack):
    assert redis(stack, "ping") == "PONG\n"
    assert "WRONGPASS" in redis(stack, "ping", password="wrong")
    assert "PONG" not in redis(stack, "ping", password="", user="default")


PLAIN, STRANGER = "", "--tls --cacert /run/secrets/ca.pem"


@pytest.mark.parametrize(
    "tls, reason", [(PLAIN, "wrong version number|packet length too long|http request"), (STRANGER, "peer did not return a certificate")]
)
def test_redis_refuses_plain_text_and_strangers(stack, tls, reason):
    """Without TLS, and with TLS but without a certificate of the fleet's CA."""
    before = len(re.findall(reason, said_by_redis(stack)))
    said = redis(stack, "ping", tls=tls)
    assert re.search("I/O error|Connection reset by peer|Server closed the connection", said) and "PONG" not in said, said
    assert len(re.findall(reason, said_by_redis(stack))) > before, said_by_redis(stack)


def said_by_redis(stack):
    return docker("logs", stack.container("redis")).stdout


@pytest.mark.parametrize("command", ["flushall", "config set appendonly no", "acl list", "replicaof no one", "keys '*'", "shutdown"])
def test_redis_user_may_not(stack, command):
    assert "NOPERM" in redis(stack, command)


def test_redis_user_touches_certmills_keys_alone(stack):
    assert redis(stack, "set cm:test 1 ex 5") == "OK\n"
    assert "NOPERM" in redis(stack, "set other 1")


def test_no_secret_stands_in_an_environment(stack, secrets):
    passwords = [path.read_text() for path in secrets.glob("*-password")]
    passwords += [stack.exec("worker", "cat", f"/run/secrets/{name}").stdout for name in ("kek", "kafka-password", "redis-password")]
    assert len(set(passwords)) == 6 and all(len(text) == 64 for text in passwords)
    ids = docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={stack.project}").stdout.split()
    told = docker("inspect", *ids).stdout + stack.compose("logs", "--no-color").stdout
    assert "worker_ready" in told
    assert not [text for text in passwords if text in told]


def test_down_and_up_again_with_the_volumes(stack, secrets):
    """Users, rights, passwords and certificates are those of before."""
    answer = json.loads(certmill(stack, "issuer", "write", "-format=json", "pki/issue/web", "common_name=k.example.com").stdout)
    serial = answer["data"]["serial"]
    kek = stack.exec("worker", "cat", "/run/secrets/kek").stdout
    stack.down()
    assert not stack.containers("worker", everyone=True)
    stack.up(2)
    assert stack.exec("worker", "cat", "/run/secrets/kek").stdout == kek
    assert "BEGIN CERTIFICATE" in certmill(stack, "operator", "read", f"pki/cert/{serial}").stdout
    assert produced(settings(stack, secrets, "issuer"), "certmill.revoke") == "TOPIC_AUTHORIZATION_FAILED"
    assert "_AUTHENTICATION" in connection_errors(settings(stack, secrets, "issuer", "wrong"))
    certmill(stack, "operator", "write", "pki/revoke", f"serial_number={serial}")
    assert certmill(stack, "operator", "audit", "verify").returncode == 0
