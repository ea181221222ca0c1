"""What the worker says of itself: its operations and their fields, from `certmill-worker messages`."""

import re
from dataclasses import dataclass, field

OPERATION = re.compile(r"^\| \[`([^`]+)`\]\([^)]*\) \| `\.(\w+)` \|")
SCHEMAS = re.compile(r"^Parameters: (.*?)\. Answer: (.*)")
LINK = re.compile(r"\[([^\]]+)\]\(#")
FIELD = re.compile(r"^\| `([^`]+)` \|")


@dataclass
class Operation:
    topic: str
    params: list = field(default_factory=list)  # names of schemas
    answer: list = field(default_factory=list)
    takes_seal_to: bool = False


@dataclass
class Manual:
    operations: dict = field(default_factory=dict)
    schemas: dict = field(default_factory=dict)  # name: {field: need}

    def fields(self, names):
        return {field: need for name in names for field, need in self.schemas.get(name, {}).items()}

    def params(self, op):
        """{field: need} of an operation's parameters; empty where there is no such operation."""
        return self.fields(self.operations[op].params) if op in self.operations else {}

    def answer(self, op):
        """The same of its answer, which has no field under an alias."""
        fields = self.fields(self.operations[op].answer) if op in self.operations else {}
        return {name: need for name, need in fields.items() if need != "alias"}

    def requires(self, op, name):
        return self.params(op).get(name) == "required"


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def read_manual(text):
    manual = Manual()
    heading, need = "", None
    for line in text.splitlines():
        if line.startswith("#"):
            heading = line.lstrip("#").strip()
        elif found := OPERATION.match(line):
            manual.operations[found[1]] = Operation(found[2])
        elif heading in manual.operations and (found := SCHEMAS.match(line)):
            operation = manual.operations[heading]
            operation.params, operation.answer = LINK.findall(found[1]), LINK.findall(found[2])
        elif heading in manual.operations and "Takes `seal_to`" in line:
            manual.operations[heading].takes_seal_to = True
        elif line.startswith("| field |"):
            need = cells(line).index("need")
        elif found := FIELD.match(line):
            if need is not None and need < len(cells(line)):
                manual.schemas.setdefault(heading, {})[found[1]] = cells(line)[need]
    if "common_name" not in manual.params("issue") or "certificate" not in manual.answer("issue"):
        raise ValueError("what `certmill-worker messages` prints is not understood: `issue` has no common_name")
    return manual
