"""Many fields in one go: from a GeoJSON file to pictures, packages and a report.

fields = read_fields("fields.geojson")
report = Report(fields)
async with PixxelClient() as client:
    async for result in run(client, fields, recipe, out="out", on_update=report.update):
        print(result.name, result.state)
report.write("out")
"""

from pixxel_async.bulk._fields import Field, FieldFileError, read_fields
from pixxel_async.bulk._recipe import Recipe
from pixxel_async.bulk._result import Result, State, Step
from pixxel_async.bulk.report import Report
from pixxel_async.bulk.runner import run

__all__ = [
    "Field",
    "FieldFileError",
    "Recipe",
    "Report",
    "Result",
    "State",
    "Step",
    "read_fields",
    "run",
]
