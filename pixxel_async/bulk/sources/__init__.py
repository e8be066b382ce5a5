"""Reads files of polygons, in common formats, as the fields of a bulk run.

source = open_source("fields.gpkg", key="plot").with_whole_features(recipe.whole_features)
checked = check(source, rule=recipe.row_faults)   # all faults, before any request
for field in source.read():
    print(field.key, field.geometry)
"""

from pixxel_async.bulk._faults import BadRows, Fault, Problem
from pixxel_async.bulk.sources._check import Checked, check
from pixxel_async.bulk.sources._source import Field, Source, open_source

__all__ = ["BadRows", "Checked", "Fault", "Field", "Problem", "Source", "check", "open_source"]
