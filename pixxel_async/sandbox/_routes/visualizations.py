"""Indices, and their visualizations over AOIs with legends, pictures and styles."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from xml.sax.saxutils import quoteattr

from pixxel_async.sandbox._account import seeds
from pixxel_async.sandbox._account.records import AOI, Asset, Legend, Visualization
from pixxel_async.sandbox._account.state import State
from pixxel_async.sandbox._base import times
from pixxel_async.sandbox._base.course import Course, Outcome, Words
from pixxel_async.sandbox._base.refusal import bad_request, conflict
from pixxel_async.sandbox._routes import legends
from pixxel_async.sandbox._routes.aois import asset_json, the_aoi
from pixxel_async.sandbox._routes.call import Answer, Call, Handlers
from pixxel_async.sandbox._routes.filters import matching, page
from pixxel_async.sandbox._world.colormaps import COLORMAPS
from pixxel_async.sandbox._world.imagery import index_png

routes = Handlers()

_WORDS = Words(("creating",), "success", "failed", "partial_success")


@routes("ListIndices")
def list_indices(state: State, call: Call) -> Answer:
    """List indices, preset ones first."""
    wanted = call.query
    found = matching(
        state.indices.values(),
        id=(wanted["index_id"], lambda index: index["id"]),
        satellite=(wanted["satellite_id"], lambda index: index["satellite_id"]),
        type=(wanted["type"], lambda index: index["type"]),
        expression=(wanted["expression_type"], lambda index: index["expression_type"]),
    )
    shown, pagination = page(found, wanted)
    return Answer({"indices": list(shown), "pagination": pagination})


@routes("CreateIndex")
def create_index(state: State, call: Call) -> Answer:
    """Create a custom index; its name must be unique among the indices of the satellite."""
    body = call.body
    satellite = state.satellites.get(body["satellite_id"])
    if satellite is None:
        raise bad_request("body.satellite_id: no such satellite", {"satellite_id": body["satellite_id"]})
    low, high = body["rescale"]
    if low >= high:
        raise bad_request("body.rescale: must be [min, max] with min below max", {"rescale": body["rescale"]})
    if body["colormap"] not in COLORMAPS:
        raise bad_request("body.colormap: no such colormap", {"colormaps": COLORMAPS})
    bands = legends.bands_of(
        body["expression"], body["expression_type"], [band["name"] for band in satellite["bands"]]
    )
    taken = {index["name"] for index in state.indices.values() if index["satellite_id"] == satellite["id"]}
    if body["name"] in taken:
        raise conflict("an index of this name exists", {"name": body["name"]})
    id, now = state.new_id("index"), times.spaced(state.now)
    names = ("name", "description", "rescale", "expression", "colormap", "satellite_id", "expression_type")
    index = {"id": id, "type": "custom", "bands": bands, "created_at": now, "updated_at": now}
    state.indices[id] = {**{name: body[name] for name in names}, **index}
    state.record(call.operation.id, id, f"{satellite['id']}: {body['name']}")
    return Answer(state.indices[id], 201)


@routes("ListVisualizations")
def list_visualizations(state: State, call: Call) -> Answer:
    """List visualizations in short form."""
    aoi, wanted = the_aoi(state, call), call.query
    found = matching(
        aoi.visualizations.values(),
        id=(wanted["visualization_id"], lambda v: v.id),
        user=(wanted["user_id"], lambda v: v.user_id),
        index=(wanted["index_id"], lambda v: v.index["id"]),
        expression=(wanted["expression_type"], lambda v: v.index["expression_type"]),
        type=(wanted["type"], lambda v: "custom"),
    )
    shown, pagination = page(found, wanted)
    return Answer({"visualization": [_short(state, v) for v in shown], "pagination": pagination})


@routes("CreateVisualization")
def create_visualization(state: State, call: Call) -> Answer:
    """Render over the given mosaics, or over all finished ones. A duplicate is a conflict, unless the first one failed."""
    aoi, body = the_aoi(state, call), call.body
    index = state.indices.get(body["index_id"])
    if index is None:
        raise bad_request("body.index_id: no such index", {"index_id": body["index_id"]})
    if index["satellite_id"] != aoi.satellite_id:
        raise bad_request("body.index_id: the index is for another satellite", {"index_id": index["id"]})
    sources = _sources(state, aoi, body.get("src_asset_ids"))
    for other in aoi.visualizations.values():
        same = other.index is index and other.sources == sources
        if same and not other.course.failed(state.now):
            raise conflict("this visualization exists", {"visualization_id": other.id})
    id = state.new_id("visualization")
    visualization = Visualization(
        id=id,
        aoi=aoi,
        index=index,
        sources=sources,
        rendered=[],
        resolution=body.get("resolution") or sources[0].resolution,
        user_id=call.access.user_id,
        course=state.course("visualization", id, index["name"], index["description"]),
    )
    visualization.rendered = _rendered(state, visualization)
    aoi.assets.extend(visualization.rendered)
    aoi.visualizations[id] = visualization
    state.record(call.operation.id, id, f"{aoi.id}: {index['id']} {','.join(asset.id for asset in sources)}")
    return Answer(_detail(state, visualization), 201)


@routes("UpdateVisualizationMetadata")
def update_metadata(state: State, call: Call) -> Answer:
    """Set the classes of one mode. Areas are measured; dynamic classes are computed if the list is null."""
    visualization, body = _ready(state, call), call.body
    mode, bins = body["visualization_mode"], body.get("dynamic_bins")
    if visualization.index["expression_type"] != "index":
        raise bad_request("composites and grayscale pictures have no legend")
    legend = _legend(state, visualization)
    new = {}
    for day, items in body["legend"].items():
        asset = _asset_of(visualization, day)
        if items is not None:
            new[day] = legends.measured(state, visualization, asset, items)
        elif mode == "theoretical":
            raise bad_request(f"body.legend.{day}: null is possible in dynamic mode only")
        elif bins is None:
            raise bad_request("body.dynamic_bins: needed where a legend is null")
        else:
            new[day] = legends.computed(state, visualization, asset, bins)
    for day, classes in new.items():
        legend[day] = {"dynamic": [], "theoretical": [], **legend.get(day, {}), mode: classes}
    visualization.edited_at = state.now
    return Answer({"legend": legend})


@routes("RollbackVisualizationMetadata")
def rollback_metadata(state: State, call: Call) -> Answer:
    """Compute the classes of one mode again, as after the rendering."""
    visualization, body = _ready(state, call), call.body
    _require_index(visualization, body["index_id"])
    legend, original = _legend(state, visualization), legends.original(state, visualization)
    for day in body["dates"]:
        _asset_of(visualization, day)
    for day in body["dates"]:
        mode = body["visualization_mode"]
        if day in original or day in legend:
            legend.setdefault(day, {})[mode] = original.get(day, {}).get(mode, [])
    visualization.edited_at = state.now
    return Answer(_detail(state, visualization))


@routes("GenerateIndexPng")
def generate_png(state: State, call: Call) -> Answer:
    """Return a picture, rendered in a thread."""
    visualization, body = _ready(state, call), call.body
    _require_index(visualization, body["index_id"])
    asset = _asset_of(visualization, body["date"])
    items = _legend(state, visualization).get(asset.day, {}).get(body["visualization_mode"], [])
    picture = legends.picture(state, visualization, asset, items)
    return Answer(content_type="image/png", build=lambda: index_png(**picture))


@routes("GenerateVisualizationSLD")
def generate_sld(state: State, call: Call) -> Answer:
    """Return the legends as colour maps of Styled Layer Descriptors."""
    visualization, body = _ready(state, call), call.body
    legend = _legend(state, visualization)
    days = [_asset_of(visualization, day).day for day in body["dates"]]
    styles = {
        mode: {day: _sld(visualization, legend.get(day, {}).get(mode, [])) for day in days}
        for mode in body["visualization_modes"]
    }
    return Answer({"sld": styles})


def _sources(state: State, aoi: AOI, wanted: list[str] | None) -> list[Asset]:
    """The mosaics to render, by day.

    Raises:
        Refusal: 400 when one is not ready, or is not a mosaic.
    """
    ready = [a for a in aoi.assets if a.type == "mosaic" and a.course.succeeded(state.now)]
    by_id = {asset.id: asset for asset in ready}
    for asset_id in wanted or []:
        if asset_id not in by_id:
            raise bad_request(
                "body.src_asset_ids: no mosaic of this aoi that is ready", {"asset_id": asset_id}
            )
    chosen = [asset for asset in ready if not wanted or asset.id in wanted]
    if not chosen:
        raise bad_request("the aoi has no mosaic that is ready")
    return chosen


def _rendered(state: State, visualization: Visualization) -> list[Asset]:
    """A visualization asset for each source; if it succeeds partially, the last one fails."""
    course, index = visualization.course, visualization.index
    last = visualization.sources[-1]
    return [
        Asset(
            id=state.new_id("asset"),
            name=f"{index['name']}_{source.day}",
            description=f"{index['name']} rendered",
            type="visualization",
            scenes=source.scenes,
            bands=list(index["bands"]),
            resolution=visualization.resolution,
            course=Course(course.begins, course.seconds, _fate(course.outcome, is_last=source is last)),
            visualization_id=visualization.id,
        )
        for source in visualization.sources
    ]


def _fate(outcome: Outcome, *, is_last: bool) -> Outcome:
    if outcome is Outcome.PARTIAL:
        return Outcome.FAIL if is_last else Outcome.SUCCESS
    return outcome


def _ready(state: State, call: Call) -> Visualization:
    """The visualization in the path.

    Raises:
        Refusal: It does not exist, or it has not succeeded.
    """
    aoi, id = the_aoi(state, call), call.path["visualization_id"]
    visualization = aoi.visualizations.get(id)
    if visualization is None:
        raise call.unknown("visualization", id)
    if not visualization.course.succeeded(state.now):
        raise bad_request("the visualization is not ready", {"id": id})
    return visualization


def _require_index(visualization: Visualization, index_id: str) -> None:
    if index_id != visualization.index["id"]:
        raise bad_request("body.index_id: not the index of this visualization", {"index_id": index_id})


def _asset_of(visualization: Visualization, day: str) -> Asset:
    asset = visualization.asset_of(day)
    if asset is None:
        days = [source.day for source in visualization.sources]
        raise bad_request(f"the visualization has no image of {day}", {"dates": days})
    return asset


def _legend(state: State, visualization: Visualization) -> Legend:
    """Its legends, computed at the first use."""
    if visualization.legend is None:
        visualization.legend = legends.original(state, visualization)
    return visualization.legend


def _short(state: State, visualization: Visualization) -> dict[str, Any]:
    now, course = state.now, visualization.course
    touched: datetime = visualization.edited_at or course.touched(now)
    return {
        "id": visualization.id,
        "aoi_id": visualization.aoi.id,
        "index_id": visualization.index["id"],
        "tenant_id": seeds.TENANT_ID,
        "user_id": visualization.user_id,
        "progress": course.progress(now),
        "status": course.word(now, _WORDS),
        "created_at": times.spaced(course.begins),
        "updated_at": times.spaced(touched),
    }


def _detail(state: State, visualization: Visualization) -> dict[str, Any]:
    """The visualization. Its type is always `custom`: the vendor's enum has no other value, even for preset indices."""
    index, ready = visualization.index, visualization.course.succeeded(state.now)
    assets = visualization.rendered if ready else []
    return {
        **_short(state, visualization),
        "index_name": index["name"],
        "type": "custom",
        "expression_type": index["expression_type"],
        "expression": index["expression"],
        "rescale": index["rescale"],
        "assets": [asset_json(state, visualization.aoi, asset) for asset in assets],
        "metadata": {"legend": _legend(state, visualization) if ready else {}},
    }


def _sld(visualization: Visualization, items: list[dict[str, Any]]) -> str:
    entries = "".join(
        f'<ColorMapEntry color={quoteattr(item.get("color", "#000000"))} quantity="{item.get("max", 0)}" '
        f"label={quoteattr(item.get('label', ''))}/>"
        for item in items
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<StyledLayerDescriptor version="1.0.0" xmlns="http://www.opengis.net/sld">'
        f"<NamedLayer><Name>{visualization.id}</Name><UserStyle><FeatureTypeStyle><Rule><RasterSymbolizer>"
        f'<ColorMap type="intervals">{entries}</ColorMap>'
        "</RasterSymbolizer></Rule></FeatureTypeStyle></UserStyle></NamedLayer></StyledLayerDescriptor>"
    )
