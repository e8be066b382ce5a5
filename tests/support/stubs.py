"""A server on loopback that says what a test tells it, byte for byte, and counts what it is asked.

    async with Stub(json_answer({"id": "a"}), [CLOSE]) as stub: ...

Each request takes the next answer; the last one is given again and again. An answer is a list of steps: bytes to
write, `CLOSE`, `RESET`, `HANG` (until the other side goes), or `Wait(seconds)`; or a function of the request that gives one.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import stat
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import Enum
from typing import Any, ClassVar, Self

import attrs


class Step(Enum):
    CLOSE = "close"
    RESET = "reset"
    HANG = "hang"


CLOSE, RESET, HANG = Step.CLOSE, Step.RESET, Step.HANG


@attrs.frozen
class Wait:
    seconds: float


Answer = Sequence[bytes | Step | Wait]


@attrs.frozen
class Received:
    """A request as it came; `headers` by lower-case name."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int


def answer(status: int = 200, body: bytes = b"", *, length: int | None = None, **headers: str) -> Answer:
    """A whole answer; `length` may lie. Header names have `_` for `-`."""
    lines = [f"HTTP/1.1 {status} Some Reason"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines.append(f"Content-Length: {len(body) if length is None else length}")
    return ["\r\n".join(lines).encode() + b"\r\n\r\n" + body]


def json_answer(value: Any, status: int = 200, **headers: str) -> Answer:
    return answer(status, json.dumps(value).encode(), Content_Type="application/json", **headers)


class Stub:
    ports: ClassVar[set[int]] = set()
    """Of all the stubs that there were."""

    def __init__(
        self,
        *answers: Answer | Callable[[Received], Answer],
        on_connect: Answer | None = None,
        tls: ssl.SSLContext | None = None,
        reads_bodies: bool = True,
    ) -> None:
        self.answers = list(answers)
        self.on_connect = on_connect
        """Steps at the beginning of every connection, before any request is read."""
        self.received: list[Received] = []
        self.connections = 0
        self.writers: list[asyncio.StreamWriter] = []
        """Of each connection, oldest first: for what is sent without being asked for."""
        self._was_asked = asyncio.Event()
        self._tls = tls
        self._reads_bodies = reads_bodies
        """False to answer when a request's head is there, and leave its body where it is."""
        self.written = 0
        """Bytes that the other side, and what lies between, took of the answers."""
        self.fixed_port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.fixed_port, ssl=self._tls, limit=2**20
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self.ports.add(self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        # asyncio forgets to close a connection that was accepted just before the server is closed: let it be served first.
        for _ in range(5):
            await asyncio.sleep(0)
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://127.0.0.1:{self.port}"

    async def asked(self) -> None:
        """Wait for the first request."""
        await self._was_asked.wait()

    def count(self, method: str) -> int:
        return sum(request.method == method for request in self.received)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        number = self.connections
        self.writers.append(writer)
        try:
            if self.on_connect is not None and not await self._play(self.on_connect, reader, writer):
                return
            with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                while True:
                    self.received.append(await _read_request(reader, number, self._reads_bodies))
                    self._was_asked.set()
                    steps = self.answers[min(len(self.received), len(self.answers)) - 1]
                    if callable(steps):
                        steps = steps(self.received[-1])
                    if not await self._play(steps, reader, writer):
                        return
        except asyncio.CancelledError:
            pass  # the test is over
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _play(self, steps: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection goes on."""
        for step in steps:
            match step:
                case Step.CLOSE:
                    return False
                case Step.RESET:
                    # Without lingering, closing sends RST instead of FIN.
                    raw = writer.get_extra_info("socket")
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    writer.transport.abort()
                    return False
                case Step.HANG:
                    with suppress(ConnectionError):
                        await reader.read()
                    return False
                case Wait(seconds):
                    await asyncio.sleep(seconds)
                case bytes():
                    with suppress(ConnectionError):
                        writer.write(step)
                        await writer.drain()
                        self.written += len(step)
        return True


async def _read_request(reader: asyncio.StreamReader, connection: int, with_body: bool) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *lines = head.rstrip("\r\n").split("\r\n")
    method, target, _ = line.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (row.partition(":") for row in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0"))) if with_body else b""
    return Received(method, target, headers, body, connection)


def open_sockets(*ports: int) -> list[tuple[Any, Any]]:
    """Both ends of each socket of this process that one of the ports is an end of.

    Not all sockets: an event loop has some of its own, and a resolver that is installed may keep its own open.
    """
    found = []
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - some go while they are listed
        with suppress(OSError):
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                with socket.socket(fileno=os.dup(int(name))) as each:
                    ends = each.getsockname(), _peer_of(each)
                if any(isinstance(end, tuple) and end[1] in ports for end in ends):
                    found.append(ends)
    return found


def _peer_of(connected: socket.socket) -> Any:
    try:
        return connected.getpeername()
    except OSError:  # it listens
        return None
