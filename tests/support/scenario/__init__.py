"""Scenarios: PKI operations as today's servers know them, a line of JSON each, run on the real engines.

A scenario is {id, source, kind, note, mount, role_defaults, steps}, a step {op, args, save, expect, expect_detail}.
It is skipped when the worker has no means for an operation, an argument or an expectation in it, with the name of what
is missing. An argument or an expectation that is nobody's makes it fail.
"""


class Missing(Exception):
    """The worker has no such operation, parameter or subsystem."""


class Mismatch(Exception):
    """Something is not as the scenario says, or says what nobody understands."""
