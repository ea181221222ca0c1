"""The profile secure: what is in clear or has the wrong password is refused, and each right ends where it should."""

import json
import socket
import time
import uuid

import msgpack
import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from stack import docker, run

REDIS_TLS = "--tls --cacert /run/secrets/ca.pem --cert /run/secrets/cert.pem --key /run/secrets/key.pem"


@pytest.fixture(scope="module")
def stack(make_stack):
    stack = make_stack("secure")
    print(f"ready after {stack.up(2):.0f} s")
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


def consumed(configuration, topic, seconds=20):
    """None, or the name of the error."""
    consumer = Consumer({**configuration, "group.id": f"{configuration['sasl.username']}-{uuid.uuid4()}"})
    try:
        hidden = consumer.list_topics(topic, seconds).topics[topic].error
        if hidden:
            return hidden.name()
        consumer.assign([TopicPartition(topic, 0, 0)])
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


def certmill(stack, user, *words, check=True):
    """The command line as one of Kafka's users, in the network and with the folder of clients."""
    password = f"CERTMILL_KAFKA_SASL_PASSWORD_FILE=/run/secrets/{user}-password"
    more = ["-e", f"CERTMILL_KAFKA_SASL_USERNAME={user}", "-e", password, "--entrypoint", "certmill"]
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


@pytest.mark.parametrize("user", MAY_READ)
def test_each_user_reads_what_it_may_and_nothing_else(stack, secrets, user):
    configuration = settings(stack, secrets, user)
    for topic in TOPICS:
        if topic in MAY_READ[user]:
            Consumer({**configuration, "group.id": f"{user}-x"}).get_watermark_offsets(TopicPartition(f"certmill.{topic}", 0), timeout=20)
        else:
            assert consumed(configuration, f"certmill.{topic}") == "TOPIC_AUTHORIZATION_FAILED", topic


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


def test_redis_refuses_plain_text_and_strangers(stack):
    """Without TLS, and with TLS but without a certificate of the fleet's CA."""
    assert "PONG" not in redis(stack, "ping", tls="")
    assert "PONG" not in redis(stack, "ping", tls="--tls --cacert /run/secrets/ca.pem")


@pytest.mark.parametrize("command", ["flushall", "config set appendonly no", "acl list", "replicaof no one", "keys '*'", "shutdown"])
def test_redis_user_may_not(stack, command):
    assert "NOPERM" in redis(stack, command)


def test_redis_user_touches_certmills_keys_alone(stack):
    assert redis(stack, "set cm:test 1 ex 5") == "OK\n"
    assert "NOPERM" in redis(stack, "set other 1")


def test_no_secret_stands_in_an_environment(stack, secrets):
    passwords = [path.read_text() for path in secrets.glob("*-password")]
    passwords.append(stack.exec("worker", "cat", "/run/secrets/kek").stdout)
    assert len(passwords) == 4 and all(len(text) == 64 for text in passwords)
    ids = docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={stack.project}").stdout.split()
    told = docker("inspect", *ids).stdout
    assert not [text for text in passwords if text in told]
