"""AOIs, their assets, and downloads of the assets."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from pixxel_async.sandbox._account.records import AOI, Asset
from pixxel_async.sandbox._account.state import State
from pixxel_async.sandbox._base import times
from pixxel_async.sandbox._base.course import Course, Outcome, Words
from pixxel_async.sandbox._base.refusal import bad_request, conflict
from pixxel_async.sandbox._routes.call import Answer, Call, Handlers
from pixxel_async.sandbox._routes.filters import matching, page, within
from pixxel_async.sandbox._routes.polygon_rules import require_polygon
from pixxel_async.sandbox._world.geodesy import area_m2
from pixxel_async.sandbox._world.geometry import centroid
from pixxel_async.sandbox._world.scenes import Scene

routes = Handlers()

_AOI_WORDS = Words(("started", "running"), "success", "failed", "partial_success")
_ASSET_WORDS = Words(("started", "creating"), "success", "failed")
_DOWNLOAD_WORDS = Words(("STARTED",), "SUCCESS", "FAILED")
"""The in-flight and failure values are ours."""


@routes("ListAOIs")
def list_aois(state: State, call: Call) -> Answer:
    """List AOIs, newest last; `filters.within` explains the filters on times."""
    wanted = call.query
    created, updated = (within(wanted[name], name) for name in ("created_at", "updated_at"))
    found = matching(
        (aoi for aoi in state.aois.values() if call.access.may_use(aoi.project_id)),
        id=(wanted["aoi_id"], lambda aoi: aoi.id),
        name=(wanted["aoi_name"], lambda aoi: aoi.name),
        project=(wanted["project_ids"], lambda aoi: aoi.project_id),
    )
    found = [aoi for aoi in found if created(aoi.course.begins) and updated(aoi.course.touched(state.now))]
    shown, pagination = page(found, wanted)
    return Answer({"aois": [aoi_json(state, aoi) for aoi in shown], "pagination": pagination})


@routes("AOICreateAOI")
def create_aoi(state: State, call: Call) -> Answer:
    """Start the work on the AOI and its assets."""
    body = call.body
    geometry = body["geometry"]
    require_polygon(geometry, "body.geometry")
    if body["project_id"] not in state.projects:
        raise bad_request("body.project_id: no such project", {"project_id": body["project_id"]})
    call.require_project(body["project_id"])
    scenes = _wanted_scenes(state, body)
    if body["name"] in state.aoi_names:
        raise conflict("an aoi of this name exists", {"name": body["name"]})
    id = state.new_id("aoi")
    course = state.course("aoi", id, body["name"])
    again = Course(course.ends, course.seconds) if course.outcome is Outcome.UPDATE else None
    aoi = AOI(
        id=id,
        name=body["name"],
        description=body["description"],
        satellite_id=body["satellite_id"],
        project_id=body["project_id"],
        geometry=geometry,
        scenes=scenes,
        user_id=call.access.user_id,
        area_m2=area_m2(geometry),
        centroid=centroid(geometry),
        course=course,
        update=again,
    )
    aoi.assets = list(_assets(state, aoi))
    state.aois[id] = aoi
    state.aoi_names.add(aoi.name)
    state.record(call.operation.id, id, aoi.name)
    return Answer(aoi_json(state, aoi), 201)


@routes("GetAoiById")
def get_aoi(state: State, call: Call) -> Answer:
    """Return the AOI with state and progress."""
    return Answer(aoi_json(state, the_aoi(state, call)))


@routes("ListAssets")
def list_assets(state: State, call: Call) -> Answer:
    """List assets: those of its images first, then those of its visualizations."""
    aoi = the_aoi(state, call)
    shown, pagination = page(aoi.assets, call.query)
    return Answer({"assets": [asset_json(state, aoi, asset) for asset in shown], "pagination": pagination})


@routes("AOICreateDownload")
def create_download(state: State, call: Call) -> Answer:
    """Start packing finished assets; each call makes a new package."""
    aoi = the_aoi(state, call)
    by_id = {asset.id: asset for asset in aoi.assets}
    assets = []
    for asset_id in call.body["asset_ids"]:
        if asset_id not in by_id:
            raise call.unknown("asset", asset_id)
        if not by_id[asset_id].course.succeeded(state.now):
            raise bad_request("the asset is not ready", {"asset_id": asset_id})
        assets.append(by_id[asset_id])
    id = state.new_id("aoi_download")
    scenes = list({scene.id: scene for asset in assets for scene in asset.scenes}.values())
    package = state.package("aoi_download", id, aoi.geometry, scenes, assets[0].bands)
    state.aoi_downloads[id] = (aoi, package)
    state.record(call.operation.id, id, f"{aoi.id}: {','.join(sorted(call.body['asset_ids']))}")
    return Answer(_download_json(state, id), 201)


@routes("GetDownloadStatus")
def get_download(state: State, call: Call) -> Answer:
    """Return the download; after success every call returns a new signed URL."""
    aoi, id = the_aoi(state, call), call.path["download_id"]
    if id not in state.aoi_downloads or state.aoi_downloads[id][0] is not aoi:
        raise call.unknown("download", id)
    return Answer(_download_json(state, id))


def the_aoi(state: State, call: Call) -> AOI:
    """The AOI in the path.

    Raises:
        Refusal: It does not exist, or the token has no access to its project.
    """
    id = call.path["aoi_id"]
    if id not in state.aois:
        raise call.unknown("aoi", id)
    call.require_project(state.aois[id].project_id)
    return state.aois[id]


def aoi_json(state: State, aoi: AOI) -> dict[str, Any]:
    """An AOI in the vendor's form; the contents of `images` are ours: ids of images by day."""
    now, course, status = state.now, aoi.course, aoi.course.word(state.now, _AOI_WORDS)
    if aoi.update is not None and course.settled(now):
        course = aoi.update
        status = "success" if course.settled(now) else "updating"
    images: dict[str, list[str]] = {}
    if aoi.course.succeeded(now):
        for asset in aoi.assets:
            if asset.type == "stac_item" and asset.course.succeeded(now):
                images.setdefault(asset.day, []).append(asset.scenes[0].id)
    return {
        "aoi_id": aoi.id,
        "name": aoi.name,
        "description": aoi.description,
        "satellite_id": aoi.satellite_id,
        "project_id": aoi.project_id,
        "images": images,
        "eo_bands": [band.name for band in aoi.scenes[0].sensor.bands] if images else [],
        "geometry": aoi.geometry,
        "progress": course.progress(now),
        "status": status,
        "is_favourite": False,
        "created_at": times.offset(aoi.course.begins),
        "updated_at": times.offset(course.touched(now)),
        "user_id": aoi.user_id,
        "area_in_sq_m": round(aoi.area_m2, 1),
        "centroid": aoi.centroid,
    }


def asset_json(state: State, aoi: AOI, asset: Asset) -> dict[str, Any]:
    """An asset in the vendor's form; `path` is an unsigned URL of the storage."""
    now = state.now
    return {
        "id": asset.id,
        "aoi_id": aoi.id,
        "name": asset.name,
        "description": asset.description,
        "asset_type": asset.type,
        "status": asset.course.word(now, _ASSET_WORDS),
        "progress": asset.course.progress(now),
        "date": asset.taken_at.strftime("%Y-%m-%d"),
        "band_list": asset.bands,
        "resolution": asset.resolution,
        "area_in_sq_m": round(aoi.area_m2, 1),
        "centroid": aoi.centroid,
        "geometry": aoi.geometry,
        "path": f"{state.storage.origin}/assets/{asset.id}.tif" if asset.course.succeeded(now) else "",
        "visualization_id": asset.visualization_id,
        "created_at": times.spaced(asset.course.begins),
        "updated_at": times.spaced(asset.course.touched(now)),
    }


def _wanted_scenes(state: State, body: dict[str, Any]) -> tuple[Scene, ...]:
    """The images of a new AOI, by time.

    Raises:
        Refusal: 400 when one does not exist, belongs to another satellite or provider, or does not touch the geometry.
    """
    satellite = state.satellites.get(body["satellite_id"])
    if satellite is None:
        raise bad_request("body.satellite_id: no such satellite", {"satellite_id": body["satellite_id"]})
    if not body["item_ids"]:
        raise bad_request("body.item_ids: an aoi needs at least one image")
    scenes = {}
    for item_id in body["item_ids"]:
        scene = state.archive.scene(None, item_id)
        if scene is None:
            raise bad_request("body.item_ids: no such image", {"item_id": item_id})
        if scene.satellite_id != body["satellite_id"]:
            raise bad_request("body.item_ids: the image is of another satellite", {"item_id": item_id})
        if scene.sensor.provider != body["provider"]:
            raise bad_request(f"body.provider: these images come from {scene.sensor.provider}")
        scenes[item_id] = scene
    touching, _ = state.archive.search(ids=[*scenes], geometry=body["geometry"], limit=len(scenes))
    outside = sorted(scenes.keys() - {scene.id for scene in touching})
    if outside:
        raise bad_request("body.item_ids: images that do not touch the geometry", {"item_ids": outside})
    return tuple(sorted(scenes.values(), key=lambda scene: (scene.datetime, scene.id)))


def _assets(state: State, aoi: AOI) -> Iterator[Asset]:
    """A mosaic for each day and a STAC item for each image, finished one after the other.

    If the AOI fails, all fail; if it succeeds partially, the last one fails.
    """
    by_day = [(day, tuple(scenes)) for day, scenes in groupby(aoi.scenes, key=lambda scene: scene.day)]
    plans = [("mosaic", f"mosaic_{day}", scenes) for day, scenes in by_day]
    plans += [("stac_item", scene.id, (scene,)) for scene in aoi.scenes]
    outcome = aoi.course.outcome
    for number, (kind, name, scenes) in enumerate(plans, start=1):
        fate = Outcome.SUCCESS if outcome in (Outcome.PARTIAL, Outcome.UPDATE) else outcome
        if outcome is Outcome.PARTIAL and number == len(plans):
            fate = Outcome.FAIL
        sensor = scenes[0].sensor
        yield Asset(
            id=state.new_id("asset"),
            name=name,
            description="images of one day joined" if kind == "mosaic" else "one image",
            type=kind,
            scenes=scenes,
            bands=[band.name for band in sensor.bands],
            resolution=sensor.gsd,
            course=Course(aoi.course.begins, aoi.course.seconds * number / len(plans), fate),
        )


def _download_json(state: State, id: str) -> dict[str, Any]:
    package = state.aoi_downloads[id][1]
    return {
        "download_id": id,
        "status": package.course.word(state.now, _DOWNLOAD_WORDS),
        "signed_url": state.signed_url(package),
    }
