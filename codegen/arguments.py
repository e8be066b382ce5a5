"""The arguments of a method: their names, the targets of their values, and their checks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import attrs

from codegen import naming
from codegen.api import PAGE_PARAMETERS, Call, Component, Operation, Parameter, Schema, Spec
from codegen.document import SpecError

LIST_OPTIONS: Final = {
    "limit": ("int | None = None", "Largest number of items in total. Default: all."),
    "page_size": ("int | None = None", "Number of items per request."),
    "prefetch": ("bool = False", "Request the next page while you use this one."),
}
"""Options of the paginator: type with default, and description."""


@attrs.frozen
class Argument:
    """An argument of a method and the target of its value."""

    name: str
    place: str
    type: str
    required: bool
    description: str
    where: str
    wire: str
    value: str
    """The expression that is sent."""
    sensitive: bool = False
    is_area: bool = False
    """Whether its check may be slow."""

    @property
    def declared(self) -> str:
        """Its text in the signature."""
        if self.required:
            return f"{self.name}: {self.type}"
        hint = self.type if self.type == "Any" else f"{self.type} | None"
        return f"{self.name}: {hint} = None"


def arguments_of(spec: Spec, operation: Operation, call: Call) -> tuple[Argument, ...]:
    """All arguments of a call: path values in their order, then required arguments, then the rest."""
    hidden = PAGE_PARAMETERS[operation.paging.style] if operation.paging else ("query", ())
    found = [
        _parameter_argument(spec, each)
        for each in operation.parameters
        if not (each.where == hidden[0] and each.name in hidden[1])
    ]
    if operation.body is not None:
        left_out = {*call.fixed, *(hidden[1] if hidden[0] == "body" else ())}
        found += _body_arguments(spec, spec.components[operation.body], left_out)
    return ordered(found, list_options(operation))


def list_options(operation: Operation) -> tuple[str, ...]:
    """The paginator's options that a listing offers; a list without pages has fewer."""
    if operation.paging is None:
        return ()
    return ("limit",) if operation.paging.style == "single" else tuple(LIST_OPTIONS)


def _parameter_argument(spec: Spec, parameter: Parameter) -> Argument:
    schema, name = parameter.schema, naming.attribute(parameter.name)
    value = name
    if parameter.where == "query" and not _is_plain(schema):
        function = "required" if parameter.required else "optional"
        # The vendor does not document the syntax of a filter on a time, so text is sent unchanged.
        check = "checks.time_filter" if schema.input == "instant" else naming.check(spec, schema)
        value = f'checks.{function}("{name}", {check}, {name})'
    return Argument(
        name=name,
        place=schema.place,
        type=naming.sent_type(spec, schema),
        required=parameter.required,
        description=schema.description,
        where=parameter.where,
        wire=parameter.name,
        value=value,
    )


def _is_plain(schema: Schema) -> bool:
    """Whether any text, or any list of texts, is valid."""
    if schema.kind == "list" and schema.inner is not None:
        return _is_plain(schema.inner) and not schema.limits
    return schema.kind == "string" and not (schema.limits or schema.format or schema.input)


def _body_arguments(spec: Spec, body: Component, left_out: Iterable[str]) -> Iterator[Argument]:
    for wire, schema in body.properties.items():
        if wire not in left_out:
            name = naming.attribute(wire)
            yield Argument(
                name=name,
                place=schema.place,
                type=naming.sent_type(spec, schema),
                required=wire in body.required,
                description=schema.description,
                where="body",
                wire=wire,
                value=name,
                sensitive=schema.sensitive,
                is_area=schema.input in ("polygon", "geometry", "feature-collection"),
            )


def ordered(arguments: Sequence[Argument], options: Sequence[str]) -> tuple[Argument, ...]:
    """Path values, then required arguments, then the rest; a name in use, also by `options`, is an error."""
    taken = {"self": "the method itself", **dict.fromkeys(options, "an option of the method")}
    for argument in arguments:
        if argument.name in taken:
            raise SpecError(
                argument.place, f"the name {argument.name!r} is already used by {taken[argument.name]}"
            )
        taken[argument.name] = f"another argument at {argument.place}"
    return tuple(sorted(arguments, key=lambda each: (each.where != "path", not each.required)))


def signature(arguments: Iterable[Argument], options: str, rest: str = "") -> str:
    """The parameters of a method: path values are positional, all others are keyword-only; `rest` takes any further ones."""
    positional = [each.declared for each in arguments if each.where == "path"]
    keyword = [each.declared for each in arguments if each.where != "path"] + ([options] if options else [])
    parts = ["self", *positional, *(["*", *keyword] if keyword else []), *([rest] if rest else [])]
    return ", ".join(parts)
