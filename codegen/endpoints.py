"""Writes endpoint methods and life cycles, from the same document as the models."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import attrs
import jinja2

from codegen import docstrings, naming
from codegen.api import Call, LifeCycle, Operation, Schema, Spec, Sweep, Trace
from codegen.arguments import LIST_OPTIONS, Argument, arguments_of, list_options, ordered, signature
from codegen.document import SpecError, below
from codegen.formatting import formatted

TEMPLATES: Final = Path(__file__).resolve().parent / "templates"
WAIT_OPTIONS: Final = ("timeout", "poll_interval", "max_poll_interval", "on_update", "options", "target")


@attrs.frozen
class Method:
    """A method for one operation: a call or a listing."""

    name: str
    constant: str
    endpoint: str
    """The expression of its `Endpoint`."""
    endpoint_type: str
    options: tuple[str, ...]
    """The paginator's options that a listing offers; empty for a call."""
    result: str
    arguments: tuple[Argument, ...]
    operation: str
    """The expression of its `Operation`."""
    later: str
    """Further arguments of a listing whose body has an area."""
    doc: str

    @property
    def signature(self) -> str:
        """The parameters: path values are positional, all others are keyword-only."""
        options = [f"{name}: {LIST_OPTIONS[name][0]}" for name in self.options]
        return signature(self.arguments, ", ".join(options))

    @property
    def secrets(self) -> str:
        """The sensitive arguments."""
        return ", ".join(each.name for each in self.arguments if each.sensitive)

    @property
    def paginator(self) -> str:
        """The paginator's options as arguments of its constructor."""
        defaults = {"limit": "None", "page_size": "None", "prefetch": "False"}
        return ", ".join(
            f"{name}={name if name in self.options else default}" for name, default in defaults.items()
        )


@attrs.frozen
class Wait:
    """A method that waits for a long-running resource."""

    name: str
    helper: str
    model: str
    poller: str
    arguments: tuple[Argument, ...]
    parents: tuple[Argument, ...]
    """The ids of its parent resources."""
    id: Argument
    ids: Argument
    target: str
    """The expression of its `PollTarget`."""
    doc: str
    many_doc: str

    @property
    def signature(self) -> str:
        """The parameters: ids are positional, all others are keyword-only."""
        return self._signature(self.arguments)

    @property
    def many_signature(self) -> str:
        """The parameters of the wait for several resources."""
        return self._signature([*self.parents, self.ids])

    @property
    def target_signature(self) -> str:
        """The parameters of the method that makes the `PollTarget`."""
        return signature(self.parents, "")

    @property
    def target_call(self) -> str:
        """The call of that method."""
        return f"self.{self.target_name}({', '.join(each.name for each in self.parents)})"

    @property
    def target_name(self) -> str:
        """The name of that method."""
        return self.name.replace("wait", "_target", 1)

    def _signature(self, arguments: Sequence[Argument]) -> str:
        return signature(arguments, "", f"**options: Unpack[WaitOptions[{self.model}]]")


def emit(spec: Spec) -> dict[str, str]:
    """The files of `pixxel_async/_endpoints`: name to text."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["doc"] = docstrings.literal
    template = environment.get_template("endpoints.jinja2")
    resources = _resources(spec)
    files = {}
    for resource, found in resources.items():
        values = {
            "class_name": _class_of(spec, resource, found[0][0]),
            "description": spec.tags[found[0][0].tag],
            "methods": [_method(spec, operation, call) for operation, call in found],
            "waits": _waits(spec, resource, found),
        }
        used = _names(template.render(values, models=["Model"])) & spec.components.keys()
        files[f"{resource}.py"] = template.render(values, models=sorted(used))
    files["_life_cycles.py"] = environment.get_template("life_cycles.jinja2").render(
        cycles=[_life_cycle(cycle) for cycle in spec.life_cycles],
        models=sorted({cycle.model for cycle in spec.life_cycles}),
    )
    classes = {resource: [_class_of(spec, resource, found[0][0])] for resource, found in resources.items()}
    files["__init__.py"] = environment.get_template("package.jinja2").render(
        docstring="One class per resource, one method per call.\n\n"
        "Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one.\n",
        package="pixxel_async._endpoints",
        modules=dict(sorted(classes.items())),
        all=sorted(name for names in classes.values() for name in names),
    )
    return formatted(files)


def _names(text: str) -> set[str]:
    """The names that a module uses."""
    return {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}


def _resources(spec: Spec) -> dict[str, list[tuple[Operation, Call]]]:
    resources = defaultdict(list)
    for operation in spec.operations:
        for call in operation.calls:
            resources[call.resource].append((operation, call))
    for cycle in spec.life_cycles:
        if cycle.resource not in resources:
            raise SpecError(below(cycle.place, "wait"), f"there is no resource {cycle.resource!r}")
    return dict(resources)


def _class_of(spec: Spec, resource: str, operation: Operation) -> str:
    name = naming.class_name(resource, operation.tag)
    if name in spec.components:
        raise SpecError(operation.place, f"the resource {resource} and a schema are both called {name}")
    return name


# Methods


def _method(spec: Spec, operation: Operation, call: Call) -> Method:
    arguments = arguments_of(spec, operation, call)
    returns, item = _result(spec, operation, call)
    siblings = {
        each.name for other in spec.operations for each in other.calls if each.resource == call.resource
    }
    result = f"Paginator[{item}]" if operation.paging else returns
    if "list" in siblings and result.startswith("list["):
        result = f"builtins.{result}"  # inside the class, `list` is the method
    constant = f"_{call.name.upper()}"
    return Method(
        name=call.name,
        constant=constant,
        endpoint=_endpoint(spec, operation, call, returns),
        endpoint_type=returns,
        options=list_options(operation),
        result=result,
        arguments=arguments,
        operation=_operation(spec, operation, call, constant, arguments),
        later=_later(operation, call, arguments),
        doc=docstrings.of_call(spec, operation, call, arguments, item),
    )


def _result(spec: Spec, operation: Operation, call: Call) -> tuple[str, str]:
    """The type of the result and, for a listing, the type of its items."""
    answer = call.answer
    if answer.schema is None:
        return {"bytes": "bytes", "text": "str", "nothing": "None"}[answer.kind], ""
    if operation.paging:
        return _listed(spec, operation, answer.schema)
    schema = answer.schema
    if operation.unwrap and schema.kind == "component":
        schema = spec.components[schema.component].properties.get(operation.unwrap, schema)
    return _received_type(schema), ""


def _listed(spec: Spec, operation: Operation, schema: Schema) -> tuple[str, str]:
    assert operation.paging is not None
    place = operation.paging.place
    if schema.kind != "component":
        raise SpecError(place, "the response of a listing must be a component")
    items = spec.components[schema.component].properties.get(operation.paging.items)
    if items is None or items.inner is None:
        raise SpecError(below(place, "items"), f"{schema.component} has no list or map of that name")
    if items.kind != ("map" if operation.paging.style == "lens" else "list"):
        raise SpecError(below(place, "items"), f"a {items.kind} is not valid with {operation.paging.style}")
    component = spec.components[schema.component]
    for step in operation.paging.total:
        if step not in component.properties:
            raise SpecError(below(place, "total"), f"{component.name} has no property {step!r}")
        component = spec.components.get(component.properties[step].component, component)
    return schema.component, _received_type(items.inner)


def _received_type(schema: Schema) -> str:
    if schema.kind == "component":
        return schema.component
    if schema.kind == "list" and schema.inner is not None and schema.inner.kind == "component":
        return f"list[{schema.inner.component}]"
    if schema.kind == "string":
        return "str"
    raise SpecError(schema.place, f"a response cannot be of the kind {schema.kind}")


def _endpoint(spec: Spec, operation: Operation, call: Call, returns: str) -> str:
    parts = [
        f'id="{operation.id}"',
        f'method="{operation.method}"',
        f'path="{operation.path}"',
        f"returns={returns}",
        f'request_class="{call.request_class}"',
    ]
    if call.billable:
        parts.append("billable=True")
    if operation.free_when:
        name, value = operation.free_when
        parts.append(f'free_when=("{naming.attribute(name)}", {value!r})')
    if operation.paging:
        paging = operation.paging
        steps = ", ".join(_quoted(naming.attribute(step)) for step in paging.total)
        total = f", total=({steps}{',' if len(paging.total) == 1 else ''})" if steps else ""
        parts.append(
            f'paging=Paging(style="{paging.style}", items="{naming.attribute(paging.items)}"{total})'
        )
    if operation.unwrap:
        parts.append(f'unwrap="{operation.unwrap}"')
    if operation.key:
        pairs = [
            f"{_quoted(name)}: {_quoted(naming.attribute(path))}" for name, path in operation.key.items()
        ]
        parts.append(f"key={{{', '.join(pairs)}}}")
    if operation.trace and call.request_class == "create":
        parts.append(f"trace={_trace(spec, operation.trace)}")
    return f"Endpoint({', '.join(parts)})"


def _trace(spec: Spec, trace: Trace) -> str:
    listing = spec.operation(trace.listing)
    assert listing is not None  # checked in codegen.spec
    parts = [f"listing=_{listing.calls[0].name.upper()}", f'id="{naming.attribute(trace.id)}"']
    for name, pairs in (("filter", trace.filter), ("equal", trace.equal)):
        if pairs:
            parts.append(f"{name}={{{', '.join(f'{_quoted(a)}: {_quoted(b)}' for a, b in pairs.items())}}}")
    if trace.many:
        parts.append(f"many=({', '.join(map(_quoted, trace.many))})")
    return f"Trace({', '.join(parts)})"


def _operation(
    spec: Spec, operation: Operation, call: Call, constant: str, arguments: Sequence[Argument]
) -> str:
    parts = [constant]
    for where in ("path", "query"):
        values = [f'"{each.wire}": {each.value}' for each in arguments if each.where == where]
        if values:
            parts.append(f"{where}={{{', '.join(values)}}}")
    if operation.body is not None:
        body = _body(operation, call, arguments)
        area = _area(arguments)
        if area and not operation.paging:
            body = f"await with_area({area}, lambda: {body})"
        if not (area and operation.paging):
            parts.append(f"body={body}")
    return f"Operation({', '.join(parts)})"


def _later(operation: Operation, call: Call, arguments: Sequence[Argument]) -> str:
    """Arguments of a listing that let it make its body when it is read; empty if its body has no area."""
    area = _area(arguments)
    if not operation.paging or not area:
        return ""
    return f"area={area}, make_body=lambda: {_body(operation, call, arguments)}, "


def _area(arguments: Sequence[Argument]) -> str | None:
    """The argument whose check may take long, if there is one. A body with secrets is made at once: no closure keeps them."""
    if any(each.sensitive for each in arguments):
        return None
    return next((each.name for each in arguments if each.is_area), None)


def _body(operation: Operation, call: Call, arguments: Sequence[Argument]) -> str:
    given = [each.name for each in arguments if each.where == "body"]
    values = [f"{name}={name}" for name in given]
    values += [f"{naming.attribute(wire)}={value!r}" for wire, value in call.fixed.items()]
    body = f"{operation.body}({', '.join(values)})"
    if operation.body_required:
        return body
    return f"None if {' and '.join(f'{name} is None' for name in given)} else {body}"


# Waits


def _waits(spec: Spec, resource: str, found: Sequence[tuple[Operation, Call]]) -> list[Wait]:
    waits = [_wait(spec, cycle) for cycle in spec.life_cycles if cycle.resource == resource]
    for wait in waits:
        if any(f"{wait.name}_many" == call.name for _, call in found):
            raise SpecError(
                found[0][1].place,
                f"the name {wait.name}_many is already used by the wait for several resources",
            )
    return waits


def _wait(spec: Spec, cycle: LifeCycle) -> Wait:
    operation = spec.operation(cycle.operation)
    assert operation is not None  # checked in codegen.spec
    (call,) = operation.calls
    arguments = _wait_arguments(spec, cycle, operation, call)
    name = naming.attribute(cycle.match[-1])
    (id,) = [each for each in arguments if each.name == name]
    parents = [each for each in arguments if each is not id]
    text = f"Ids of the {docstrings.plural(cycle)}, without duplicates."
    ids = attrs.evolve(id, name=f"{id.name}s", type="Iterable[str]", description=text)
    return Wait(
        name=cycle.method,
        helper="_wait_package" if cycle.is_package else "_wait",
        model=cycle.model,
        poller=f"{'PackagePoller' if cycle.is_package else 'Poller'}[{cycle.model}]",
        arguments=arguments,
        parents=tuple(parents),
        id=id,
        ids=ids,
        target=_target(spec, cycle, call, arguments, id),
        doc=docstrings.of_wait(cycle, arguments),
        many_doc="" if cycle.is_package else docstrings.of_wait_many(cycle, [*parents, ids]),
    )


def _target(spec: Spec, cycle: LifeCycle, call: Call, arguments: Sequence[Argument], id: Argument) -> str:
    """The expression of a `PollTarget`, in which `id` is the id of the resource."""
    parents = [each.name for each in arguments if each.where == "path" and each is not id]
    given = [f"{each.name}={each.name}" for each in arguments if each.where != "path"]
    if cycle.select is None:
        poll = f"self.{call.name}({', '.join([*parents, 'id', *given])})"
    else:
        narrowed = [] if cycle.filter is None else [f"{naming.attribute(cycle.filter)}=id"]
        listing = f"self.{call.name}({', '.join([*parents, *given, *narrowed])})"
        poll = f'self._pick({listing}, "{naming.attribute(cycle.id)}", id)'
    parts = [f"_life_cycles.{cycle.name.upper()}", f"lambda id: {poll}"]
    if cycle.sweep is not None:
        sweep = spec.operation(cycle.sweep.operation)
        assert sweep is not None  # checked in codegen.spec
        values = ", ".join([*parents, "**narrow"])
        parts.append(f"listing=lambda **narrow: self.{sweep.calls[0].name}({values})")
    if parents:
        parts.append(f"within=({', '.join(parents)},)")
    return f"PollTarget({', '.join(parts)})"


def _wait_arguments(spec: Spec, cycle: LifeCycle, operation: Operation, call: Call) -> tuple[Argument, ...]:
    """The arguments that identify the resource; a wait that repeats a call also takes the call's other arguments."""
    found = list(arguments_of(spec, operation, call))
    if cycle.select is not None:
        found = [each for each in found if each.where == "path"]
        name = naming.attribute(cycle.select)
        place = below(cycle.place, "poll/select")
        found.append(
            Argument(name, place, "str", True, f"Id of {docstrings.singular(cycle)}.", "path", name, name)
        )
    return ordered(found, WAIT_OPTIONS)


def _life_cycle(cycle: LifeCycle) -> dict[str, Any]:
    options: dict[str, Any] = {"name": cycle.name}
    for key in ("id", "status", "progress", "error", "signed_url"):
        value = getattr(cycle, key)
        if value is not None:
            options[key] = naming.attribute(value)
    written = [f'{key}="{value}"' for key, value in options.items()]
    for key in ("in_flight", "success", "partial", "failure"):
        values = getattr(cycle, key)
        if values:
            written.append(f"{key}=frozenset({{{', '.join(map(_quoted, values))}}})")
    if cycle.estimate:
        written.append(f'estimate=("{naming.attribute(cycle.estimate[0])}", {cycle.estimate[1]})')
    written += [f"first_interval={cycle.first_interval}", f"most_interval={cycle.most_interval}"]
    if cycle.timeout is not None:
        written.append(f"timeout={cycle.timeout}")
    if cycle.sweep:
        written.append(f"sweep={_sweep(cycle.sweep)}")
    return {"constant": cycle.name.upper(), "model": cycle.model, "arguments": ", ".join(written)}


def _sweep(sweep: Sweep) -> str:
    parts = []
    if sweep.ids:
        parts.append(f'ids="{naming.attribute(sweep.ids)}"')
    if sweep.narrow:
        parts.append(f"narrow=({', '.join(_quoted(naming.attribute(each)) for each in sweep.narrow)})")
    if sweep.is_brief:
        parts.append("is_brief=True")
    return f"Sweep({', '.join(parts)})"


def _quoted(text: str) -> str:
    return f'"{text}"'
