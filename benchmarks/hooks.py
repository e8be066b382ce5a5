"""Creates while user code around them fails: `python -m benchmarks.hooks [--creates N] [--seed N]`.

The code is called at every place where aiohttp runs user code (benchmarks/places.py), in sessions of the user and of the
SDK. It raises, takes too long or cancels its call, at random. The server refuses some creates, and after others closes
the connection or sends 503. For each executed create, the caller must have the result, the ids in the error, or an entry
in `client.unresolved`. The exit code is 1 if a create was sent twice or lost.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import sys
import time
from collections import Counter
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import aiohttp
import attrs
from aiohttp.client_reqrep import ConnectionKey

from benchmarks.claims import Claims
from benchmarks.places import PLACES, Place, patched
from pixxel_async import Intent, OutcomeUnknown, PixxelClient, PixxelError, RetryPolicy
from pixxel_async.models import OrderItemCreate

AT_A_TIME = 6
LIMIT = 0.1
"""Time limit of an attempt in seconds; slow code takes three times as long."""
DEADLINE = 0.5
PATIENCE = 60.0
"""Seconds after which the creates at one place count as hanging."""
FIELD = {"type": "Polygon", "coordinates": [[[77.5, 12.9], [77.55, 12.9], [77.55, 12.95], [77.5, 12.9]]]}
FAST = RetryPolicy(base=0.01, cap=0.02)


class Stop(BaseException):
    """A user exception that is not an Exception."""


def refused() -> aiohttp.ClientConnectorError:
    return aiohttp.ClientConnectorError(
        ConnectionKey("api.example", 443, True, True, None, None, None), OSError(111, "refused")
    )


ERRORS: list[Any] = [
    lambda: KeyError("quota"),
    lambda: ValueError("quota"),
    refused,
    aiohttp.ServerDisconnectedError,
    lambda: aiohttp.ClientOSError(104, "reset"),
    TimeoutError,
    asyncio.CancelledError,
    Stop,
]
CALL: ContextVar[asyncio.Task[Any]] = ContextVar("CALL")
"""The task of the create, also when user code runs in other tasks."""


@attrs.define
class AtRandom:
    """User code with a random action at each call."""

    rng: random.Random
    times: int = 0

    def runs(self) -> None:
        """Raise, cancel the call, or do nothing."""
        self.times += 1
        if self.rng.random() < 0.5:
            raise self.rng.choice(ERRORS)()
        if self.rng.random() < 0.3:
            CALL.get().cancel()

    async def waits(self) -> None:
        """Raise, cancel the call, do nothing, or take too long."""
        self.runs()
        if self.rng.random() < 0.3:
            await asyncio.sleep(3 * LIMIT)


@attrs.define
class Server:
    """Executes orders, and counts the executions of each; not all of its responses arrive."""

    rng: random.Random
    is_broken: bool = False
    """Whether no response arrives."""
    executed: Counter[str] = attrs.field(factory=Counter)
    writers: set[asyncio.StreamWriter] = attrs.field(factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        self.writers.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                order = json.loads(await reader.readexactly(int(size or 0)))
                if not self.answer(order["order_items"][0]["name"], writer):
                    break
        self.writers.discard(writer)
        writer.close()

    def answer(self, name: str, writer: asyncio.StreamWriter) -> bool:
        """Respond; return whether the connection stays open."""
        chance = self.rng.random()
        if chance < 0.1:
            writer.write(b"HTTP/1.1 429 Slow Down\r\nContent-Length: 0\r\n\r\n")
            return True
        self.executed[name] += 1
        if chance < 0.2 or self.is_broken:
            return False
        if chance < 0.3:
            writer.write(b"HTTP/1.1 503 Overloaded\r\nContent-Length: 0\r\n\r\n")
            return True
        body = json.dumps({"id": name}).encode()
        head = f"HTTP/1.1 201 Created\r\nSet-Cookie: a=b\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        return True


@attrs.define
class Books:
    """The results of the callers."""

    returned: set[str] = attrs.field(factory=set)
    in_errors: set[str] = attrs.field(factory=set)
    unresolved: set[str] = attrs.field(factory=set)
    ends: Counter[str] = attrs.field(factory=Counter)
    strange: list[str] = attrs.field(factory=list)
    """Exceptions that come neither from the SDK nor from user code."""
    silent: list[str] = attrs.field(factory=list)
    """Places where the code never ran."""
    hanging: int = 0


async def one(client: PixxelClient, name: str, intents: dict[str, str], books: Books) -> None:
    """Make one create, and record its outcome for the caller."""
    CALL.set(asyncio.current_task())  # type: ignore[arg-type]

    async def note(intent: Intent) -> None:
        intents[intent.id] = name

    item = OrderItemCreate(project_id="p", name=name, usecase="agriculture", geometry=FIELD, item_ids=["i"])
    end = "returned"
    try:
        order = await client.with_options(before_create=note).orders.create(order_items=[item])
        books.returned.add(str(order.id))
    except PixxelError as error:
        end = type(error).__name__
        if isinstance(error, OutcomeUnknown):
            books.in_errors.update(error.ids)
    except (Stop, asyncio.CancelledError) as stopped:
        end = type(stopped).__name__
    except BaseException as error:
        end = repr(error)
        books.strange.append(end)
    books.ends[end] += 1


async def at_place(
    name: str, place: Place, numbers: range, url: str, rng: random.Random, books: Books, *, injected: bool
) -> None:
    """Make creates at one place, a few at a time."""
    code, intents = AtRandom(rng), dict[str, str]()
    waiting = iter(numbers)
    with patched(place, code, into_own=not injected):
        session = aiohttp.ClientSession(**place.options(code)) if injected else None
        client = PixxelClient(
            "token", base_url=url, session=session, timeout=DEADLINE, attempt_timeout=LIMIT, retry=FAST
        )

        async def worker() -> None:
            for number in waiting:
                # A task of its own: code that cancels the call must not end the worker.
                await asyncio.wait([asyncio.create_task(one(client, f"order-{number}", intents, books))])

        workers = [asyncio.create_task(worker()) for _ in range(AT_A_TIME)]
        _, hanging = await asyncio.wait(workers, timeout=PATIENCE)
        books.hanging += len(hanging)
        for each in hanging:
            each.cancel()
        await client.aclose()
        if session is not None:
            await session.close()
    books.unresolved.update(intents[each.intent.id] for each in client.unresolved)
    if not code.times:
        books.silent.append(f"{name}, {'injected' if injected else 'own'}")


async def run(creates: int, seed: int) -> int:
    """Run all creates, and print the results."""
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # tasks left by the user code
    rng, books = random.Random(seed), Books()
    server = Server(random.Random(seed + 1))
    cells = [(name, injected) for name in PLACES for injected in (True, False)]
    cells = [(name, injected) for name, injected in cells if injected or not PLACES[name].only_injected]
    began = time.monotonic()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    # A host name, because there are hooks around its resolution.
    url = f"http://localhost:{listening.sockets[0].getsockname()[1]}"
    for at, (name, injected) in enumerate(cells):
        numbers = range(creates * at // len(cells), creates * (at + 1) // len(cells))
        server.is_broken = PLACES[name].needs == "failure"
        await at_place(name, PLACES[name], numbers, url, rng, books, injected=injected)
    await asyncio.sleep(0.5)  # requests in transit arrive
    for writer in [*server.writers]:
        writer.close()
    listening.close()
    return report(server.executed, books, len(cells), time.monotonic() - began)


def report(executed: Counter[str], books: Books, cells: int, seconds: float) -> int:
    """Print the results: the executed creates against the results of the callers."""
    for end, count in books.ends.most_common():
        print(f"{end:<28}{count:>6}")
    known = books.returned | books.in_errors | books.unresolved
    lost = executed.keys() - known
    print(f"{'creates':<28}{books.ends.total():>6}  at {cells} places, in {seconds:.0f} s")
    print(f"{'executed':<28}{len(executed):>6}")
    print(f"{'unresolved':<28}{len(books.unresolved):>6}")
    for what in [*sorted(lost)[:5], *books.strange[:5], *books.silent[:5]]:
        print(f"  {what}")
    claims = Claims()
    claims.none("creates sent twice", sum(count > 1 for count in executed.values()))
    claims.none("executed creates that are lost", len(lost))
    claims.none("exceptions from outside the SDK", len(books.strange))
    claims.none("calls that hang", books.hanging)
    claims.none("places where the code did not run", len(books.silent))
    return claims.exit_code


def main() -> int:
    """Run it and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hooks", description=__doc__)
    parser.add_argument("--creates", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    sdk = logging.getLogger("pixxel_async")  # its log is active, but not shown
    sdk.addHandler(logging.NullHandler())
    sdk.propagate = False
    return asyncio.run(run(options.creates, options.seed))


if __name__ == "__main__":
    sys.exit(main())
