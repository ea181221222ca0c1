"""What is wrong stops the start, with one line that names it and where it stands: the file's line, or the variable."""

import json
import re
import shutil
import tempfile
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from client import alter_topic, create_topic
from engines import Kafka, free_port

COMMANDS = ("run", "check-config", "topics", "rebuild")

# {section: {key: value}} or {VARIABLE: value}, over a configuration that is right; the key or the variable is to blame
WRONG = {
    "an unknown key": {"lanes": {"many": "3"}},
    "a number that is none": {"lanes": {"mint": "some"}},
    "a number that is none, in the environment": {"CERTMILL_LANES_MINT": "some"},
    "an unknown variable": {"CERTMILL_LANES_MANY": "3"},
    "a level that is none": {"worker": {"log_level": "loud"}},
    "a slot that Kafka does not take": {"CERTMILL_SLOT": "one two"},
    "no such key file": {"keys": {"kek_file": "/nonexistent/kek"}},
    "no such key file, in the environment": {"CERTMILL_KEYS_KEK_FILE": "/nonexistent/kek"},
    "a key file that holds no key": {"keys": {"kek_file": "/etc/hostname"}},
    "no such password file": {"redis": {"password_file": "/nonexistent/password"}},
    "an address that is none": {"redis": {"address": "here"}},
    "a password that Redis does not want": {"redis": {"password_file": "{folder}/password"}},
    "a database that Redis does not have": {"redis": {"db": "999"}},
    "a setting that promises rest on": {"kafka": {"isolation.level": "read_uncommitted"}},
    "one that librdkafka does not know": {"CERTMILL_KAFKA_NO_SUCH_THING": "1"},
    "one that librdkafka does not take": {"kafka": {"security.protocol": "tls"}},
    "one that only a producer has": {"kafka": {"transaction.timeout.ms": "soon"}},
    "a file that librdkafka cannot read": {"kafka": {"security.protocol": "ssl", "ssl.ca.location": "/nonexistent/ca"}},
}


def ini_with(text, changes):
    """The text with each section's keys set anew, and the number of the last one's line."""
    lines = text.splitlines()
    at = None
    for section, settings in changes.items():
        if f"[{section}]" not in lines:
            lines.append(f"[{section}]")
        for key, value in settings.items():
            begin = lines.index(f"[{section}]") + 1
            lines = [line for i, line in enumerate(lines) if i < begin or not line.startswith(f"{key} = ")]
            lines.insert(begin, f"{key} = {value}")
            at = begin + 1
    return "\n".join(lines) + "\n", at


def refusal(cluster, command, config, environment):
    """The one line of a command that refused to start."""
    ended = cluster.run(["certmill-worker", command, "--config", config, "--single"], environment)
    assert ended.returncode == 1, f"{command} ended with {ended.returncode}: {ended.stdout}{ended.stderr}"
    (line,) = ended.stderr.splitlines()
    return line


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_setting_is_named_with_its_source(cluster, wrong):
    (cluster.folder / "password").write_text("not the one")
    wrong = json.loads(json.dumps(wrong).replace("{folder}", str(cluster.folder)))
    environment = {name: value for name, value in wrong.items() if name.isupper()}
    text, line = ini_with(cluster.config.read_text(), {name: value for name, value in wrong.items() if name not in environment})
    config = cluster.folder / "wrong.ini"
    config.write_text(text)
    if environment:
        (source,) = environment
    else:
        ((section, settings),) = wrong.items()
        source = f"{config}:{line}"
        name = f"{section}.{[*settings][-1]}"
    for command in COMMANDS:
        said = refusal(cluster, command, config, environment)
        assert re.search(rf"(^|[ \"]){re.escape(source)}: ", said), f"{command}: no {source} in {said}"
        assert environment or name in said, f"{command}: no {name} in {said}"


def test_a_missing_setting_is_named(cluster):
    config = cluster.folder / "missing.ini"
    config.write_text("\n".join(line for line in cluster.config.read_text().splitlines() if not line.startswith("kek_file")))
    for command in COMMANDS:
        said = refusal(cluster, command, config, {})
        assert "keys.kek_file" in said and str(config) in said and "CERTMILL_KEYS_KEK_FILE" in said, f"{command}: {said}"
    said = refusal(cluster, "run", cluster.folder / "nowhere.ini", {})
    assert "nowhere.ini: No such file" in said


def test_another_key_is_found_at_the_start(cluster):
    """Not at the first issue: a certificate authority's key may not exist yet."""
    other = cluster.folder / "other.kek"
    other.touch(mode=0o600)
    other.write_text("17" * 32)
    text, line = ini_with(cluster.config.read_text(), {"keys": {"kek_file": other}})
    config = cluster.folder / "other.ini"
    config.write_text(text)
    for command in COMMANDS:
        said = refusal(cluster, command, config, {})
        assert f"{config}:{line}: keys.kek_file is not the fleet's key-encryption key" in said, f"{command}: {said}"


@pytest.fixture
def still_cluster(make_cluster):
    """Topics without a worker, and an administrator of their broker."""
    cluster = make_cluster(workers=0)
    cluster.admin = AdminClient({"bootstrap.servers": cluster.kafka.address})
    return cluster


def done(futures):
    for future in futures.values():
        future.result(20)


@pytest.mark.parametrize(
    "topic, name, value",
    [
        ("state", "cleanup.policy", "delete"),
        ("certs", "cleanup.policy", "compact,delete"),
        ("crl", "max.message.bytes", "1048588"),
        ("revoke", "message.timestamp.type", "CreateTime"),
    ],
)
def test_a_topics_wrong_setting_is_named(still_cluster, topic, name, value):
    topic = f"{still_cluster.prefix}.{topic}"
    alter_topic(still_cluster.kafka.address, topic, **{name: value})
    for command in COMMANDS:
        said = refusal(still_cluster, command, still_cluster.config, {})
        assert f"topic {topic} has {name}={value}, the promises need " in said, f"{command}: {said}"


@pytest.mark.parametrize("topic, made", (("issue", 6), ("sign", 6), ("query", 6), ("revoke", 3), ("config", 3), ("revoked", 3), ("audit", 3)))
def test_a_partition_too_many_is_named(still_cluster, topic, made):
    """A request's home depends on the count, and so does where the records of one key stand."""
    topic = f"{still_cluster.prefix}.{topic}"
    done(still_cluster.admin.create_partitions([NewPartitions(topic, made + 1)]))
    for command in ("run", "check-config"):
        said = refusal(still_cluster, command, still_cluster.config, {})
        assert f"topic {topic} has {made + 1} partitions, it was made with {made}" in said, f"{command}: {said}"


def test_a_topic_that_was_made_by_hand_is_named(still_cluster):
    """The order of .state is the order of its one partition."""
    prefix = f"{still_cluster.prefix}x"
    topic = f"{prefix}.state"
    create_topic(still_cluster.kafka.address, topic, 3, cleanup_policy="compact", max_message_bytes=4194304, min_insync_replicas=1)
    said = refusal(still_cluster, "topics", still_cluster.config, {"CERTMILL_TOPICS_PREFIX": prefix})
    assert f"topic {topic} has 3 partitions, the promises need 1" in said


@pytest.fixture(scope="module")
def guarded_kafka():
    """A broker with one more listener, which wants a password."""
    folder = Path(tempfile.mkdtemp(prefix="certmill-test-"))
    open_port, guarded, controller = free_port(), free_port(), free_port()
    listeners = f"PLAINTEXT://127.0.0.1:{open_port},GUARDED://127.0.0.1:{guarded}"
    settings = {
        "listeners": f"{listeners},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": listeners,
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,GUARDED:SASL_PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.guarded.plain.sasl.jaas.config": 'org.apache.kafka.common.security.plain.PlainLoginModule required user_worker="right";',
    }
    with Kafka(folder, open_port, settings=settings) as kafka:
        kafka.guarded = f"127.0.0.1:{guarded}"
        yield kafka
    shutil.rmtree(folder)


def test_a_password_that_kafka_refuses_stops_the_start(guarded_kafka, make_cluster):
    """Waiting for the broker, as for one that is away, would go on for ever."""
    cluster = make_cluster(broker=guarded_kafka, workers=0)
    password = cluster.folder / "kafka-password"
    login = {
        "brokers": guarded_kafka.guarded,
        "security.protocol": "sasl_plaintext",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "worker",
        "sasl.password.file": password,
    }
    text, line = ini_with(cluster.config.read_text(), {"kafka": login})
    config = cluster.folder / "guarded.ini"
    config.write_text(text)
    password.write_text("right")
    assert cluster.run(["certmill-worker", "check-config", "--config", config], {}).returncode == 0
    password.write_text("wrong")
    for command in COMMANDS:
        said = refusal(cluster, command, config, {})
        assert f"{config}:{line}: kafka.sasl.password.file: " in said and "uthentication" in said, f"{command}: {said}"
