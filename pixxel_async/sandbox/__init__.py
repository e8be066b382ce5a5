"""A Pixxel API on this machine, for trying out, for demonstrations and for tests.

    async with Sandbox(speed=60) as sandbox, sandbox.client() as client:
        ...

It needs the extra `sandbox`. What of it is the vendor's and what is ours is told in docs/sandbox.md.
"""

from pixxel_async.sandbox._account.ledger import Entry, Ledger
from pixxel_async.sandbox._base.clock import SandboxClock
from pixxel_async.sandbox._base.course import Outcome
from pixxel_async.sandbox._base.faults import Fault, FaultKind, Faults
from pixxel_async.sandbox._server.app import RequestRecord, Sandbox

__all__ = [
    "Entry",
    "Fault",
    "FaultKind",
    "Faults",
    "Ledger",
    "Outcome",
    "RequestRecord",
    "Sandbox",
    "SandboxClock",
]
