"""Durable runs over thousands of areas: from a table and a recipe to files, without duplicates after interruptions.

    recipe = load_recipe("ndvi.toml")
    async with PixxelClient() as client:
        async with Run.start(client, "fields.geojson", recipe, "out", max_tokens=500) as run:
            async for result in run:
                print(result.name, result.state)

The run keeps a journal in `out/run.journal`; `Run.resume(client, "out")` resumes it.
"""

from pixxel_async.bulk._execution.engine import Engine, LocalEngine, Then
from pixxel_async.bulk._execution.result import Result
from pixxel_async.bulk._execution.run import Progress, Run, decide, plan, results
from pixxel_async.bulk._execution.status import HeldStep, Status, Worker, status
from pixxel_async.bulk._faults import BadRows, Fault
from pixxel_async.bulk._journal.decisions import Adopt, Decision, Decisions
from pixxel_async.bulk._journal.records import CapReached, JournalError, JournalInUse, Tokens
from pixxel_async.bulk._recipe.file import AnyRecipe, BadRecipe, load_recipe, to_toml
from pixxel_async.bulk._recipe.plan import Plan
from pixxel_async.bulk._recipe.recipes import (
    Delivery,
    Insight,
    Items,
    Job,
    Order,
    OrderRecipe,
    Package,
    Property,
    Recipe,
    Search,
    Visualization,
)
from pixxel_async.bulk._report import Format, report
from pixxel_async.bulk._state import State
from pixxel_async.bulk.sources import Checked, Field, Source, check, open_source

__all__ = [
    "Adopt",
    "AnyRecipe",
    "BadRecipe",
    "BadRows",
    "CapReached",
    "Checked",
    "Decision",
    "Decisions",
    "Delivery",
    "Engine",
    "Fault",
    "Field",
    "Format",
    "HeldStep",
    "Insight",
    "Items",
    "Job",
    "JournalError",
    "JournalInUse",
    "LocalEngine",
    "Order",
    "OrderRecipe",
    "Package",
    "Plan",
    "Progress",
    "Property",
    "Recipe",
    "Result",
    "Run",
    "Search",
    "Source",
    "State",
    "Status",
    "Then",
    "Tokens",
    "Visualization",
    "Worker",
    "check",
    "decide",
    "load_recipe",
    "open_source",
    "plan",
    "report",
    "results",
    "status",
    "to_toml",
]
