"""The values of a scenario: references to saved steps, sums, durations, and what counts as equal."""

import re

from scenario import Mismatch

REFERENCE = re.compile(r"\$([A-Za-z_]\w*)((?:\.[A-Za-z_]\w*|\[\d+\])*)")
PATH = re.compile(r"\.(\w+)|\[(\d+)\]")
SPAN = re.compile(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h|d)")
SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400}
SIGN = re.compile(r"\s+([+-])\s+")


def span(value):
    """Seconds of "72h", "1h30m", 3600 or "3600"; None where it is no duration."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return value
    text = str(value).strip()
    if re.fullmatch(r"\d+", text):
        return int(text)
    if not re.fullmatch(f"(?:{SPAN.pattern})+", text):
        return None
    seconds = sum(float(number) * SECONDS[unit] for number, unit in SPAN.findall(text))
    return int(seconds) if seconds == int(seconds) else seconds


class Values:
    """What the steps of one scenario have saved."""

    def __init__(self, materials):
        self.saved = {}
        self.settings = {}  # of the last configuration: names that a time is given by
        self.materials = materials  # makes what stands in <>

    def follow(self, reference):
        name, path = REFERENCE.fullmatch(reference).groups()
        if name not in self.saved:
            raise Mismatch(f"{reference}: no step before has saved ${name}")
        value = self.saved[name]
        for key, index in PATH.findall(path):
            try:
                value = value[int(index)] if index else value[key]
            except (KeyError, IndexError, TypeError):
                raise Mismatch(f"{reference}: ${name} has no such value") from None
        return value

    def term(self, text):
        if REFERENCE.fullmatch(text):
            return self.follow(text)
        if re.fullmatch("<[^<>]+>", text):
            return self.materials.make(text[1:-1])
        if text in self.settings:
            return span(self.settings[text])
        return span(text)

    def sum_of(self, text):
        """The value of "$a.certificate + $b.certificate" or "$a.not_after + 3s"; None where it is no sum."""
        words = SIGN.split(text)
        terms = [self.term(word) for word in words[::2]]
        if any(term is None for term in terms):
            return None
        total = terms[0]
        for sign, term in zip(words[1::2], terms[1:]):
            if isinstance(total, str) and isinstance(term, str) and sign == "+":
                total = f"{total.rstrip()}\n{term}"
            elif isinstance(total, (int, float)) and isinstance(term, (int, float)):
                total += term if sign == "+" else -term
            else:
                raise Mismatch(f"{text}: no sum of these can be made")
        return total

    def resolve(self, value):
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if isinstance(value, dict):
            return {self.resolve(key): self.resolve(item) for key, item in value.items()}
        if not isinstance(value, str):
            return value
        if REFERENCE.fullmatch(value):
            return self.follow(value)
        if not REFERENCE.search(value) and not re.search(r"<[^<>]+>", value):
            return value
        total = self.sum_of(value)
        if total is not None:
            return total
        if not REFERENCE.search(value):
            return value
        return REFERENCE.sub(lambda found: str(self.follow(found[0])), value)


# --- what counts as equal -------------------------------------------------------------------------------------------

WORDS = {
    "present": lambda actual: actual not in (None, "", [], {}),
    "nonempty": lambda actual: actual not in (None, "", [], {}),
    "nonzero": lambda actual: actual not in (None, "", 0),
    "absent": lambda actual: actual in (None, "", [], {}),
    "none": lambda actual: actual in (None, "", [], {}),
    "empty": lambda actual: actual in (None, "", [], {}),
}


def as_list(value):
    if value is None or value == "":
        return []
    if isinstance(value, str):
        return [item.strip() for item in value.split(",")]
    return list(value) if isinstance(value, (list, tuple)) else [value]


def equal(expected, actual):
    """Durations by their length, lists as sets, absent as null; words such as "present" by their meaning."""
    if expected is None:
        return actual in (None, "", [], {})
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(equal(item, actual.get(key)) for key, item in expected.items())
    if isinstance(expected, list) or isinstance(actual, (list, tuple)):
        if isinstance(expected, str) and expected in WORDS:
            return WORDS[expected](actual)
        return sorted(map(str, as_list(expected))) == sorted(map(str, as_list(actual)))
    if expected == actual:
        return True
    if isinstance(expected, str) and expected in WORDS:
        return WORDS[expected](actual)
    seconds = span(expected), span(actual)
    return None not in seconds and seconds[0] == seconds[1]


def check(name, expected, actual):
    if not equal(expected, actual):
        raise Mismatch(f"{name} should be {shown(expected)}, and is {shown(actual)}")


def shown(value):
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:120]}...{text[-40:]}"
