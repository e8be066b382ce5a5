"""A SOCKS5 proxy on loopback that resolves names by a table, and records what it was asked for."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping
from contextlib import suppress
from typing import Self


class Socks:
    def __init__(self, hosts: Mapping[str, int] = {}) -> None:
        self.hosts = hosts
        """The port on this machine that each host leads to; others are refused."""
        self.asked: list[str] = []
        """The hosts, in order."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"socks5://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        for _ in range(5):  # as in stubs.Stub
            await asyncio.sleep(0)
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        onward: asyncio.StreamWriter | None = None
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                host = await self._host(reader, writer)
                self.asked.append(host)
                if host not in self.hosts:
                    writer.write(_reply(5))  # connection refused
                    return
                answers, onward = await asyncio.open_connection("127.0.0.1", self.hosts[host])
                writer.write(_reply(0))
                async with asyncio.TaskGroup() as both:
                    both.create_task(_pass_on(reader, onward))
                    both.create_task(_pass_on(answers, writer))
        except asyncio.CancelledError:
            pass  # the test is over
        finally:
            self._tasks.discard(task)
            for each in (writer, onward):
                if each is not None:
                    each.close()

    async def _host(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(b"\x05\x00")  # no password
        *_, kind = await reader.readexactly(4)
        if kind == 1:
            host = ".".join(map(str, await reader.readexactly(4)))
        else:
            [length] = await reader.readexactly(1)
            host = (await reader.readexactly(length)).decode()
        await reader.readexactly(2)  # the port: a table of hosts is enough
        return host


def _reply(code: int) -> bytes:
    return struct.pack("!BBBB4sH", 5, code, 0, 1, bytes(4), 0)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await reader.read(2**16):
            writer.write(piece)
            await writer.drain()
    writer.close()
