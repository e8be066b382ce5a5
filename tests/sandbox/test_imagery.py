"""Pictures, legends and index expressions of the sandbox."""

import datetime as dt
import io

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pixxel_async.sandbox._world.colormaps import COLORMAPS, colors, hex_color
from pixxel_async.sandbox._world.expressions import parse
from pixxel_async.sandbox._world.imagery import index_png, legend, measured
from pixxel_async.sandbox._world.scenes import Archive

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
ARCHIVE = Archive(now=lambda: NOW)
RING = [[75.80, 30.90], [75.86, 30.885], [75.90, 30.92], [75.89, 30.96], [75.84, 30.975], [75.80, 30.90]]
BOUNDS = (75.80, 30.885, 75.90, 30.975)
HOLE = [[75.83, 30.915], [75.84, 30.94], [75.865, 30.935], [75.83, 30.915]]
FIELD = {"type": "Polygon", "coordinates": [RING, HOLE]}
FIELD_M2 = shapely.geometry.shape(FIELD).area * 111_320**2 * np.cos(np.radians(30.93))
NDVI = "(B08 - B04) / (B08 + B04)"


def scenes(collection: str = "sentinel-2-l2a", count: int = 1, **conditions):
    found, _ = ARCHIVE.search(
        collections=[collection], geometry=FIELD, limit=count, max_cloud=3, end=NOW, **conditions
    )
    return found


def request(**changes) -> dict:
    return {
        "geometry": FIELD,
        "scenes": scenes(),
        "expression": NDVI,
        "rescale": [-0.2, 1],
        "colormap": "rdylgn",
    } | changes


def picture(**changes) -> Image.Image:
    opened = Image.open(io.BytesIO(index_png(**request(**changes))))
    assert opened.format == "PNG"
    assert opened.mode == "RGBA"
    return opened


def map_part(shown: Image.Image) -> np.ndarray:
    """The map without the legend below it: the rows above the first empty one that follows."""
    pixels = np.asarray(shown)
    filled = pixels[..., 3].any(axis=1)
    last = int(np.flatnonzero(~filled)[0])
    columns = np.flatnonzero(pixels[:last, :, 3].any(axis=0))
    return pixels[:last, columns[0] : columns[-1] + 1]


def at(pixels: np.ndarray, longitude: float, latitude: float) -> np.ndarray:
    """The pixel of a place, as the bounds of the field span the map."""
    west, south, east, north = BOUNDS
    column = (longitude - west) / (east - west) * pixels.shape[1]
    row = (north - latitude) / (north - south) * pixels.shape[0]
    return pixels[int(row), int(column)]


def test_picture_shows_the_area_and_nothing_else():
    """Opaque within the polygon, transparent outside and in the hole."""
    pixels = map_part(picture())
    for place in [(75.81, 30.91), (75.88, 30.93), (75.845, 30.96)]:
        assert at(pixels, *place)[3] == 255
    for place in [(75.803, 30.965), (75.895, 30.89), (75.844, 30.932)]:
        assert at(pixels, *place)[3] == 0


def test_edges_are_smooth():
    """Around the area and around its hole some pixels are half transparent."""
    shown = map_part(picture())[..., 3]
    half = (shown > 0) & (shown < 255)
    rows, columns = shown.shape
    west, south, east, north = BOUNDS
    left, right = (int((x - west) / (east - west) * columns) for x in (75.83, 75.865))
    top, bottom = (int((north - y) / (north - south) * rows) for y in (30.94, 30.915))
    assert half[top:bottom, left:right].sum() > 100
    assert half.sum() > 3 * half[top:bottom, left:right].sum()


def test_picture_has_the_proportions_of_the_ground():
    """A degree of longitude is shorter than one of latitude away from the equator."""
    west, south, east, north = BOUNDS
    pixels = map_part(picture())
    expected = (east - west) * np.cos(np.radians((south + north) / 2)) / (north - south)
    assert pixels.shape[1] / pixels.shape[0] == pytest.approx(expected, rel=0.02)


def test_picture_is_of_the_index():
    """Its colours are those of the scale, and many of them: fields differ."""
    pixels = map_part(picture())
    inside = pixels[4:-4][pixels[4:-4, :, 3] == 255][:, :3].astype(int)
    scale = colors("rdylgn", np.linspace(0, 1, 2000)).astype(int)
    off = np.abs(inside[::50, None, :] - scale[None]).sum(axis=2).min(axis=1)
    assert (off <= 3).mean() > 0.97  # the rest lies under the outline
    assert len(np.unique(inside, axis=0)) > 150


def test_same_request_gives_the_same_picture_and_another_day_another():
    first, second = (
        scenes(start=dt.datetime(2025, m, 1, tzinfo=dt.UTC), newest_first=False) for m in (4, 10)
    )
    assert index_png(**request(scenes=first)) == index_png(**request(scenes=first))
    assert index_png(**request(scenes=first)) != index_png(**request(scenes=second))


@pytest.mark.parametrize("size", [128, 300, 512])
def test_picture_is_no_greater_than_asked(size):
    shown = picture(size=size)
    assert size * 0.8 <= shown.height <= size
    assert shown.width <= max(size, 240)


def test_classes_are_painted_in_their_own_colours():
    """A user's legend decides the colours of the picture and stands below it."""
    classes = [
        {"color": "#ff0000", "label": "bare", "min": -1, "max": 0.4},
        {"color": "#00ff00", "label": "green", "min": 0.4, "max": 1},
    ]
    shown = picture(classes=classes)
    pixels = map_part(shown)
    inside = pixels[4:-4][pixels[4:-4, :, 3] == 255][:, :3]
    pure = [tuple(color) for color in inside.tolist() if tuple(color) in {(255, 0, 0), (0, 255, 0)}]
    assert len(pure) / len(inside) > 0.97
    below = np.asarray(shown)[pixels.shape[0] :, :, :3].reshape(-1, 3).tolist()
    assert [255, 0, 0] in below
    assert [0, 255, 0] in below


def test_title_is_written():
    assert index_png(**request(title="NDVI")) != index_png(**request())


def test_composite_and_grayscale_work_on_pixel_values():
    """Three parts are red, green and blue; a grayscale paints one band with the scale."""
    composite = map_part(
        picture(expression="B04, B03, B02", rescale=[0, 2400], expression_type="composite", colormap="")
    )
    inside = composite[composite[..., 3] == 255][:, :3].astype(int)
    assert 40 < inside.mean() < 220
    assert (inside[:, 0] != inside[:, 2]).mean() > 0.9
    gray = map_part(
        picture(expression="B08", rescale=[0, 6000], expression_type="grayscale", colormap="greys")
    )
    inside = gray[gray[..., 3] == 255][:, :3].astype(int)
    assert (np.ptp(inside, axis=1) <= 1).mean() > 0.97  # the rest lies under the outline
    assert inside.std() > 10


def test_scenes_beside_each_other_fill_the_area():
    """Several scenes make a mosaic: what one does not reach, another shows."""
    ring = [[75.7, 30.9], [76.3, 30.9], [76.3, 31.1], [75.7, 31.1], [75.7, 30.9]]
    wide = {"type": "Polygon", "coordinates": [ring]}
    found, _ = ARCHIVE.search(collections=["sentinel-2-l2a"], geometry=wide, limit=300)
    by_cell = {scene.cell: scene for scene in found}
    assert len(by_cell) >= 2
    alone = [
        (map_part(picture(geometry=wide, scenes=[scene]))[..., 3] > 0).mean() for scene in by_cell.values()
    ]
    together = (map_part(picture(geometry=wide, scenes=list(by_cell.values())))[..., 3] > 0).mean()
    assert together > max(alone)
    assert together > 0.98


def test_clearest_scene_lies_on_top():
    """Of scenes of the same place the one with the least clouds is seen, whatever their order."""
    found, _ = ARCHIVE.search(collections=["sentinel-2-l2a"], geometry=FIELD, limit=20)
    clearest = min(found, key=lambda scene: scene.cloud_cover)
    alone = index_png(**request(scenes=[clearest]))
    assert index_png(**request(scenes=found)) == alone
    assert index_png(**request(scenes=found[::-1])) == alone


class TestLegend:
    def test_areas_add_up_to_the_area(self):
        """m² of all classes are the polygon's own without its hole; percentages add up to 100."""
        made = legend(**request())
        for items in (made["dynamic"], made["theoretical"]):
            assert len(items) == 5
            assert sum(item["area"] for item in items) == pytest.approx(FIELD_M2, rel=0.01)
            assert sum(item["area_percentage"] for item in items) == pytest.approx(100, abs=0.05)
            for item in items:
                assert item["area_percentage"] == pytest.approx(100 * item["area"] / FIELD_M2, abs=0.5)

    def test_classes_follow_each_other(self):
        """Equal parts of the values that occur, or of the scale; colours of the scale from its low to its high end."""
        made = legend(**request(), bins=7)
        assert len(made["dynamic"]) == 7
        assert made["theoretical"][0]["min"] == -0.2
        assert made["theoretical"][-1]["max"] == 1
        for items in made.values():
            assert [item["max"] for item in items[:-1]] == [item["min"] for item in items[1:]]
            widths = [item["max"] - item["min"] for item in items]
            assert widths == pytest.approx([widths[0]] * len(widths), abs=1e-5)
            assert len({item["color"] for item in items}) == len(items)
        labels = [item["label"] for item in made["theoretical"]]
        assert labels == ["Very Low", "Low", "Moderate", "High", "Very High"]

    def test_users_classes_are_measured(self):
        """Areas for classes of the user's own, which keep their names, colours and bounds."""
        classes = [
            {"color": "#aa5500", "label": "bare", "min": -1, "max": 0.4},
            {"color": "#00aa00", "label": "green", "min": 0.4, "max": 1},
        ]
        source = request()
        source = {key: source[key] for key in ("geometry", "scenes", "expression")}
        bare, green = measured(classes, **source)
        assert [{key: item[key] for key in classes[0]} for item in (bare, green)] == classes
        assert bare["area"] > 0
        assert bare["area"] + green["area"] == pytest.approx(FIELD_M2, rel=0.01)
        assert measured([], **source) == []

    def test_each_value_counts_to_the_class_it_lies_in(self):
        """A higher bound moves area to the lower class; the order of the classes and gaps at the ends do not matter."""
        source = {
            key: value for key, value in request().items() if key in ("geometry", "scenes", "expression")
        }

        def areas(bound: float, low: float = -1, high: float = 1, *, turned: bool = False) -> list[float]:
            classes = [
                {"color": "#000000", "label": "", "min": low, "max": bound},
                {"color": "#000000", "label": "", "min": bound, "max": high},
            ]
            items = measured(classes[::-1] if turned else classes, **source)
            return [item["area"] for item in (items[::-1] if turned else items)]

        lower = [areas(bound)[0] for bound in (0.2, 0.35, 0.5, 0.7)]
        assert 0 < lower[0] < lower[1] < lower[2] < lower[3] < FIELD_M2
        assert areas(0.5) == areas(0.5, turned=True)
        assert areas(0.5) == areas(0.5, low=0.4, high=0.6)
        gap = [{"color": "#000000", "label": "", "min": a, "max": b} for a, b in ((-1, 0.3), (0.5, 1))]
        assert sum(item["area"] for item in measured(gap, **source)) < 0.95 * FIELD_M2


class TestExpressions:
    @pytest.mark.parametrize(
        ("text", "bands", "value"),
        [
            ("(B08-B04)/(B08+B04)", ["B04", "B08"], (8 - 4) / (8 + 4)),
            ("2.5 * (B08 - B04) / (B08 + 6*B04 - 7.5*B02 + 1)", ["B02", "B04", "B08"], 2.5 * 4 / 18),
            ("-B8A + +3", ["B8A"], -7.5),
            (" B02 ", ["B02"], 2),
            ("1e-1", [], 0.1),
        ],
    )
    def test_arithmetic_over_bands(self, text, bands, value):
        numbers = {"B02": 2.0, "B04": 4.0, "B08": 8.0, "B8A": 10.5}
        expression = parse(text)
        assert expression.bands == bands
        assert float(expression.evaluate(lambda name: np.float64(numbers[name]))[0]) == pytest.approx(value)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "B04 +",
            "B04 ** 2",
            "__import__('os').system('true')",
            "B04.real",
            "B04[0]",
            "'B04'",
            "True",
            "B04 if B08 else 1",
            "lambda: 1",
            "B04, B08",
            "B01,B02,B03,B04",
            "(B01, B02), B03, B04",
            "[B04 for B04 in B08]",
            "B04 := 3",
            "9" * 900,
            "B04" + "+B04" * 400,
            "(" * 300 + "B04" + ")" * 300,
            "1e99",
            "~B04",
            "B04\x00",
        ],
    )
    def test_anything_else_is_refused(self, text):
        with pytest.raises(ValueError, match="expression"):
            parse(text)

    @given(st.text(max_size=60) | st.text("B048()+-*/,. e", max_size=60))
    def test_no_text_does_anything_but_parse_or_be_refused(self, text):
        try:
            expression = parse(text)
        except ValueError:
            return
        values = expression.evaluate(lambda name: np.ones(3))
        assert len(values) in (1, 3)

    def test_division_by_zero_is_no_data(self):
        """Pixels without a finite value are left out of picture and legend."""
        assert not np.isfinite(parse("B04/(B04-B04)").evaluate(lambda name: np.ones(2))[0]).any()
        pixels = np.asarray(picture(expression="B04/(B04-B04)"))
        assert pixels[: pixels.shape[0] // 2, :, 3].max() == 0
        made = legend(**request(expression="B04/(B04-B04)"))
        assert {item["area"] for item in made["theoretical"]} == {0}


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="sentinel-2-l2a has no band 'B99'; its bands are B01, B02"):
        index_png(**request(expression="B99"))
    with pytest.raises(ValueError, match="no colormap 'rainbows'; there are blues"):
        index_png(**request(colormap="rainbows"))
    with pytest.raises(ValueError, match="scenes of one collection"):
        index_png(**request(scenes=[]))
    with pytest.raises(ValueError, match="scenes of one collection"):
        index_png(**request(scenes=[*scenes(), *scenes("pixxel-td-l2a")]))


@pytest.mark.parametrize("name", COLORMAPS)
def test_colour_scale_and_its_reverse(name):
    """Every scale has a reverse; names count in any letter case."""
    places = np.linspace(0, 1, 9)
    other = name.removesuffix("_r") if name.endswith("_r") else f"{name}_r"
    there, back = colors(name, places).astype(int), colors(other.upper(), places)[::-1].astype(int)
    assert np.abs(there - back).max() <= 1  # a half may be rounded to either side
    assert np.abs(there[0] - there[-1]).max() > 50
    assert hex_color(colors("rdylgn", np.array([0.0]))[0]) == "#a50026"
