"""The engines and certmill itself, for the integration tests."""

import shutil
import tempfile
from pathlib import Path

import pytest

import contract
from client import read_topics
from cluster import Cluster
from engines import Kafka, Redis


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A failing test shows what its workers wrote."""
    report = yield
    if report.failed:
        made = [c for value in item.funcargs.values() for c in (value, *getattr(value, "clusters", ())) if isinstance(c, Cluster)]
        for cluster in {id(c): c for c in made}.values():
            report.sections.append(("workers", cluster.logs()))
    return report


def private_folder():
    return Path(tempfile.mkdtemp(prefix="certmill-test-"))


@pytest.fixture(scope="session")
def kafka():
    """The broker that all tests share; one that breaks brokers takes own_kafka."""
    folder = private_folder()
    with Kafka(folder) as broker:
        yield broker
    shutil.rmtree(folder)


@pytest.fixture
def own_kafka():
    folder = private_folder()
    with Kafka(folder) as broker:
        yield broker
    shutil.rmtree(folder)


def check_contract(cluster):
    """Whatever a test did, the command line included: what stands on the topics is as it was published."""
    topics = read_topics(cluster.kafka.address, [f"{cluster.prefix}.{kind}" for kind in contract.KINDS])
    found = list(contract.violations({topic.rpartition(".")[2]: records for topic, records in topics.items()}))
    assert not found, f"{len(found)} messages break the contract:\n" + "\n".join(found[:20])


def run_cluster(broker, settings=None, workers=1, redis=Redis):
    folder = private_folder()
    cluster = Cluster(broker, folder, settings, redis)
    try:
        cluster.start(workers)
        yield cluster
        cluster.finish()
        if broker.alive():
            check_contract(cluster)
    finally:
        cluster.abandon()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def cluster(kafka):
    """Topics, Redis and one worker for a module's tests, which must not break them."""
    yield from run_cluster(kafka)


@pytest.fixture
def fresh_cluster(kafka):
    """The same for one test alone, which may break all but the broker."""
    yield from run_cluster(kafka)


@pytest.fixture
def make_cluster(request):
    """make_cluster(settings=..., workers=N, broker=..., redis=...): as many as a test wants."""
    running = []

    def make(settings=None, workers=1, broker=None, redis=Redis):
        generator = run_cluster(broker or request.getfixturevalue("kafka"), settings, workers, redis)
        running.append(generator)
        make.clusters.append(next(generator))
        return make.clusters[-1]

    make.clusters = []
    yield make
    for generator in reversed(running):
        next(generator, None)


@pytest.fixture
def client(cluster):
    return cluster.client
