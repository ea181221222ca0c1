"""Plans a scenario against what the worker has, and runs it step by step."""

import traceback
from dataclasses import dataclass

from scenario import Mismatch, Missing, checks
from scenario.fields import words
from scenario.language import REFERENCE, check
from scenario.operations import OPERATIONS
from scenario.world import Outcome, World

SCENARIO_KEYS = {"id", "source", "kind", "note", "mount", "role_defaults", "steps"}
STEP_KEYS = {"op", "args", "save", "expect", "expect_detail", "note", "text"}
MOUNT_KEYS = {"periodic_tick"}
DEFAULT_MOUNT = "pki"
# refusals that say nothing of what was asked: no scenario means them
FAULTS = words(
    """internal malformed unsupported_version unknown_op wrong_topic unknown_field duplicate_field request_id_conflict
    view_lost view_folding fenced slot_taken store queue timeout system"""
)


@dataclass
class Result:
    id: str
    state: str  # passed, failed or skipped
    why: str = ""


# --- before anything is asked ---------------------------------------------------------------------------------------


class Plan:
    """What a scenario needs that the worker lacks, and what in it is not understood."""

    def __init__(self, scenario, manual):
        self.manual = manual
        self.missing = {}  # operation or subsystem: the names of what it lacks; empty: all of it
        self.strange = []
        self.made = {}  # mount: the steps that give it a CA; one that stands there again changes nothing
        for key in set(scenario) - SCENARIO_KEYS:
            self.strange.append(f"the scenario's {key}")
        for key in set(scenario.get("mount", {})) - MOUNT_KEYS - set(manual.params("mount/write")):
            self.strange.append(f"the mount's {key}")
        for step in scenario["steps"]:
            self.step(step)

    def miss(self, what, name=None):
        names = self.missing.setdefault(what, [])
        if name is not None and name not in names:
            names.append(name)

    def missing_text(self):
        return ", ".join(f"{what} ({', '.join(names)})" if names else what for what, names in self.missing.items())

    def step(self, step, times=1):
        op, args, detail = step["op"], step.get("args") or {}, step.get("expect_detail") or {}
        self.strange += [f"a step's {key}" for key in set(step) - STEP_KEYS]
        if op == "note":
            return
        if op == "repeat":
            self.strange += [f"repeat's argument {name}" for name in set(args) - {"times", "do"}]
            self.strange += [f"repeat's expectation {name}" for name in detail]
            for inner in steps_of(args["do"]):
                self.step(inner, times * args["times"])
            return
        row = OPERATIONS.get(op)
        if row is None or (row.op and row.op not in self.manual.operations):
            self.miss(op)
            return
        for name, value in args.items():
            self.argument(op, row, name, value)
        for name in detail:
            self.expectation(op, row, name)
        if row.makes_ca and step.get("expect", "ok") == "ok" and "replace" not in args:
            self.count_ca(args.get("mount", DEFAULT_MOUNT), step if row.op == "ca/set" else object(), times)

    def argument(self, op, row, name, value):
        known = {"mount", *row.own, *self.manual.params(row.op)}
        if name in ("issuer", "issuer_ref") and name not in known:
            # the mount's only CA is its default
            if value != "default" and not REFERENCE.match(str(value)):
                self.miss(op, f"{name}={value}")
        elif name == "exported" and value in ("existing", "kms") and "key_ref" not in known:
            self.miss(op, f"exported={value}")
        elif op == "store_raw" and name == "key" and not value.startswith("role/"):
            self.miss(op, f"{value.partition('/')[0]}/")
        elif name not in known:
            self.lacks(op, name, row.today)

    def expectation(self, op, row, name):
        if name in checks.COMMON or name in row.checks or name in self.manual.answer(row.op):
            return
        self.lacks(op, name, row.results)

    def lacks(self, op, name, today):
        if name in today:
            self.miss(op, name)
        else:
            self.strange.append(f"{op}'s {name}")

    def count_ca(self, mount, maker, times):
        made = self.made.setdefault(mount, [])
        if maker not in made:
            made.append(maker)
        if len(made) * times > 1 and not any(op.startswith("issuer/") for op in self.manual.operations):
            self.miss("several issuers in one mount")


def steps_of(value):
    return value if isinstance(value, list) else [value]


# --- running --------------------------------------------------------------------------------------------------------


class Run:
    def __init__(self, scenario, world):
        self.scenario = scenario
        self.world = world
        self.with_ca = set()

    def all(self):
        for number, step in enumerate(self.scenario["steps"], 1):
            try:
                self.step(step)
            except Mismatch as why:
                raise Mismatch(f"step {number}, {step['op']}: {why}") from None

    def step(self, step):
        if step["op"] == "note":
            return Outcome()
        if step["op"] == "repeat":
            return self.saved(step, self.repeat(step))
        row, args = OPERATIONS[step["op"]], self.world.values.resolve(dict(step.get("args") or {}))
        mount = args.pop("mount", DEFAULT_MOUNT)
        self.prepare(step, row, mount, args)
        outcome = self.saved(step, row.run(self.world, mount, args))
        self.judge(step, outcome)
        self.compare(row, self.world.values.resolve(step.get("expect_detail") or {}), outcome)
        return outcome

    def saved(self, step, outcome):
        """Before anything is compared: an expectation may refer to the step's own result."""
        if "save" in step:
            self.world.values.saved[step["save"]] = outcome.data
        return outcome

    def repeat(self, step):
        done = []
        for _ in range(step["args"]["times"]):
            done += [self.step(inner).data for inner in steps_of(step["args"]["do"])]
        return Outcome(done)

    def compare(self, row, detail, outcome):
        for name, expected in detail.items():
            compare = checks.COMMON.get(name) or row.checks.get(name)
            if compare is not None:
                compare(self.world, outcome, expected)
            else:
                check(name, expected, outcome.data.get(name))
        self.world.warned.update(outcome.codes)

    def prepare(self, step, row, mount, args):
        """What upstream's tests have beneath what a scenario tells of them."""
        wanted = step.get("expect", "ok") == "ok"
        for name in ("issuer", "issuer_ref"):
            if name in args and name not in self.world.manual.params(row.op):
                self.only_issuer(mount, args.pop(name))
        if row.makes_ca:
            self.with_ca.add(mount)
        elif row.signs and wanted and mount not in self.with_ca:
            self.with_ca.add(mount)
            self.world.give_ca(mount)
        if step["op"] == "read_cert" and wanted and (step.get("expect_detail") or {}).get("found", True):
            serial = step["args"].get("serial_number") or step["args"].get("serial")
            if serial not in ("ca", "crl") and not REFERENCE.match(serial):
                self.world.store_certificate(mount, serial)

    def only_issuer(self, mount, reference):
        if reference not in ("default", self.world.issuer_id(mount)):
            raise Mismatch(f"{reference} is not the issuer of the mount")

    def judge(self, step, outcome):
        expect, detail = step.get("expect", "ok"), step.get("expect_detail") or {}
        if expect not in ("ok", "error"):
            raise Mismatch(f"what it is to expect, {expect!r}, is not understood")
        if expect == "error" and outcome.ok:
            raise Mismatch("it should be refused, and was done")
        if expect == "error" and outcome.error["code"] in FAULTS:
            raise Mismatch(f"it should be refused for what it asks, and was for {outcome.error}")
        if expect == "ok" and not outcome.ok and not ("found" in detail and outcome.error["code"] == "unknown_serial"):
            raise Mismatch(f"it was refused: {outcome.error['code']}: {outcome.error['message']}")


def run_scenario(scenario, cluster, manual, number):
    """cluster is a function that starts the engines, or gives those that run."""
    try:
        plan = Plan(scenario, manual)
    except (KeyError, TypeError, AttributeError) as why:
        return Result(scenario["id"], "failed", f"not understood: {why!r}")
    if plan.missing:
        return Result(scenario["id"], "skipped", plan.missing_text())
    if plan.strange:
        return Result(scenario["id"], "failed", f"not understood: {', '.join(plan.strange)}")
    world = World(cluster(), manual, scenario, number)
    try:
        Run(scenario, world).all()
    except Missing as what:
        return Result(scenario["id"], "skipped", str(what))
    except Mismatch as why:
        return Result(scenario["id"], "failed", str(why))
    except Exception:  # an answer that is not as the manual says: a failure of this scenario, not of the others
        if not world.cluster.worker.alive():
            raise
        return Result(scenario["id"], "failed", traceback.format_exc().strip())
    return Result(scenario["id"], "passed")
