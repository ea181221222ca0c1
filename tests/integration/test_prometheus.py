"""What Prometheus and Grafana are given: alert rules and a dashboard, on Debian's Prometheus that scrapes real workers."""

import json
import re
import subprocess
import time
import urllib.request

import pytest
from test_metrics import MANUAL, ROLE, issue, make_ca, value, wait_ready, wait_until, watched

from engines import ROOT, Server
from prometheus import ask

COMPOSE = ROOT / "compose"
DASHBOARD = json.loads((COMPOSE / "grafana" / "dashboards" / "certmill.json").read_text())
ALERTS = COMPOSE / "prometheus" / "alerts.yml"


class Prometheus(Server):
    """Scrapes one address every second, with the shipped rules."""

    def __init__(self, folder, target):
        super().__init__(folder)
        self.target = target

    def argv(self):
        config = self.folder / "prometheus.yml"
        config.write_text(
            "global: { scrape_interval: 1s, evaluation_interval: 1s }\n"
            f"rule_files: [{json.dumps(str(ALERTS))}]\n"
            f"scrape_configs: [{{ job_name: certmill, static_configs: [{{ targets: [{json.dumps(self.target)}] }}] }}]\n"
        )
        return [
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address={self.address}",
        ]

    def answers(self):
        with urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=5) as answer:
            return answer.status == 200

    def get(self, path, **query):
        return ask(self.address, path, **query)

    def query(self, expression):
        return self.get("query", query=expression)["result"]


def promtool(*words, folder=COMPOSE / "prometheus"):
    return subprocess.run(["promtool", *words], cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def expressions():
    """(panel, query) of the dashboard."""
    return [(panel["title"], target["expr"]) for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]


def test_rules_and_configuration_are_sound():
    for words in (("check", "rules", "alerts.yml"), ("check", "config", "prometheus.yml"), ("test", "rules", "alerts.test.yml")):
        done = promtool(*words)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_shown_to_come_and_has_a_reason():
    rules = ALERTS.read_text()
    names = re.findall(r"- alert: (\w+)", rules)
    shown = (COMPOSE / "prometheus" / "alerts.test.yml").read_text()
    assert len(names) == len(set(names)) == 20
    for name in names:
        assert f'alertname="{name}"' in shown, name
    blocks = rules.split("- alert: ")[1:]
    assert all("severity: " in block and "summary: " in block and "description: " in block for block in blocks)
    bare = [name for name in names if not re.search(rf"- alert: {name}\n +# \w.{{20,}}\n", rules)]
    assert not bare, f"no comment that gives the reason: {bare}"


def test_the_tests_of_the_rules_can_fail(tmp_path):
    """A threshold that is moved is found."""
    (tmp_path / "alerts.yml").write_text(ALERTS.read_text().replace("< 30 * 86400", "< 86400 / 2"))
    (tmp_path / "alerts.test.yml").write_text((COMPOSE / "prometheus" / "alerts.test.yml").read_text())
    assert promtool("test", "rules", "alerts.test.yml", folder=tmp_path).returncode == 1


def test_only_metrics_that_there_are_are_asked_for():
    manual = set(re.findall(r"^\| `(\S+?)(?:_total|_info)?` \|", MANUAL.read_text(), re.MULTILINE))
    asked = set(re.findall(r"\bcertmill_\w+", ALERTS.read_text() + json.dumps(DASHBOARD)))
    bare = {re.sub(r"_(total|info|bucket|sum|count)$", "", name) for name in asked}
    assert bare <= manual, bare - manual
    assert manual - {re.sub(r"_(total|info|bucket|sum|count)$", "", n) for n in re.findall(r"\bcertmill_\w+", json.dumps(DASHBOARD))} == set()


def test_panels_have_queries_and_places_of_their_own():
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert place["x"] + place["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells
        assert panel["type"] == "row" or panel["targets"]


def work(cluster):
    """Load of every kind, and something of everything that goes wrong."""
    client, port = cluster.client, cluster.port
    make_ca(client)
    client.ask("role/write", {**ROLE, "key_type": "rsa", "key_bits": 2048}, role="rsa").data
    answers = issue(client, 50)
    client.ask("revoke", {"serial_number": answers[0].data["serial"]}).data
    client.ask("issue", {"common_name": "r.example.com"}, role="rsa", timeout=90).data
    client.ask("issue", {"common_name": "evil.org"}, role="web")
    client.produce("issue", b"\xc1", b"k")
    again = client.request("issue", {"common_name": "again.example.com"}, role="web")
    client.send(again)
    client.wait_for(again["id"])
    client.send(again)
    client.wait_for(again["id"], count=2)
    cluster.redis.command("CONFIG", "SET", "maxmemory", "512mb")
    cluster.redis.stop()
    client.send(client.request("issue", {"common_name": "waits.example.com"}, role="web"))
    wait_until(lambda: value(port, "lane_failures_total", lane="mint-0", error="store"))
    cluster.redis.start()
    cluster.redis.command("CONFIG", "SET", "maxmemory", "512mb")
    wait_ready(port, 90)


def go_on(client):
    """A little more of what is shown as a rate."""
    issue(client, 5)
    client.ask("issue", {"common_name": "evil.org"}, role="web")


@pytest.mark.timeout(400)
def test_every_query_of_the_dashboard_has_data(make_cluster, tmp_path):
    cluster = watched(make_cluster)
    wait_ready(cluster.port)
    with Prometheus(tmp_path, f"127.0.0.1:{cluster.port}") as prometheus:
        wait_until(lambda: prometheus.query('up{job="certmill"} == 1'))
        work(cluster)
        missing = expressions()
        deadline = time.monotonic() + 180
        while missing and time.monotonic() < deadline:
            go_on(cluster.client)
            missing = [(title, q) for title, q in missing if not prometheus.query(q.replace("$__rate_interval", "2m"))]
        assert not missing, missing
        rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
        assert len(rules) == 20
        wait_until(lambda: all(r["health"] == "ok" for g in prometheus.get("rules")["groups"] for r in g["rules"]))
        for rule in rules:
            prometheus.query(rule["query"])
        [target] = prometheus.get("targets")["activeTargets"]
        assert target["health"] == "up" and not target["lastError"]
