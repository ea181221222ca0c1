"""Prometheus' API."""

import json
import urllib.parse
import urllib.request


def ask(address, path, **query):
    """What /api/v1/PATH of a server answers, which must be without a warning."""
    url = f"http://{address}/api/v1/{path}?{urllib.parse.urlencode(query)}"
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            body = json.load(answer)
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{query}: {error.read().decode()}") from error
    assert body["status"] == "success" and not body.get("warnings"), body
    return body["data"]
