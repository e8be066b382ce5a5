"""Files from an unreliable storage host: `python -m benchmarks.files [--files N] [--at-a-time N] [--seed N]`.

500 packages, from empty to a few MiB, are downloaded from a host with up to six faults per package; some always fail.
Faults are truncation, resets, expired URLs, changed objects, wrong ranges, HTML pages, errors and flipped bytes. Every
fifth download is cancelled once and started again; one that fails is tried once more. By SHA-256, every file must be one
of the versions of its object. Otherwise the download must raise an SDK error, without a file of the final name. Server
and client share only the seed. Otherwise, or after a leak, the exit code is 1.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import logging
import random
import re
import socket
import struct
import sys
import tempfile
import time
from base64 import b64encode
from collections import Counter
from contextlib import suppress
from email.utils import formatdate
from functools import lru_cache
from pathlib import Path
from typing import Any

import attrs
import orjson

from benchmarks.claims import Claims
from benchmarks.processes import Complaints, Holdings, memory, serve, started
from pixxel_async import Clock, DownloadError, PixxelClient, PixxelError, SavedFile

GENERATIONS = 12
ENDLESS = 0.06
CANCELLED = 0.2
DAY = 86_400.0
FAULTS = [
    "cut", "cut", "cut", "reset", "reset", "expire", "cut and expire", "change", "cut and change",
    "wrong offset", "wrong total", "no content-range", "range ignored", "multipart", "whole as 206",
    "html", "html as zip", "xml", "416", "status 500", "status 503", "status 429", "status 404",
    "flipped", "short", "if-range ignored", "close", "redirect", "stall", "stall", "stall",
]  # fmt: skip
FINAL = {"html", "html as zip", "xml", "status 404"}
"""Faults after which the client does not retry."""
ENDLESS_FAULTS = ["html", "cut at 0", "expire", "wrong offset", "status 503", "416", "flipped", "close"]


@lru_cache(maxsize=8)
def content(seed: int, number: int, generation: int) -> bytes:
    """The content of an object; each generation is another file."""
    rng = random.Random(f"{seed}-{number}-{generation}")
    size = rng.choice([0, 1, 700]) if rng.random() < 0.05 else int(min(4e6, rng.lognormvariate(11.5, 1.6)))
    return (b"PK\x03\x04" + rng.randbytes(size))[:size]


@attrs.define
class Object:
    """A file in the storage, and its faults."""

    number: int
    seed: int
    faults: list[str]
    is_endless: bool
    validator: str
    """strong, weak, date or none."""
    generation: int = 0
    epoch: int = 0
    """Generation of the valid URLs; earlier ones have expired."""

    @classmethod
    def planned(cls, seed: int, number: int) -> Object:
        """A file drawn from the seed."""
        rng = random.Random(f"{seed}-{number}")
        validator = rng.choices(["strong", "weak", "date", "none"], [7, 1, 1, 1])[0]
        if rng.random() < ENDLESS:
            return cls(number, seed, [rng.choice(ENDLESS_FAULTS)], True, validator)
        faults = [fault for fault in rng.choices(FAULTS, k=rng.randrange(7)) if fault not in FINAL]
        if rng.random() < 0.08:
            faults.append(rng.choice(sorted(FINAL)))
        return cls(number, seed, faults, False, validator)

    def next_fault(self) -> str:
        """The current fault; '' for none."""
        if self.is_endless:
            return self.faults[0]
        return self.faults.pop(0) if self.faults else ""

    @property
    def body(self) -> bytes:
        """Its current content."""
        return content(self.seed, self.number, self.generation)

    @property
    def tags(self) -> dict[str, str]:
        """The headers that identify its content."""
        etag = hashlib.sha256(self.body).hexdigest()[:20]
        date = formatdate(1.7e9 + self.generation * DAY, usegmt=True)
        return {
            "strong": {"ETag": f'"{etag}"', "Last-Modified": date},
            "weak": {"ETag": f'W/"{etag}"'},
            "date": {"Last-Modified": date},
            "none": {},
        }[self.validator]

    def is_meant(self, condition: str | None) -> bool:
        """Whether an If-Range matches this content."""
        return condition is None or condition in self.tags.values()


class Storage:
    """The API that returns URLs, and the storage host."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.port = 0
        self.objects: dict[int, Object] = {}
        self.struck: Counter[str] = Counter()
        self.rng = random.Random(seed)

    def object(self, number: int) -> Object:
        """The existing file, or a new one."""
        if number not in self.objects:
            self.objects[number] = Object.planned(self.seed, number)
        return self.objects[number]

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests until one of them breaks the connection."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                target = head.split(" ", 2)[1]
                headers = {
                    line.partition(":")[0].lower(): line.partition(":")[2].strip()
                    for line in head.split("\r\n")[1:]
                }
                if target.startswith("/v0/"):
                    writer.write(self._link(int(target.rpartition("-")[2])))
                elif not await self._file(target, headers, writer):
                    break
                await writer.drain()
        writer.close()

    def _link(self, number: int) -> bytes:
        url = f"http://127.0.0.1:{self.port}/object/{number}?epoch={self.object(number).epoch}"
        facts = {"download_id": f"f-{number}", "status": "SUCCESS", "signed_url": url}
        return answer(200, orjson.dumps(facts), **{"Content-Type": "application/json"})

    async def _file(self, target: str, headers: dict[str, str], writer: asyncio.StreamWriter) -> bool:
        """Respond, or apply a fault; return whether the connection stays open."""
        path, _, query = target.partition("?")
        file = self.object(int(path.rpartition("/")[2]))
        if int(query.partition("epoch=")[2].partition("&")[0]) != file.epoch:
            writer.write(refused(403))
            return True
        fault = file.next_fault()
        self.struck[fault or "none"] += 1
        if fault in ("expire", "cut and expire"):
            file.epoch += 1
        if fault in ("change", "if-range ignored"):
            file.generation = min(file.generation + 1, GENERATIONS)
        data, is_cut = self._answer(file, fault, headers)
        if is_cut or fault == "close":
            writer.write(data)
            await writer.drain()
            if fault == "cut and change":
                file.generation = min(file.generation + 1, GENERATIONS)
            if fault == "reset":
                await asyncio.sleep(0.02)  # sends the written bytes
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                writer.transport.abort()
            return False
        if fault == "stall":
            half = len(data) // 2
            writer.write(data[:half])
            await writer.drain()
            await asyncio.sleep(0.4)  # time for the cancellation
            data = data[half:]
        writer.write(data)
        return True

    def _answer(self, file: Object, fault: str, headers: dict[str, str]) -> tuple[bytes, bool]:
        """The bytes of a response, and whether the connection breaks after them."""
        special = self._special(file, fault, headers)
        if special is not None:
            return special, False
        body, tags = file.body, file.tags
        start = self._start(file, fault, headers)
        kind = {"Content-Type": "application/zip", **tags}
        if fault in ("flipped", "short"):
            kind["x-amz-checksum-sha256"] = b64(hashlib.sha256(body).digest())
        if start is None:
            data = body
            if fault == "short":
                data = body[: len(body) // 2]
            elif fault == "flipped" and body:
                data = body[:-1] + bytes([body[-1] ^ 1])
            whole = answer(200, data, **kind)
        else:
            total = len(body) + (fault == "wrong total")
            first = min(start + (fault == "wrong offset"), max(len(body) - 1, 0))
            if fault != "no content-range":
                kind["Content-Range"] = f"bytes {first}-{len(body) - 1}/{total}"
            whole = answer(206, body[first:], **kind)
        if fault.startswith("cut") or fault == "reset":
            head = whole.index(b"\r\n\r\n") + 4
            end = head if fault == "cut at 0" else self.rng.randrange(head, len(whole) + 1)
            return whole[:end], True
        return whole, False

    def _start(self, file: Object, fault: str, headers: dict[str, str]) -> int | None:
        """The start of a partial response; faults send a part without a request for one, or the reverse."""
        wanted = re.fullmatch(r"bytes=(\d+)-", headers.get("range", ""))
        if fault in ("wrong offset", "wrong total", "no content-range", "whole as 206") and wanted is None:
            return 0
        if wanted is None or fault in ("range ignored", "flipped", "short", "whole as 206"):
            return None
        if fault != "if-range ignored" and not file.is_meant(headers.get("if-range")):
            return None
        start = int(wanted[1])
        return start if start < len(file.body) else None

    def _special(self, file: Object, fault: str, headers: dict[str, str]) -> bytes | None:
        """Responses without a part of the file."""
        page = b"<!DOCTYPE html><html><body>Please log in</body></html>"
        wanted = re.fullmatch(r"bytes=(\d+)-", headers.get("range", ""))
        match fault:
            case "close":
                return b""
            case "html":
                return answer(200, page, **{"Content-Type": "text/html"})
            case "html as zip":
                return answer(200, page, **{"Content-Type": "application/zip"})
            case "xml":
                body = b'<?xml version="1.0"?><Error><Code>InternalError</Code></Error>'
                return answer(200, body, **{"Content-Type": "application/xml"})
            case "expire":
                return refused(403)
            case "416":
                return refused(416, **{"Content-Range": f"bytes */{len(file.body) + 7}"})
            case "redirect":
                here = f"/object/{file.number}?epoch={file.epoch}&again=1"
                return answer(302, b"", Location=here)
            case "multipart" if wanted is not None:
                kind = {"Content-Type": "multipart/byteranges; boundary=x", **file.tags}
                return answer(206, b"--x\r\n\r\nsome bytes\r\n--x--", **kind)
            case _ if fault.startswith("status"):
                return refused(int(fault.split()[1]))
        if wanted is not None and int(wanted[1]) >= len(file.body) and file.is_meant(headers.get("if-range")):
            return refused(416, **{"Content-Range": f"bytes */{len(file.body)}", **file.tags})
        return None


def b64(digest: bytes) -> str:
    """A checksum in the form of object stores."""
    return b64encode(digest).decode()


def answer(status: int, body: bytes, **headers: str) -> bytes:
    """A complete response."""
    lines = [f"HTTP/1.1 {status} Some Reason", f"Date: {formatdate(usegmt=True)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}"]).encode() + b"\r\n\r\n" + body


def refused(status: int, **headers: str) -> bytes:
    """An error in the form of object stores."""
    body = b'<?xml version="1.0"?><Error><Code>SomeCode</Code><Message>Request has expired</Message></Error>'
    return answer(status, body, **{"Content-Type": "application/xml", **headers})


async def storage(seed: int) -> None:
    """Serve until standard input closes."""
    there = Storage(seed)
    server = await asyncio.start_server(there.connected, "127.0.0.1", 0, backlog=1024)
    there.port = server.sockets[0].getsockname()[1]

    async def respond(_: dict[str, Any]) -> Any:
        return {
            "struck": there.struck,
            "generations": {number: each.generation for number, each in there.objects.items()},
        }

    await serve(there.port, respond)


@attrs.define
class Tally:
    """The outcomes of the downloads."""

    whole: Counter[int] = attrs.field(factory=Counter)
    """Number of files by generation."""
    errors: Counter[str] = attrs.field(factory=Counter)
    corrupt: list[str] = attrs.field(factory=list)
    foreign: list[str] = attrs.field(factory=list)
    """Exceptions from outside the SDK."""
    named: list[str] = attrs.field(factory=list)
    """Files of a final name without a success."""
    left: list[str] = attrs.field(factory=list)
    """Part files beside a complete file."""
    again: int = 0
    resumed: int = 0
    """Files that resumed an earlier download."""
    finite: int = 0
    finite_failed: int = 0


async def fetch(client: PixxelClient, folder: Path, seed: int, number: int, tally: Tally) -> None:
    """One download, and its outcome."""
    name = f"f-{number}.zip"
    plan = Object.planned(seed, number)
    can_succeed = not plan.is_endless and not FINAL & {*plan.faults}
    tally.finite += can_succeed

    def save() -> Any:
        return client.downloads.wait("a-1", f"f-{number}").save(folder, filename=name)

    rng = random.Random(f"cancel-{seed}-{number}")
    file: SavedFile | None = None
    try:
        if rng.random() < CANCELLED:
            with suppress(TimeoutError):
                async with asyncio.timeout(rng.uniform(0.05, 3.0)):
                    file = await save()
        try:
            file = file or await save()
        except DownloadError:
            tally.again += 1
            file = await save()  # as a user would: resumes the earlier one
    except PixxelError as error:
        tally.errors[type(error).__name__] += 1
        tally.finite_failed += can_succeed
    except Exception as error:
        tally.foreign.append(f"{name}: {error!r}")
    await asyncio.to_thread(check, folder / name, file, seed, number, tally)


def check(path: Path, file: SavedFile | None, seed: int, number: int, tally: Tally) -> None:
    """Compare the folder with the allowed files."""
    if file is None:
        if path.exists():
            tally.named.append(path.name)
        return
    held = hashlib.sha256(path.read_bytes()).hexdigest()
    if path.with_name(f"{path.name}.part").exists() or path.with_name(f"{path.name}.part.json").exists():
        tally.left.append(path.name)
    tally.resumed += file.resumed
    for generation in range(GENERATIONS + 1):
        if hashlib.sha256(content(seed, number, generation)).hexdigest() == held == file.sha256:
            tally.whole[generation] += 1
            return
    tally.corrupt.append(path.name)


async def run(files: int, at_a_time: int, seed: int) -> int:
    """Download all files; return the exit code."""
    logging.disable()
    complaints = Complaints()
    complaints.listen()
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        async with started("benchmarks.files", "--serve", "--seed", str(seed)) as (server, port):
            before = Holdings.now()
            clock = Clock(random.Random(seed))
            client = PixxelClient("bench", base_url=f"http://127.0.0.1:{port}", clock=clock)
            numbers = iter(range(files))

            async def worker() -> None:
                for number in numbers:
                    await fetch(client, Path(folder), seed, number, tally)

            began = time.monotonic()
            await asyncio.gather(*(worker() for _ in range(at_a_time)))
            elapsed = time.monotonic() - began
            await client.aclose()
            after = Holdings.now()
            counts = await server.ask()
    print(f"{elapsed:.0f} s; struck: {counts['struck']}")
    print(
        f"whole: {dict(tally.whole)} by generation; {tally.again} taken again, {tally.resumed} resumed; errors: {dict(tally.errors)}"
    )
    print(
        f"of {tally.finite} that could succeed, {tally.finite_failed} ended in an error: too many faults in a row"
    )
    for problem in (tally.corrupt + tally.foreign + tally.named + tally.left + complaints.heard)[:10]:
        print(f"  {problem}")
    claims = Claims()
    ended = tally.whole.total() + tally.errors.total()
    claims.note(ended == files, "files complete, or a typed error", ended, files)
    claims.none("corrupt files (SHA-256)", len(tally.corrupt))
    claims.none("errors from outside the SDK", len(tally.foreign))
    claims.none("final names without a complete file", len(tally.named))
    claims.none("part files left beside a complete one", len(tally.left))
    claims.none("tasks leaked", after.tasks - before.tasks)
    claims.none("file descriptors leaked", after.descriptors - before.descriptors)
    claims.none("warnings of unclosed resources", len(complaints.heard))
    print(f"{memory():.0f} MiB at most")
    return claims.exit_code


def main() -> int:
    """Run it and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.files", description=__doc__)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--at-a-time", type=int, default=64)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(storage(options.seed))
        return 0
    return asyncio.run(run(options.files, options.at_a_time, options.seed))


if __name__ == "__main__":
    sys.exit(main())
