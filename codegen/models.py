"""Writes the models: datamodel-code-generator reads the schemas, and our templates write attrs classes.

There are three modules. `enums` and `answers` hold the types of responses: they check nothing, and every field but the
id may be missing. `requests` holds the types that users create: they have required fields, and every field has its
check.
"""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import attrs
import jinja2
from datamodel_code_generator import generate
from datamodel_code_generator.config import GenerateConfig
from datamodel_code_generator.enums import DataModelType, InputFileType, OpenAPIScope
from datamodel_code_generator.format import Formatter, PythonVersion

from codegen import naming
from codegen.api import Component, Schema, Spec
from codegen.document import SpecError, below
from codegen.formatting import ROOT, formatted

TEMPLATES: Final = Path(__file__).resolve().parent / "templates"
PACKAGE: Final = "pixxel_async.models"
HEADER: Final = (
    '"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""'
)
RESERVED: Final = frozenset({"attrs", "checks", "extra", "model", "self", "times", "to_dict"})
"""Names that the generated classes use."""
IMPORTS: Final = [
    "attrs",
    "collections.abc.Mapping",
    "collections.abc.Sequence",
    "pixxel_async._codec.checks",
    "pixxel_async._codec.open_enum.OpenEnum",
    "pixxel_async._codec.times",
    "pixxel_async._codec.model.Model",
    "pixxel_async._codec.model.model",
    "pixxel_async._codec.model.Sensitive",
    "pixxel_async._codec.model.WireName",
    "pixxel_async.geometry.GeometryInput",
    "typing.Annotated",
    "typing.Any",
]
"""Written into every module; ruff removes the unused ones."""


def emit(spec: Spec) -> dict[str, str]:
    """The files of `pixxel_async/models`: name to text."""
    modules = _modules(spec)
    files = _generated(spec, _document(spec, modules), _template_data(spec, modules))
    names = defaultdict(list)
    for component, module in sorted(modules.items()):
        names[module].append(component)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    package = environment.get_template("package.jinja2").render(
        docstring="The requests and responses of the API, as classes.\n\n" + HEADER.strip('"') + "\n",
        package=PACKAGE,
        modules=dict(sorted(names.items())),
        all=sorted(modules),
    )
    return {**files, **formatted({"__init__.py": package})}


def _modules(spec: Spec) -> dict[str, str]:
    """The components that become classes, each with its module."""
    received = spec.received
    modules = {}
    for name in sorted(received | spec.sent):
        component = spec.components[name]
        modules[name] = "enums" if component.words else "answers" if name in received else "requests"
    return modules


# Input of datamodel-code-generator


def _document(spec: Spec, modules: Mapping[str, str]) -> dict[str, Any]:
    """The schemas for datamodel-code-generator: only types and descriptions, with the module in each name."""
    schemas = {
        f"{modules[name]}.{name}": _component(component, modules)
        for name, component in spec.components.items()
        if name in modules
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Pixxel", "version": "v0"},
        "paths": {},
        "components": {"schemas": schemas},
    }


def _component(component: Component, modules: Mapping[str, str]) -> dict[str, Any]:
    if component.words:
        return {"type": "string", "enum": list(component.words), "description": component.description}
    is_request = modules[component.name] == "requests"
    properties = {}
    for wire, schema in component.properties.items():
        if not schema.description:
            raise SpecError(schema.place, "has no description")
        # In requests the template writes the type (see `_rule`); this schema decides the imports only.
        body = {} if is_request and schema.input else _property(schema, modules)
        properties[wire] = {**body, "description": schema.description}
    return {
        "type": "object",
        "description": component.description,
        "properties": properties,
        # In requests the template writes the required fields.
        "required": [] if is_request else _certain(component),
    }


def _certain(component: Component) -> list[str]:
    """The required field of responses: the id that other calls take, as plain text."""
    for wire in component.required:
        schema = component.properties[wire]
        if schema.kind != "string" or schema.format or schema.nullable:
            raise SpecError(
                below(component.place, "required"),
                f"{wire}: only an id can be required in a response; for requests use `x-required-when-sent`",
            )
    return sorted(component.required)


def _schema(schema: Schema, modules: Mapping[str, str]) -> dict[str, Any]:
    if schema.kind == "component":
        return {"$ref": f"#/components/schemas/{modules[schema.component]}.{schema.component}"}
    if schema.format == "date-time":
        return {"type": "string", "customTypePath": "pixxel_async._codec.model.Timestamp"}
    inner = {} if schema.inner is None else _schema(schema.inner, modules)
    if schema.kind == "list":
        body: dict[str, Any] = {"type": "array", "items": inner}
    elif schema.kind == "map":
        body = {"type": "object", "additionalProperties": inner or True}
    elif schema.kind == "any":
        return {}
    else:
        body = {"type": schema.kind}
    return {**body, "type": [body["type"], "null"]} if schema.nullable else body


def _property(schema: Schema, modules: Mapping[str, str]) -> dict[str, Any]:
    # An optional field of a response may always be None, so null at the top level adds nothing.
    return _schema(attrs.evolve(schema, nullable=False), modules)


def _template_data(spec: Spec, modules: Mapping[str, str]) -> defaultdict[str, dict[str, Any]]:
    """Values for the templates that datamodel-code-generator does not provide."""
    data: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for name, module in modules.items():
        component = spec.components[name]
        path = f"#/components/schemas/{module}.{name}"
        if component.words:
            data[path] = {"enum_description": component.description}
            continue
        data[path] = {
            "sensitive": [wire for wire, schema in component.properties.items() if schema.sensitive]
        }
        if module == "requests":
            rules = {wire: _rule(spec, component, wire) for wire in component.properties}
            data[path] |= {"rules": rules, "model_checks": _model_checks(component)}
    return data


def _rule(spec: Spec, component: Component, wire: str) -> dict[str, Any]:
    schema = component.properties[wire]
    if schema.nullable:
        raise SpecError(schema.place, "null in a request is not supported: `None` omits the property")
    is_required = wire in component.required
    hint = naming.sent_type(spec, schema)
    return {
        "type": hint if is_required or hint == "Any" else f"{hint} | None",
        "required": is_required,
        "check": naming.check(spec, schema),
    }


def _model_checks(component: Component) -> list[str]:
    checks = []
    for function, names in (("exactly_one_of", component.exactly_one), ("in_order", component.ordered)):
        if names:
            quoted = ", ".join(f'"{naming.attribute(name)}"' for name in names)
            checks.append(f"{function}(self, {quoted})")
    return checks


# The call of the generator


def _generated(
    spec: Spec, document: dict[str, Any], data: defaultdict[str, dict[str, Any]]
) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        output, metadata = Path(folder) / "models", Path(folder) / "metadata.json"
        generate(
            document,
            config=GenerateConfig(
                input_file_type=InputFileType.OpenAPI,
                openapi_scopes=[OpenAPIScope.Schemas],
                output=output,
                emit_model_metadata=metadata,
                output_model_type=DataModelType.DataclassesDataclass,
                custom_template_dir=TEMPLATES,
                extra_template_data=data,
                custom_file_header=HEADER,
                additional_imports=IMPORTS,
                target_python_version=PythonVersion.PY_311,
                treat_dot_as_module=True,
                use_exact_imports=True,
                use_type_checking_imports=False,
                disable_future_imports=True,
                disable_timestamp=True,
                keyword_only=True,
                strict_nullable=True,
                snake_case_field=True,
                capitalise_enum_members=True,
                use_schema_description=True,
                use_field_description=True,
                use_single_line_docstring=True,
                use_double_quotes=True,
                formatters=[Formatter.RUFF_CHECK, Formatter.RUFF_FORMAT],
                settings_path=ROOT,
            ),
        )
        _check_fields(spec, json.loads(metadata.read_text(encoding="utf-8"))["models"])
        return {path.name: path.read_text(encoding="utf-8") for path in sorted(output.glob("*.py"))}


def _check_fields(spec: Spec, models: Iterable[Mapping[str, Any]]) -> None:
    """Check the names and, in responses, the types that datamodel-code-generator has made."""
    for model in models:
        component = spec.components[model["class_name"]]
        if component.words:
            continue
        taken = set(RESERVED)
        for field in model["fields"]:
            schema = component.properties[field["original_name"]]
            name = naming.attribute(field["original_name"])
            if field["name"] != name:
                raise SpecError(schema.place, f"has the name {field['name']}, but {name} is expected")
            if name in taken:
                raise SpecError(schema.place, f"the name {name} is already used")
            taken.add(name)
            is_certain = field["original_name"] in component.required
            hint = naming.received_type(attrs.evolve(schema, nullable=not is_certain))
            if model["module"] == "answers" and field["type"] != hint:
                raise SpecError(schema.place, f"became {field['type']}, but {hint} is expected")
