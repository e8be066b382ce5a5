"""A local Pixxel API for experiments, demonstrations and tests.

    async with Sandbox(speed=60) as sandbox, sandbox.client() as client:
        ...

It needs the extra `sandbox`. docs/sandbox.md lists which behaviour is the vendor's and which is ours.
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
