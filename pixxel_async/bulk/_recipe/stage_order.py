"""The stages of a recipe, in order."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from pixxel_async.bulk._recipe import stage_calls as calls
from pixxel_async.bulk._recipe.account_names import Target
from pixxel_async.bulk._recipe.recipes import Insight, Items, Job, OrderRecipe, Recipe, Search, Visualization
from pixxel_async.bulk._recipe.stages import Kind, Price, Stage


def stages_of(recipe: Recipe | OrderRecipe, target: Target, run_id: str) -> tuple[Stage, ...]:
    """The stages of each row in the run with that id."""
    if isinstance(recipe, OrderRecipe):
        return tuple(_order(recipe, target, run_id))
    return tuple(_aoi(recipe, target, run_id))


def _images(images: Search | Items, target: Target) -> Stage:
    if isinstance(images, Search):
        return Stage("images", partial(calls.find_images, search=images, target=target))
    return Stage("images", partial(calls.given_images, items=images))


def _aoi(recipe: Recipe, target: Target, run_id: str) -> Iterator[Stage]:
    yield _images(recipe.images, target)
    create = partial(calls.create_aoi, target=target, run_id=run_id)
    yield Stage("aoi", create, Kind.CREATE, again_if_absent=True)
    yield Stage("aoi ready", partial(calls.wait_aoi, waiting=recipe.waiting), makes="aoi")
    for make in recipe.make:
        if isinstance(make, Visualization):
            yield from _visualization(make, recipe, target)
        elif isinstance(make, Insight):
            yield from _insight(make, recipe, target, run_id)
        else:
            yield from _job(make, recipe, target)
    if recipe.package is not None:
        yield Stage("package", calls.request_package, requests=2)
        fetch = partial(calls.fetch_package, unzip=recipe.package.unzip, waiting=recipe.waiting)
        yield Stage("package file", fetch, Kind.FETCH, requests=2, makes="package")


def _visualization(make: Visualization, recipe: Recipe, target: Target) -> Iterator[Stage]:
    name, index_id = make.label, target.indices[make.index]
    create = partial(calls.create_visualization, index_id=index_id)
    yield Stage(name, create, Kind.CREATE, requests=2, again_if_absent=True)
    yield Stage(
        f"{name} ready", partial(calls.wait_visualization, stage=name, waiting=recipe.waiting), makes=name
    )
    if make.png:
        draw = partial(calls.draw_png, stage=name, index=make.index, index_id=index_id)
        yield Stage(f"{name} picture", draw, Kind.FETCH, requests=2)


def _insight(make: Insight, recipe: Recipe, target: Target, run_id: str) -> Iterator[Stage]:
    name, block = make.label, target.blocks[make.label]
    create = partial(
        calls.create_insight, insight=make, block=block, project_id=target.project_id, run_id=run_id
    )
    price = Price(partial(calls.price_insight, insight=make, block=block), needs=("aoi ready",))
    yield Stage(name, create, Kind.CREATE, price, requests=3)
    yield Stage(f"{name} ready", partial(calls.wait_insight, stage=name, waiting=recipe.waiting), makes=name)
    if recipe.package is not None:
        fetch = partial(calls.fetch_insight, stage=name, unzip=recipe.package.unzip, waiting=recipe.waiting)
        yield Stage(f"{name} file", fetch, Kind.FETCH, requests=2)


def _job(make: Job, recipe: Recipe, target: Target) -> Iterator[Stage]:
    name, workflows = make.label, target.workflows
    create = partial(calls.create_job, job=make, workflows=workflows, project_id=target.project_id)
    price = Price(
        partial(calls.price_job, job=make, workflows=workflows),
        same_for=lambda work: make.of(work.properties),
    )
    yield Stage(name, create, Kind.CREATE, price, requests=2, one_at_a_time="job")
    wait = partial(calls.wait_job, stage=name, job=make, workflows=workflows, waiting=recipe.waiting)
    yield Stage(f"{name} ready", wait, makes=name)
    if recipe.package is not None:
        fetch = partial(
            calls.fetch_job,
            stage=name,
            job=make,
            workflows=workflows,
            unzip=recipe.package.unzip,
            waiting=recipe.waiting,
        )
        yield Stage(f"{name} file", fetch, Kind.FETCH, requests=2)


def _order(recipe: OrderRecipe, target: Target, run_id: str) -> Iterator[Stage]:
    yield _images(recipe.images, target)
    create = partial(calls.create_order, order=recipe.order, project_id=target.project_id, run_id=run_id)
    ask = partial(calls.price_order, order=recipe.order, project_id=target.project_id, run_id=run_id)
    yield Stage("order", create, Kind.CREATE, Price(ask, needs=("images",)), requests=2)
    yield Stage("order items", calls.list_order_items, makes="order")
    yield Stage("order ready", partial(calls.wait_order, waiting=recipe.waiting), makes="order")
    if recipe.delivery is not None:
        assert target.store_id is not None  # resolved with the recipe
        deliver = partial(calls.create_delivery, delivery=recipe.delivery, store_id=target.store_id)
        yield Stage("delivery", deliver, Kind.CREATE)
        yield Stage("delivery ready", partial(calls.wait_delivery, waiting=recipe.waiting), makes="delivery")
    if recipe.package is not None:
        yield Stage("package", calls.request_images)
        fetch = partial(calls.fetch_images, unzip=recipe.package.unzip, waiting=recipe.waiting)
        yield Stage("package file", fetch, Kind.FETCH, requests=2, makes="package")
