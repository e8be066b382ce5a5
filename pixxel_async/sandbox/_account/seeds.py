"""Initial data of the sandbox: an organization, projects, bandsets, blocks, workflows and preset indices.

Ids and values are ours; names of blocks and indices are the vendor's if published.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import attrs

ORG_ID = "a3c1f6d0-1111-4c1e-8a55-90b7c2d3e401"
TENANT_ID = "tenant-7"
USER_ID = "user-42"
PROJECT_IDS = (
    "5b0f3b5e-6b7c-4f0a-9a52-0c1d2e3f4a01",
    "5b0f3b5e-6b7c-4f0a-9a52-0c1d2e3f4a02",
    "5b0f3b5e-6b7c-4f0a-9a52-0c1d2e3f4a03",
)
_SEEDED_AT = "2026-01-10T08:00:00.000000Z"


def projects() -> dict[str, dict[str, Any]]:
    """Projects by id, in the form of `GetProjectById`."""
    names = (
        ("delta-farms", "Delta Farms"),
        ("river-watch", "River Watch"),
        ("forest-carbon", "Forest Carbon"),
    )
    return {
        id: {
            "id": id,
            "name": name,
            "title": title,
            "org_id": ORG_ID,
            "created_at": _SEEDED_AT,
            "updated_at": _SEEDED_AT,
            "metadata": {},
        }
        for id, (name, title) in zip(PROJECT_IDS, names, strict=True)
    }


def bandsets() -> dict[str, dict[str, Any]]:
    """Bandsets by id; the last one needs two captures."""
    rows: tuple[tuple[str, str, str, int, dict[str, float]], ...] = (
        ("bs-01", "Agriculture", "Vegetation and chlorophyll", 1, _VEGETATION),
        ("bs-02", "Water", "Chlorophyll and suspended matter in water", 1, _WATER),
        ("bs-03", "Full range", "All bands, taken in two captures", 2, {**_WATER, **_VEGETATION}),
    )
    return {
        id: {
            "id": id,
            "name": name,
            "description": text,
            "captures": captures,
            "bands": [{"name": band, "wavelength": wave} for band, wave in sorted(bands.items())],
        }
        for id, name, text, captures, bands in rows
    }


_VEGETATION = {"B001": 473.0, "B018": 558.0, "B040": 668.0, "B047": 703.0, "B074": 838.0}
_WATER = {"B001": 473.0, "B013": 533.0, "B033": 633.0, "B055": 743.0}


@attrs.frozen
class SeededBlock:
    """A version of a block, and its uses."""

    answer: dict[str, Any]
    modes: tuple[str, ...]
    seconds: float
    """Nominal duration of a run."""

    @property
    def name(self) -> str:
        """Its name in calls."""
        return str(self.answer["spec"]["name"])

    @property
    def version(self) -> str:
        """Its version."""
        return str(self.answer["spec"]["version"])


def blocks() -> list[SeededBlock]:
    """All versions of all blocks, oldest version of a block first."""
    return [
        _block("cropclassification", "Crop Classification", "1.0.0", "crop_map", ("insight",), 90),
        _block("cropclassification", "Crop Classification", "1.1.0", "crop_map", ("insight", "workflow"), 80),
        _block("cropstress", "Crop Stress", "1.0.0", "stress_map", ("insight", "workflow"), 60),
        _block("waterqualityindex", "Water Quality Index", "2.0.1", "quality_map", ("insight",), 45),
        _block("cloudgapfill", "Cloud Gap Fill", "1.2.0", "filled", ("workflow",), 40),
        _block("opticalfusion", "Optical Fusion", "0.9.0", "fused", ("workflow",), 50),
    ]


def _block(
    name: str, title: str, version: str, output: str, modes: tuple[str, ...], seconds: float
) -> SeededBlock:
    id = f"blk-{name}"
    bands = ["B02", "B03", "B04", "B08"]
    spec = {
        "kind": "processing",
        "type": "model",
        "id": id,
        "version_id": f"{id}-{version}",
        "name": name,
        "title": title,
        "version": version,
        "description": f"{title} from optical images",
        "status": 1,
        "supported_collections_id": ["sentinel-2-l2a", "pixxel-td-l2a"],
        "catalog_content_url": "",
        "inputs": [
            _data("input_image", "raster", "url", "Images of the area", {"bands": bands}),
            _data("start_date", "date", "string", "First day of the season"),
            _data("end_date", "date", "string", "Last day of the season"),
        ],
        "outputs": [_data(output, "raster", "url", f"{title} as a raster")],
    }
    answer = {"id": id, "block_status": "released", "created_at": _SEEDED_AT, "err": "", "spec": spec}
    return SeededBlock(answer, modes, seconds)


def _data(
    name: str, format: str, type: str, description: str, properties: dict[str, Any] | None = None
) -> dict[str, Any]:
    plain = {"name": name, "format": format, "type": type, "description": description}
    return plain if properties is None else {**plain, "properties": properties}


@attrs.frozen
class Step:
    """A task of a workflow's jobs."""

    name: str
    block: str
    version: str
    after: tuple[str, ...] = ()
    """Names of its predecessors."""


@attrs.frozen
class Workflow:
    """A workflow with the graph of its tasks, in topological order."""

    id: str
    project_id: str
    legacy_project_id: str
    name: str
    description: str
    cost: int
    steps: tuple[Step, ...]
    geometry: dict[str, Any]
    """Area of its data blocks; the packages of its jobs show it."""
    made_at: datetime = datetime(2026, 1, 10, 8, tzinfo=UTC)
    created_by: str = USER_ID


def workflows() -> dict[str, Workflow]:
    """Workflows by id: a chain, a diamond, and one whose jobs fail."""
    gap = Step("gapfill", "cloudgapfill", "1.2.0")
    chain = (gap, Step("stress", "cropstress", "1.0.0", ("gapfill",)))
    diamond = (
        gap,
        Step("fusion", "opticalfusion", "0.9.0", ("gapfill",)),
        Step("stress", "cropstress", "1.0.0", ("gapfill",)),
        Step("crops", "cropclassification", "1.1.0", ("fusion", "stress")),
    )
    place = _square(77.5, 12.9)
    rows = (
        Workflow(
            "wf-01", PROJECT_IDS[0], "1007", "weekly-stress", "Crop stress week by week", 80, chain, place
        ),
        Workflow(
            "wf-02", PROJECT_IDS[0], "1007", "crop-monitor", "Crops from fused images", 210, diamond, place
        ),
        Workflow(
            "wf-03",
            PROJECT_IDS[1],
            "1008",
            "river-stress [fail]",
            "Its jobs fail",
            80,
            chain,
            _square(31.0, 30.6),
        ),
    )
    return {workflow.id: workflow for workflow in rows}


def _square(west: float, south: float) -> dict[str, Any]:
    east, north = west + 0.05, south + 0.05
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


_PRESETS: tuple[tuple[str, str, str, str], ...] = (
    ("NDVI", "Vegetation", "({nir}-{red})/({nir}+{red})", "rdylgn"),
    ("GNDVI", "Chlorophyll in leaves", "({nir}-{green})/({nir}+{green})", "rdylgn"),
    ("NDRE", "Nitrogen and chlorophyll", "({nir}-{edge})/({nir}+{edge})", "rdylgn"),
    ("NDWI", "Open water", "({green}-{nir})/({green}+{nir})", "blues"),
    ("SAVI", "Vegetation over bright soil", "1.5*({nir}-{red})/({nir}+{red}+0.5)", "rdylgn"),
)
_WAVELENGTHS = {"green": 558, "red": 666, "edge": 704, "nir": 840}


def preset_indices(satellites: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The preset indices of every satellite, with the names of its bands."""
    return [
        _preset(satellite, name, text, template, colormap)
        for satellite in satellites
        for name, text, template, colormap in _PRESETS
    ]


def _preset(satellite: dict[str, Any], name: str, text: str, template: str, colormap: str) -> dict[str, Any]:
    bands = {
        word: _nearest_band(satellite, wavelength)
        for word, wavelength in _WAVELENGTHS.items()
        if "{" + word + "}" in template
    }
    spaced = "2026-01-10 08:00:00.000000+00:00"
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"preset/{satellite['id']}/{name}")),
        "name": name,
        "description": text,
        "type": "preset",
        "expression_type": "index",
        "expression": template.format(**bands),
        "bands": sorted(bands.values()),
        "colormap": colormap,
        "rescale": [-1, 1],
        "satellite_id": satellite["id"],
        "created_at": spaced,
        "updated_at": spaced,
    }


def _nearest_band(satellite: dict[str, Any], wavelength: float) -> str:
    bands: list[dict[str, Any]] = satellite["bands"]
    return str(min(bands, key=lambda band: abs(band["wavelength"] - wavelength))["name"])
