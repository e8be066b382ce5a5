"""A server that is faster than the clients: one protocol class, with all responses made before the first request.

`python -m benchmarks.server` prints its port and serves until its standard input closes.
"""

from __future__ import annotations

import asyncio
import sys
from urllib.parse import parse_qs, urlsplit

import orjson

from benchmarks import payloads


def answer(body: bytes) -> bytes:
    """A complete HTTP/1.1 response with a JSON body."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Answers:
    """Request line to response."""

    def __init__(self) -> None:
        self.aoi = answer(orjson.dumps(payloads.aoi(1)))
        self.rows = [orjson.dumps(payloads.aoi(number)) for number in range(payloads.AOIS)]
        self.stac = answer(payloads.stac_page())

    def to(self, target: str) -> bytes:
        """The response to a request target; an unknown one is an error of the benchmark."""
        url = urlsplit(target)
        if url.path.startswith("/v0/aoi/"):
            return self.aoi
        if url.path == "/v0/aois":
            query = parse_qs(url.query)
            return answer(payloads.aoi_page(self.rows, int(query["offset"][0]), int(query["limit"][0])))
        if url.path.endswith("/items"):
            return self.stac
        raise LookupError(target)


class Protocol(asyncio.Protocol):
    """Minimal HTTP/1.1: GET, keep-alive, no bodies in requests."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.WriteTransport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            target = self.buffer[: self.buffer.index(b"\r\n")].split(b" ")[1].decode()
            self.buffer = self.buffer[end + 4 :]
            self.transport.write(self.answers.to(target))


async def serve(answers: Answers) -> None:
    """Serve on a free loopback port until standard input closes."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Protocol(answers), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(Answers()))
