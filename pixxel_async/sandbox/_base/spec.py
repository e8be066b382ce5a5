"""The API description for the sandbox: operations with their parameters, bodies and responses."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import jsonschema_rs
import yaml

_METHODS = ("get", "post", "put", "patch", "delete")
_ROOT = "urn:pixxel"


@attrs.frozen
class Parameter:
    """A path or query parameter."""

    name: str
    required: bool
    kind: str
    """JSON type of its schema: string, integer, number, boolean or array."""
    validator: jsonschema_rs.Validator
    default: Any = None
    """The server default, if the vendor documents one."""


@attrs.frozen
class AnswerShape:
    """The form of the response of one status."""

    content_type: str | None
    """None for a response without a body."""
    validator: jsonschema_rs.Validator | None


@attrs.frozen
class SpecOperation:
    """One operation of the API."""

    id: str
    method: str
    path: str
    secured: bool
    path_parameters: tuple[Parameter, ...]
    query_parameters: tuple[Parameter, ...]
    body: jsonschema_rs.Validator | None
    body_required: bool
    answers: Mapping[int, AnswerShape]
    """Responses by documented status."""
    problem: AnswerShape
    """The response of any undocumented status."""

    def answer(self, status: int) -> AnswerShape:
        """The required form of a response of this status."""
        return self.answers.get(status, self.problem)


def spec_path() -> Path:
    """Path of the description: in this package if installed, `openapi/` in a checkout."""
    installed = Path(__file__).parents[1] / "pixxel.yaml"
    return installed if installed.exists() else Path(__file__).parents[3] / "openapi" / "pixxel.yaml"


@functools.cache
def operations() -> dict[str, SpecOperation]:
    """All operations by operationId, in the order of the description."""
    document = yaml.load(spec_path().read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    reader = _Reader(document)
    found = [
        reader.operation(path, method, item[method])
        for path, item in document["paths"].items()
        for method in _METHODS
        if method in item
    ]
    return {operation.id: operation for operation in found}


class _Reader:
    """Reads parts of the document; each schema is compiled once."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._registry = jsonschema_rs.Registry([(_ROOT, document)])
        self._compiled: dict[str, jsonschema_rs.Validator] = {}

    def operation(self, path: str, method: str, raw: dict[str, Any]) -> SpecOperation:
        parameters = raw.get("parameters", [])
        body = raw.get("requestBody")
        answers = {
            int(status): self._answer(self._resolve(answer))
            for status, answer in raw["responses"].items()
            if status != "default"
        }
        return SpecOperation(
            id=raw["operationId"],
            method=method.upper(),
            path=path,
            secured=raw.get("security") != [],
            path_parameters=tuple(self._parameter(p) for p in parameters if p["in"] == "path"),
            query_parameters=tuple(self._parameter(p) for p in parameters if p["in"] == "query"),
            body=self._compile(body["content"]["application/json"]["schema"]) if body else None,
            body_required=bool(body and body.get("required")),
            answers=answers,
            problem=self._answer(self._resolve(raw["responses"]["default"])),
        )

    def _parameter(self, raw: dict[str, Any]) -> Parameter:
        schema = raw["schema"]
        target = self._resolve(schema)
        return Parameter(
            name=raw["name"],
            required=bool(raw.get("required")),
            kind=target.get("type", "string"),
            validator=self._compile(schema),
            default=schema.get("x-server-default"),
        )

    def _answer(self, raw: dict[str, Any]) -> AnswerShape:
        for content_type, media in raw.get("content", {}).items():
            return AnswerShape(content_type, self._compile(media["schema"]))
        return AnswerShape(None, None)

    def _resolve(self, raw: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in raw:
            return raw
        target: Any = self._document
        for part in raw["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return self._resolve(target)

    def _compile(self, schema: dict[str, Any]) -> jsonschema_rs.Validator:
        reference = schema.get("$ref")
        name = reference or repr(schema)
        if name not in self._compiled:
            self._compiled[name] = jsonschema_rs.Draft202012Validator(
                _rooted({"$ref": reference} if reference else schema),
                registry=self._registry,
                validate_formats=False,
            )
        return self._compiled[name]


def _rooted(schema: Any) -> Any:
    """The schema with absolute references, so that it can be compiled separately."""
    if isinstance(schema, dict):
        return {
            key: _ROOT + value if key == "$ref" and value.startswith("#") else _rooted(value)
            for key, value in schema.items()
        }
    return [_rooted(item) for item in schema] if isinstance(schema, list) else schema
