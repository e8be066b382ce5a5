"""The report for people: one HTML page that needs no server and can be sent as a file."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import PurePosixPath
from typing import BinaryIO

import orjson

from pixxel_async.bulk._journal.records import RowRecord
from pixxel_async.bulk._report._facts import Facts, RunFacts
from pixxel_async.bulk._report._map import MOST_SHAPES, AreaMap
from pixxel_async.bulk._report._markup import (
    ORDER,
    amount,
    badge,
    counted,
    duration,
    href,
    listed,
    moment,
    sign,
    signs,
    style,
    text,
)
from pixxel_async.bulk._report._pictures import Pictures
from pixxel_async.bulk._report._problems import Problem, Problems
from pixxel_async.bulk._state import State

MOST_ROWS = 5000
"""If there are more rows, the page lists only those that did not succeed."""
_MOST_FILES = 3
"""Number of a row's files that are always visible."""
_MOST_FILES_OF_ALL = 40
_LONGEST_ERROR = 400

_REMEDIES = {
    State.FAILED: "remove the cause, then retry these rows (<code>pixxel bulk retry-failed</code>); their resources are kept",
    State.HELD: "check the account, then use <code>pixxel bulk resume --resend</code> if the resource does not exist, or <code>--forget</code> to give these rows up",
    State.BLOCKED: "resume with a higher cap (<code>pixxel bulk resume --max-tokens</code>)",
    State.PARTIAL: "some of the images failed; the results of the others exist",
    State.NO_IMAGE: "nothing was created for these rows; to search again later: <code>pixxel bulk retry-failed --no-image</code>; other dates need another run",
}


class HtmlPage:
    """Collects the content of the page, and writes it when all rows are known."""

    def __init__(self, file: BinaryIO, facts: RunFacts) -> None:
        self._file = file
        self._facts = facts
        self._is_short = facts.total <= MOST_ROWS
        self._counts: Counter[State] = Counter()
        self._seconds = 0.0
        self._map = AreaMap()
        self._pictures = Pictures(facts.out)
        self._problems = Problems()
        self._rows: list[str] = []
        self._listed: set[int] = set()

    def add(self, record: RowRecord, facts: Facts) -> None:
        """Add one row."""
        state = record.state
        self._counts[state] += 1
        self._seconds += record.seconds
        self._problems.add(facts["row"], facts["name"], state, record.step, record.error)
        self._pictures.add(facts["row"], facts["name"], facts["files"])
        needs_attention = state in _REMEDIES and not state.is_success
        is_listed = (self._is_short or needs_attention) and len(self._rows) < MOST_ROWS
        if is_listed:
            self._rows.append(_row(facts, state))
            self._listed.add(facts["row"])
        self._map.add(facts["row"], facts["name"], state, record.entry.geometry, is_listed=is_listed)

    def end(self) -> None:
        """Write the page."""
        for piece in self._page():
            self._file.write(piece.encode())

    def _page(self) -> Iterator[str]:
        folder = files(__package__)
        script = (folder / "page.js").read_text("utf-8")
        # Second line of defence: the browser refuses every script or address that a name could inject.
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
        name = text(self._facts.header.input_name)
        yield (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="color-scheme" content="light dark">\n'
            f"<title>{name}: bulk run {text(self._facts.header.run_id)}</title>\n"
            f"<style>\n{(folder / 'page.css').read_text('utf-8')}</style>\n</head>\n<body>\n"
            f'<a class="skip" href="#rows">To the rows</a>\n{signs()}\n'
        )
        yield from self._head(name)
        yield "<main>\n"
        yield from self._overview()
        yield from self._reasons()
        yield from self._area_map()
        yield from self._gallery()
        yield from self._costs()
        yield from self._table()
        yield "</main>\n"
        yield from self._foot()
        yield f"<script>{script}</script>\n</body>\n</html>\n"

    # --- sections, in their order -------------------------------------------------------------------------

    def _head(self, name: str) -> Iterator[str]:
        header = self._facts.header
        yield (
            f'<header>\n<p class="eyebrow">Bulk run <code>{text(header.run_id)}</code></p>\n<h1>{name}</h1>\n'
            f'<p class="lead">{self._sentence()}</p>\n<dl class="facts">\n'
            f"<div><dt>Begun</dt><dd>{moment(header.started)}</dd></div>\n"
            f"<div><dt>This report</dt><dd>{moment(self._facts.written)}</dd></div>\n"
            f"<div><dt>API</dt><dd>{text(header.base_url)}</dd></div>\n"
            f"{self._features()}"
            f"<div><dt>Work on rows</dt><dd>{duration(self._seconds)} in total, waits included</dd></div>\n"
            "</dl>\n</header>\n"
        )

    def _features(self) -> str:
        features, total = self._facts.features, self._counts.total()
        if features == total:
            return ""
        return f"<div><dt>Input</dt><dd>{counted(features, 'feature')}, split into {counted(total, 'row')}</dd></div>\n"

    def _sentence(self) -> str:
        total, done = self._counts.total(), self._counts[State.DONE]
        if not total:
            return "The run has no rows yet."
        if done == total:
            return f"All {counted(total, 'row')} are done." if total > 1 else "Its one row is done."
        others = [
            f"{self._counts[state]:,} {state.value}"
            for state in ORDER
            if self._counts[state] and state is not State.DONE
        ]
        return f"{done:,} of {counted(total, 'row')} done; {listed(others)}."

    def _overview(self) -> Iterator[str]:
        total = self._counts.total()
        yield '<section aria-labelledby="overview-name">\n<h2 id="overview-name">Overview</h2>\n'
        if total:
            yield self._bar(total)
        yield '<div class="cards">\n'
        for state in reversed(ORDER):
            if self._counts[state]:
                yield (
                    f'<button type="button" class="card {style(state)}" data-state="{state.name}" aria-pressed="false">'
                    f"{sign(state)}<strong>{self._counts[state]:,}</strong><span>{text(state.value)}</span></button>\n"
                )
        yield self._tokens()
        yield "</div>\n</section>\n"

    def _bar(self, total: int) -> str:
        parts, x = [], 0.0
        for state in reversed(ORDER):
            width = 1000 * self._counts[state] / total
            if width:
                parts.append(
                    f'<rect class="{style(state)}" x="{x:.2f}" y="0" width="{width:.2f}" height="10"/>'
                )
                x += width
        return (
            '<svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label="'
            f'{text(self._sentence())}">{"".join(parts)}</svg>\n'
        )

    def _tokens(self) -> str:
        tokens = self._facts.tokens
        words = ["tokens spent" if tokens.cap is None else f"of {amount(tokens.cap)} tokens spent"]
        if tokens.reserved:
            words.append(f"{amount(tokens.reserved)} reserved")
        meter = ""
        if tokens.cap:
            spent = min(1000.0, 1000 * tokens.spent / tokens.cap)
            reserved = min(1000.0 - spent, 1000 * tokens.reserved / tokens.cap)
            meter = (
                '<svg class="meter" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">'
                f'<rect width="{spent:.1f}" height="10"/><rect class="reserved" x="{spent:.1f}" width="{reserved:.1f}" height="10"/></svg>'
            )
        return f'<div class="card tokens"><strong>{amount(tokens.spent)}</strong><span>{"; ".join(words)}</span>{meter}</div>\n'

    def _reasons(self) -> Iterator[str]:
        problems = self._problems.told()
        if not problems:
            return
        yield '<section aria-labelledby="reasons-name">\n<h2 id="reasons-name">Why rows are not done</h2>\n<ul class="problems">\n'
        for problem in problems:
            yield self._problem(problem)
        yield "</ul>\n"
        if self._problems.left_out:
            yield f'<p class="note">Other reasons of {counted(self._problems.left_out, "more row")} are in the CSV.</p>\n'
        remedies = [
            f"<li>{badge(state)} <span>{_REMEDIES[state]}</span></li>\n"
            for state in ORDER
            if state in _REMEDIES and self._counts[state]
        ]
        yield f'<h3>What to do</h3>\n<ul class="remedies">\n{"".join(remedies)}</ul>\n</section>\n'

    def _problem(self, problem: Problem) -> str:
        rows = [f'<a href="#r{row}">{row}</a>' if row in self._listed else f"{row}" for row in problem.rows]
        more = f" and {problem.count - len(rows):,} more" if problem.count > len(rows) else ""
        step = f'<p class="step">at step <b>{text(problem.step)}</b></p>' if problem.step else ""
        word = "row" if problem.count == 1 else "rows"
        return (
            f'<li class="{style(problem.state)}"><p class="many">{sign(problem.state)}<strong>{problem.count:,}</strong> '
            f'{text(problem.state.value)}</p><div>{step}<p class="reason">{text(problem.reason)}</p>'
            f'<p class="where">{word} {", ".join(rows)}{more}</p></div></li>\n'
        )

    def _area_map(self) -> Iterator[str]:
        if not len(self._map):
            return
        yield '<section aria-labelledby="areas-name">\n<h2 id="areas-name">Areas</h2>\n<div class="scroll">'
        yield from self._map.svg()
        yield '</div>\n<ul class="legend">\n'
        for state in reversed(ORDER):
            if self._counts[state]:
                yield f"<li>{badge(state)}</li>\n"
        yield "</ul>\n"
        if len(self._map) > MOST_SHAPES:
            yield '<p class="note">Each square combines all areas there, in the colour of the most important state. Point at it for numbers.</p>\n'
        else:
            yield '<p class="note">An area without a sign is done; a sign without an area marks one too small to draw. Point at an area for its name, click it for its row.</p>\n'
        yield "</section>\n"

    def _gallery(self) -> Iterator[str]:
        shown, total = self._pictures.shown, self._pictures.total
        if not shown:
            return
        yield '<section aria-labelledby="pictures-name">\n<h2 id="pictures-name">Pictures</h2>\n'
        if len(shown) < total:
            yield f'<p class="note">{len(shown):,} of {total:,} pictures; the others are in the folders of their rows.</p>\n'
        yield '<div class="gallery">\n'
        for picture in shown:
            what = f"{PurePosixPath(picture.file).stem} of {picture.name}"
            caption = text(picture.name)
            if picture.row in self._listed:
                caption = f'<a href="#r{picture.row}">{caption}</a>'
            yield (
                f'<figure><a href="{href(picture.file)}"><img src="{picture.data}" alt="{text(what)}" loading="lazy"></a>'
                f"<figcaption>{caption} <span>{text(PurePosixPath(picture.file).stem)}</span></figcaption></figure>\n"
            )
        yield "</div>\n</section>\n"

    def _costs(self) -> Iterator[str]:
        if not self._facts.costs:
            return
        yield (
            '<section aria-labelledby="costs-name">\n<h2 id="costs-name">Costs</h2>\n<div class="scroll"><table class="costs">\n<thead><tr>'
            '<th scope="col">Step</th><th scope="col" class="number">Rows</th><th scope="col" class="number">Tokens spent</th>'
            '<th scope="col" class="number">Reserved</th></tr></thead>\n<tbody>\n'
        )
        for cost in self._facts.costs:
            yield (
                f'<tr><th scope="row">{text(cost.step)}</th><td class="number">{cost.rows:,}</td>'
                f'<td class="number">{amount(cost.spent)}</td><td class="number">{amount(cost.reserved)}</td></tr>\n'
            )
        tokens = self._facts.tokens
        yield (
            f'</tbody>\n<tfoot><tr><th scope="row">Total</th><td></td><td class="number">{amount(tokens.spent)}</td>'
            f'<td class="number">{amount(tokens.reserved)}</td></tr></tfoot>\n</table></div>\n</section>\n'
        )

    def _table(self) -> Iterator[str]:
        yield '<section aria-labelledby="rows">\n<h2 id="rows" tabindex="-1">Rows</h2>\n'
        total = self._counts.total()
        if not self._is_short:
            yield (
                f'<p class="note">Of {total:,} rows, the table has only those that did not succeed'
                f"{f', the first {MOST_ROWS:,} of them' if len(self._rows) == MOST_ROWS else ''}; "
                "report.csv and report.json have all.</p>\n"
            )
        yield (
            '<p class="tools"><label for="find">Find</label> <input id="find" type="search" placeholder="name, id, file, reason" '
            f'autocomplete="off"> <button type="button" id="all" hidden>Show all</button> <span id="shown" role="status">{counted(len(self._rows), "row")}</span></p>\n'
            '<div class="scroll"><table id="table">\n<thead><tr>'
        )
        for column, kind in (
            ("Row", "number"),
            ("Name", ""),
            ("State", ""),
            ("Files", ""),
            ("Ids", ""),
            ("Tokens", "number"),
            ("Time", "number"),
        ):
            yield f'<th scope="col" class="{kind}"><button type="button">{column}</button></th>'
        yield "</tr></thead>\n<tbody>\n"
        yield from self._rows
        yield "</tbody>\n</table></div>\n</section>\n"

    def _foot(self) -> Iterator[str]:
        header = self._facts.header
        recipe = orjson.dumps(self._facts.recipe, option=orjson.OPT_INDENT_2).decode()
        yield (
            f"<footer>\n<details><summary>Recipe of each row</summary><pre>{text(recipe)}</pre></details>\n"
            f"<p>Input <code>{text(header.input_name)}</code>, SHA-256 <code>{text(header.input_sha256)}</code>. "
            f"Written by pixxel-async {text(header.sdk)}. Links to files work while this page is in the folder of its run.</p>\n</footer>\n"
        )


def _row(facts: Facts, state: State) -> str:
    error = facts["error"] or ""
    if len(error) > _LONGEST_ERROR:
        error = error[:_LONGEST_ERROR] + "…"
    what = f'<p class="reason">{text(error)}</p>' if error else ""
    step = f'<p class="step">at step <b>{text(facts["step"])}</b></p>' if facts["step"] else ""
    key = f'<p class="key">{text(facts["key"])}</p>' if facts["key"] != facts["name"] else ""
    if facts["part_of"] is not None:
        key += f'<p class="key">part of <bdi>{text(facts["part_of"])}</bdi></p>'
    return (
        f'<tr id="r{facts["row"]}" data-state="{state.name}"><td class="number">{facts["row"]}</td>'
        f'<th scope="row"><bdi>{text(facts["name"])}</bdi>{key}</th>'
        f'<td data-value="{ORDER.index(state)}">{badge(state)}{step}{what}</td>'
        f"<td>{_files(facts['files'])}</td><td>{_ids(facts['ids'])}</td>"
        f'<td class="number" data-value="{facts["tokens"]:.6f}">{amount(facts["tokens"]) if facts["tokens"] else "–"}</td>'
        f'<td class="number" data-value="{facts["seconds"]}">{duration(facts["seconds"]) if facts["seconds"] else "–"}</td></tr>\n'
    )


def _files(paths: list[str]) -> str:
    links = [
        f'<a href="{href(path)}">{text(PurePosixPath(path).name)}</a>' for path in paths[:_MOST_FILES_OF_ALL]
    ]
    if len(paths) > _MOST_FILES_OF_ALL:
        links.append(f"and {len(paths) - _MOST_FILES_OF_ALL:,} more")
    items = [f"<li>{link}</li>" for link in links]
    if len(paths) <= _MOST_FILES:
        return f"<ul>{''.join(items)}</ul>" if items else "–"
    return (
        f"<ul>{''.join(items[:_MOST_FILES])}</ul>"
        f"<details><summary>{len(paths) - _MOST_FILES:,} more</summary><ul>{''.join(items[_MOST_FILES:])}</ul></details>"
    )


def _ids(ids: dict[str, str]) -> str:
    if not ids:
        return "–"
    items = "".join(f"<li>{text(step)} <code>{text(id)}</code></li>" for step, id in ids.items())
    return f"<details><summary>{counted(len(ids), 'id')}</summary><ul>{items}</ul></details>"
