"""The page for people: whole, self-contained, and deaf to whatever names and errors hold."""

from __future__ import annotations

import base64
import hashlib
import re
import struct
import subprocess
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journals import Plot, left

from pixxel_async.bulk import State, report
from pixxel_async.bulk._report import _page, _pictures

EMPTY = frozenset({"meta", "input", "img", "path", "circle", "rect", "use"})
"""Elements without an end, and those of SVG that we close within their tag."""
NASTY = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.sampled_from(
        ["<script>x</script>", "</title>", "</script>", '"onload="x', "javascript:x", "&lt;", "-->", "\x00"]
    ),
)


class Page(HTMLParser):
    """A page taken apart, which must be well-formed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text("utf-8")
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.handlers: list[str] = []
        self.tags: list[str] = []
        self.alts: list[str] = []
        self.rows: dict[str, str] = {}
        self.scripts = ""
        self._row: str | None = None
        self.feed(self.source)
        self.close()
        assert [] == self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in EMPTY:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name == "href":
                self.links.append(value or "")
            elif name in ("src", "srcset", "action", "data", "poster", "xlink:href"):
                self.sources.append(value or "")
            elif name.startswith("on") or name == "style":
                self.handlers.append(name)
            elif name == "alt":
                self.alts.append(value or "")
        if tag == "tr" and (id := dict(attrs).get("id")):
            self._row = id
            self.rows[id] = ""

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in EMPTY
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()
        if tag == "tr":
            self._row = None

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts += data
        elif self._row is not None:
            self.rows[self._row] += data


def page_of(out: Path) -> Page:
    return Page(report(out, formats=["html"])["html"])


def png(width: int = 2, height: int = 2, *, padding: int = 0, claimed: int | None = None) -> bytes:
    """A picture; `padding` makes its file larger, `claimed` its edges, but only in its header."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", claimed or width, claimed or height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * width) * height)
    parts = [
        chunk(b"IHDR", head),
        chunk(b"tEXt", b"x\0" + b"y" * padding),
        chunk(b"IDAT", rows),
        chunk(b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def painted(out: Path, *data: bytes) -> Page:
    """The page of a run of which each row made one of these pictures."""
    plots = [
        Plot(name=f"plot {row}", state=State.DONE, files=("NDVI.png",)) for row in range(1, len(data) + 1)
    ]
    left(out, *plots)
    for row, each in enumerate(data, 1):
        (out / f"row-{row}").mkdir()
        (out / f"row-{row}" / "NDVI.png").write_bytes(each)
    return page_of(out)


def embedded(page: Page) -> list[str]:
    return [source for source in page.sources if source.startswith("data:image/")]


@st.composite
def plots(draw: st.DrawFn) -> Plot:
    return Plot(
        name=draw(NASTY),
        key=None,
        state=draw(st.sampled_from(State)),
        error=draw(NASTY),
        tokens=draw(st.sampled_from([0.0, 0.5])),
        files=tuple(
            draw(st.lists(st.sampled_from(["a.zip", "b/c d#1?.tif", "ü.png"]), max_size=3, unique=True))
        ),
    )


@given(st.lists(plots(), max_size=4), NASTY)
@settings(max_examples=25)
def test_any_run_gives_a_sound_page_with_each_row_once(made: list[Plot], name: str) -> None:
    with TemporaryDirectory() as folder:
        page = page_of(left(Path(folder), *made, input_name=name, cap=None))
    assert [f"r{row}" for row in range(1, len(made) + 1)] == list(page.rows)
    for plot, shown in zip(made, page.rows.values(), strict=True):
        assert plot.state.value in shown
        assert "".join(char for char in plot.name if char.isalnum()) in "".join(
            char for char in shown if char.isalnum()
        )
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert 1 == page.tags.count("script")
    assert [] == page.handlers


@given(st.lists(plots(), max_size=3))
@settings(max_examples=15)
def test_no_page_asks_anything_of_a_server(made: list[Plot]) -> None:
    with TemporaryDirectory() as folder:
        page = page_of(left(Path(folder), *made))
    assert [] == [source for source in page.sources if not source.startswith("data:image/")]
    outside = [link for link in page.links if not link.startswith("#")]
    files = {
        f"row-{row}/{file}"
        for row, plot in enumerate(made, 1)
        for file in plot.files
        if plot.state is not State.WAITING
    }
    assert files >= {unquote(link) for link in outside}
    assert not any(re.search(r"[:?#]|^/", link) for link in outside)
    assert "@import" not in page.source
    assert "url(" not in page.source


def test_only_the_pages_own_script_may_run(tmp_path: Path) -> None:
    page = page_of(
        left(tmp_path, Plot(name="<script>alert(1)</script>", state=State.FAILED, error="</script><b>"))
    )
    digest = base64.b64encode(hashlib.sha256(page.scripts.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page.source
    assert "default-src 'none'" in page.source
    assert "<script>alert" not in page.source


def test_links_lead_to_the_files(tmp_path: Path) -> None:
    name = 'a b/50 % "ü"#1.tif'
    page = page_of(left(tmp_path, Plot(state=State.DONE, files=("a.zip", name), folder="row:1")))
    files = ["row:1/a.zip", f"row:1/{name}"]
    assert files == [unquote(link) for link in page.links if not link.startswith("#")]


def test_rows_that_failed_alike_are_told_together(tmp_path: Path) -> None:
    alike = [
        Plot(name=name, state=State.FAILED, error=f"{name}: no image before 2026-07-0{row}")
        for row, name in enumerate(("north", "south"), 1)
    ]
    page = page_of(left(tmp_path, *alike, Plot(state=State.FAILED, error="refused"), Plot(state=State.DONE)))
    reasons = page.source.partition('<ul class="problems">')[2].partition("</ul>")[0]
    assert ["2", "1"] == re.findall(r"<strong>(\d+)</strong>", reasons)
    assert ["#r1", "#r2", "#r3"] == re.findall(r'href="(#r\d)"', reasons)


def test_p11_rows_without_an_image_have_a_reason_of_their_own(tmp_path: Path) -> None:
    plots = [Plot(state=State.NO_IMAGE, error="no image of Sentinel-2"), Plot(state=State.DONE)]
    page = page_of(left(tmp_path, *plots))
    assert "1 of 2 rows done; 1 no image." in page.source
    assert "pixxel bulk retry-failed --no-image" in page.source
    assert "no image of Sentinel-2" in page.source
    assert ".s-no_image {" in page.source, "its colour"


@pytest.mark.parametrize(("most", "listed"), [(3, ["r2", "r3"]), (1, ["r2"])])
def test_of_many_rows_only_those_are_listed_that_need_a_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, listed: list[str]
) -> None:
    monkeypatch.setattr(_page, "MOST_ROWS", most)
    plots = [Plot(state=state) for state in (State.DONE, State.FAILED, State.HELD, State.WAITING)]
    page = page_of(left(tmp_path, *plots))
    assert listed == list(page.rows)
    assert "Of 4 rows, the table has only those that did not succeed" in page.source
    assert {link for link in page.links if link.startswith("#r") and link != "#rows"} == {
        f"#{row}" for row in listed
    }


def test_small_pictures_are_in_the_page_with_words_for_them(tmp_path: Path) -> None:
    page = painted(tmp_path, png(), png(1000, 800))
    assert 2 == len(embedded(page))
    assert ["NDVI of plot 1", "NDVI of plot 2"] == page.alts
    assert all(len(source) < 5000 for source in embedded(page))


def test_pictures_that_are_none_are_left_out(tmp_path: Path) -> None:
    page = painted(tmp_path, b"", b"no picture", png()[:40], png(claimed=60_000), png())
    assert ["NDVI of plot 5"] == page.alts


def test_of_many_pictures_the_first_are_shown_and_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_pictures, "MOST", 2)
    page = painted(tmp_path, png(), png(), png())
    assert 2 == len(embedded(page))
    assert "2 of 3 pictures" in page.source


def test_without_pillow_small_files_are_shown_as_they_are(tmp_path: Path) -> None:
    small, large = png(), png(padding=200_000)
    painted(tmp_path, small, large)
    code = (
        "import sys; sys.modules['PIL'] = None\n"
        "from pixxel_async.bulk import report; report(sys.argv[1], formats=['html'])"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path], timeout=60, check=True)
    [source] = embedded(Page(tmp_path / "report.html"))
    assert small == base64.b64decode(source.partition(",")[2])
