"""Does every call end by its deadline? `python -m benchmarks.deadlines [--deadline SECONDS] [--at-a-time N]`.

Every kind of fault against every class of request. Examples: no response, a slow response, a server that does not read
the request, a Retry-After of an hour. Each call has its own client, whose `timeout` is the deadline. It must end with a
result or an SDK error within 100 ms after the deadline. A download has no deadline, so `asyncio.timeout` around it is
the limit. The server is a separate process. Otherwise the exit code is 1.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import logging
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cache
from typing import Any

import attrs

from benchmarks.claims import Claims
from benchmarks.processes import Complaints, Holdings, more, serve, started
from pixxel_async import PixxelClient, PixxelError
from pixxel_async.models import BlockRef

GRACE = 0.1
DRIP = 0.02
LARGE = 6 * 2**20
FIELD = {"type": "Polygon", "coordinates": [[[77.5, 12.9], [77.55, 12.9], [77.55, 12.95], [77.5, 12.9]]]}
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

Writer = asyncio.StreamWriter


async def for_ever(writer: Writer, data: bytes, pause: float = DRIP) -> None:
    """Send the same bytes repeatedly, until the peer disconnects."""
    while True:
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(pause)


async def hang(writer: Writer) -> None:
    await asyncio.Event().wait()


async def drip_head(writer: Writer) -> None:
    writer.write(OK)
    await for_ever(writer, b"X-Some: header\r\n")


async def drip_first_line(writer: Writer) -> None:
    await for_ever(writer, b"H", 0.2)


async def interim(writer: Writer) -> None:
    await for_ever(writer, b"HTTP/1.1 103 Early Hints\r\n\r\n")


async def head_only(writer: Writer) -> None:
    writer.write(OK + b"Content-Length: 100\r\n\r\n")
    await hang(writer)


async def drip_body(writer: Writer) -> None:
    writer.write(OK + b"Content-Length: 1000000\r\n\r\n")
    await for_ever(writer, b" ")


async def drip_chunks(writer: Writer) -> None:
    writer.write(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    await for_ever(writer, b"1\r\n \r\n")


async def bad_chunk(writer: Writer) -> None:
    writer.write(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    await writer.drain()
    await asyncio.sleep(DRIP)
    writer.write(b"no number\r\n\r\n")
    await hang(writer)


async def cut(writer: Writer) -> None:
    writer.write(OK + b"Content-Length: 100\r\n\r\n{")


async def not_http(writer: Writer) -> None:
    writer.write(b"220 mail.example ESMTP\r\n")


async def endless(writer: Writer) -> None:
    writer.write(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    await for_ever(writer, b"100000\r\n" + b" " * 2**20 + b"\r\n", 0)


@cache
def packed_blanks() -> bytes:
    """200 MiB of them."""
    return gzip.compress(b" " * (200 * 2**20), 6)


async def bomb(writer: Writer) -> None:
    packed = packed_blanks()
    head = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    writer.write(OK + head + packed)
    await hang(writer)


async def nothing(writer: Writer) -> None:
    """Close."""


async def reset(writer: Writer) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def html(writer: Writer) -> None:
    page = b"<html>log in</html>"
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(page) + page
    )


def status(number: int, **headers: str) -> Callable[[Writer], Awaitable[None]]:
    """An error, and the end of the connection."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())

    async def fault(writer: Writer) -> None:
        writer.write(f"HTTP/1.1 {number} Reason\r\n{lines}Content-Length: 0\r\n\r\n".encode())

    return fault


FAULTS: dict[str, Callable[[Writer], Awaitable[None]]] = {
    "never answers": hang,
    "head dripped": drip_head,
    "first line dripped": drip_first_line,
    "endless interim answers": interim,
    "head only": head_only,
    "body dripped": drip_body,
    "chunks dripped": drip_chunks,
    "bad chunk": bad_chunk,
    "body cut": cut,
    "not HTTP": not_http,
    "endless body": endless,
    "gzip bomb": bomb,
    "closed": nothing,
    "reset": reset,
    "HTML": html,
    "408": status(408),
    "425": status(425),
    "429": status(429),
    "429, back in 1 s": status(429, Retry_After="1"),
    "429, back in an hour": status(429, Retry_After="3600"),
    "500": status(500),
    "503": status(503),
    "503, back in 1 s": status(503, Retry_After="1"),
    "503, back in an hour": status(503, Retry_After="3600"),
    "redirected in a circle": status(307, Location="?again=1"),
}
HEAVY = {"endless body", "gzip bomb"}
"""Faults that use a whole CPU: one at a time."""
LINES = ["refused", "black hole", "reset at once", "silent TLS", "silent proxy", "never takes the request"]
"""Faults of the connection."""

Call = Callable[[PixxelClient], Awaitable[Any]]


def create(client: PixxelClient) -> Awaitable[Any]:
    return client.aois.create(
        name="a",
        description="",
        satellite_id="s",
        provider="planetary",
        project_id="p",
        geometry=FIELD,
        item_ids=["i"],
    )


def large_create(client: PixxelClient) -> Awaitable[Any]:
    """More than the socket buffers hold."""
    block = BlockRef(name="b", version="1")
    return client.insights.create("a", block=block, input=[], metadata={"note": "x" * LARGE})


async def listing(client: PixxelClient) -> Any:
    return await client.aois.list()


CALLS: dict[str, Call] = {
    "read": lambda client: client.aois.get("a"),
    "listing": listing,
    "search": lambda client: client.search.images(
        start_date="2026-05-01", end_date="2026-06-01", satellites=[], geometry=FIELD
    ),
    "put": lambda client: client.jobs.request_download("w", "j"),
    "delete": lambda client: client.stores.delete("s"),
    "create": create,
    "create of 6 MiB": large_create,
    "package": lambda client: client.downloads.create("a", asset_ids=["x"]),
}


# --- the server -------------------------------------------------------------------------------------------


async def faulty(reader: asyncio.StreamReader, writer: Writer) -> None:
    """The path starts with the fault, so that each client selects its own."""
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        head = await reader.readuntil(b"\r\n\r\n")
        names = [*FAULTS]
        name = names[int(head.split(b"/", 2)[1].split(b"?")[0])]
        reading = asyncio.create_task(drain(reader))
        try:
            await FAULTS[name](writer)
            await writer.drain()
            if writer.can_write_eof() and not writer.is_closing():
                writer.write_eof()
                await asyncio.sleep(0.1)
        finally:
            reading.cancel()
    writer.close()


async def drain(reader: asyncio.StreamReader) -> None:
    """Read all incoming bytes."""
    with suppress(ConnectionError):
        while await reader.read(2**20):
            pass


async def server() -> None:
    """Serve until standard input closes."""
    logging.disable()  # connections that still hang at the end are expected
    packed_blanks()
    http = await asyncio.start_server(faulty, "127.0.0.1", 0, backlog=1024)

    async def silent(reader: asyncio.StreamReader, writer: Writer) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await hang(writer)

    async def shut(reader: asyncio.StreamReader, writer: Writer) -> None:
        await reset(writer)

    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)  # buffers little of the unread data
    narrow.bind(("127.0.0.1", 0))
    mute = await asyncio.start_server(silent, sock=narrow)
    resetting = await asyncio.start_server(shut, "127.0.0.1", 0)
    hole = socket.socket()
    hole.bind(("127.0.0.1", 0))
    hole.listen(0)
    crowd = [socket.socket() for _ in range(4)]
    for each in crowd:  # they are not accepted, so the queue is full for the next one
        each.setblocking(False)
        with suppress(BlockingIOError):
            each.connect(hole.getsockname())
    unused = socket.socket()
    unused.bind(("127.0.0.1", 0))  # bound, but not listening: refuses connections

    async def respond(_: dict[str, Any]) -> Any:
        return None

    ports = {
        "http": http.sockets[0].getsockname()[1],
        "mute": mute.sockets[0].getsockname()[1],
        "reset": resetting.sockets[0].getsockname()[1],
        "hole": hole.getsockname()[1],
        "refused": unused.getsockname()[1],
    }
    await serve(ports, respond)


# --- the client -------------------------------------------------------------------------------------------


def address(fault: str, ports: dict[str, int]) -> dict[str, str]:
    """The options of a client that meets this fault."""
    local = "http://127.0.0.1"
    if fault in FAULTS:
        return {"base_url": f"{local}:{ports['http']}/{[*FAULTS].index(fault)}"}
    return {
        "refused": {"base_url": f"{local}:{ports['refused']}"},
        "black hole": {"base_url": f"{local}:{ports['hole']}"},
        "reset at once": {"base_url": f"{local}:{ports['reset']}"},
        "silent TLS": {"base_url": f"https://127.0.0.1:{ports['mute']}"},
        "silent proxy": {"base_url": "https://nowhere.invalid", "proxy": f"{local}:{ports['mute']}"},
        "never takes the request": {"base_url": f"{local}:{ports['mute']}"},
    }[fault]


@attrs.frozen
class Cell:
    """One fault, one kind of call, and how it ended."""

    fault: str
    kind: str
    late: float
    end: str
    closing: float
    is_ours: bool


async def one(
    fault: str, kind: str, ports: dict[str, int], deadline: float, folder: str, started_at: float
) -> Cell:
    """Make one call with its own client; its time is measured from the call."""
    options = address(fault, ports)
    client = PixxelClient("bench", timeout=deadline, **options)  # type: ignore[arg-type]
    await asyncio.sleep(
        max(0.0, started_at - time.monotonic())
    )  # because making the clients of the others takes time
    began = time.monotonic()
    is_ours, end = True, "answer"
    try:
        if kind == "file":
            with suppress(TimeoutError):
                async with asyncio.timeout(deadline):
                    await client.save(f"{options['base_url']}/f.zip", folder, filename=f"{fault}.zip")
        else:
            async with asyncio.timeout(deadline + 20):
                await CALLS[kind](client)
    except PixxelError as error:
        end = type(error).__name__
    except BaseException as error:
        is_ours, end = False, repr(error)
    ended = time.monotonic()
    await client.aclose()
    return Cell(fault, kind, ended - began - deadline, end, time.monotonic() - ended, is_ours)


def batches(at_a_time: int) -> list[list[tuple[str, str]]]:
    """The combinations to run."""
    cells = [(fault, kind) for kind in [*CALLS, "file"] for fault in [*FAULTS, *LINES]]
    # https and the proxy are for remote addresses; a remote storage host is a separate case.
    cells = [cell for cell in cells if cell[1] != "file" or cell[0] not in ("silent TLS", "silent proxy")]
    heavy = [cell for cell in cells if cell[0] in HEAVY or cell[1] == "create of 6 MiB"]
    light = [cell for cell in cells if cell not in heavy]
    together = [light[start : start + at_a_time] for start in range(0, len(light), at_a_time)]
    return together + [[cell] for cell in heavy]


async def run(deadline: float, at_a_time: int, kinds: list[str]) -> int:
    """Run all; return the exit code."""
    logging.disable()
    complaints = Complaints()
    complaints.listen()
    cells: list[Cell] = []
    with tempfile.TemporaryDirectory() as folder:
        async with started("benchmarks.deadlines", "--serve") as (_, ports):
            before = Holdings.now()
            for batch in batches(at_a_time):
                wanted = [cell for cell in batch if not kinds or cell[1] in kinds]
                at = time.monotonic() + 0.05 * len(wanted)
                cells += await asyncio.gather(*(one(*cell, ports, deadline, folder, at) for cell in wanted))
            after = Holdings.now()
    return report(cells, before, after, complaints, deadline)


def report(
    cells: list[Cell], before: Holdings, after: Holdings, complaints: Complaints, deadline: float
) -> int:
    """Print the latest ends, and the claims."""
    for cell in sorted(cells, key=lambda cell: -cell.late)[:8]:
        print(f"{cell.fault:<26}{cell.kind:<20}{1000 * cell.late:+8.0f} ms  {cell.end}")
    for cell in cells:
        if not cell.is_ours:
            print(f"{cell.fault:<26}{cell.kind:<20} {cell.end}")
    for complaint in complaints.heard[:5] + more(before, after):
        print(f"  {complaint}")
    worst = max(cells, key=lambda cell: cell.late)
    print(
        f"{len(cells)} calls with a deadline of {deadline:g} s; the slowest close took {max(cell.closing for cell in cells):.2f} s"
    )
    claims = Claims()
    claims.at_most("the latest end after its deadline", 1000 * worst.late, 1000 * GRACE, " ms")
    claims.none("calls that ended later", sum(cell.late > GRACE for cell in cells))
    claims.none("errors from outside the SDK", sum(not cell.is_ours for cell in cells))
    claims.none("tasks leaked", after.tasks - before.tasks)
    claims.none("file descriptors leaked", after.descriptors - before.descriptors)
    claims.none("warnings of unclosed resources", len(complaints.heard))
    return claims.exit_code


def main() -> int:
    """Run it and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deadlines", description=__doc__)
    parser.add_argument("--deadline", type=float, default=2.0)
    parser.add_argument("--at-a-time", type=int, default=16)
    parser.add_argument("--calls", nargs="*", default=[], choices=[*CALLS, "file"], help="default: all")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(server())
        return 0
    return asyncio.run(run(options.deadline, options.at_a_time, options.calls))


if __name__ == "__main__":
    sys.exit(main())
