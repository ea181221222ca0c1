"""What a build of certmill-worker takes, read from the manual of messages that it prints."""

import re
import subprocess

OPERATION = re.compile(r"^## (\S+)$")
PARAMETERS = re.compile(r"^Parameters: \[(\S+)\]")
SCHEMA = re.compile(r"^### (\S+)$")
FIELD = re.compile(r"^\| `(\w+)` \|")


class Features:
    """The operations of a build, and the names of each one's parameters."""

    def __init__(self, manual):
        schema_of, fields, operation, schema = {}, {}, None, None
        for line in manual.splitlines():
            if match := OPERATION.match(line):
                operation, schema = match[1], None
                schema_of[operation] = None
            elif match := PARAMETERS.match(line):
                schema_of[operation] = match[1]
            elif match := SCHEMA.match(line):
                schema = match[1]
                fields.setdefault(schema, set())
            elif schema and (match := FIELD.match(line)):
                fields[schema].add(match[1])
        self.parameters = {op: fields.get(name, set()) for op, name in schema_of.items()}

    @classmethod
    def of(cls, worker):
        manual = subprocess.run([worker, "messages"], capture_output=True, text=True, check=True).stdout
        features = cls(manual)
        if not {"common_name", "ttl"} <= features.parameters.get("issue", set()):
            raise RuntimeError(f"the manual that {worker} prints is not understood")
        return features

    def missing(self, op, params):
        """What of a request is not there yet, as texts."""
        if op not in self.parameters:
            return [op]
        return [f"{op} {name}" for name in params if name not in self.parameters[op]]
