"""Charts: one drawing, as SVG in a page, as SVG file and as PNG."""

import re
import xml.etree.ElementTree as ET

import pytest

from pytest_mcode.reports import canvas, charts
from pytest_mcode.stats.curve import Point
from pytest_mcode.stats.estimate import Estimate
from pytest_mcode.stats.paired import difference

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<b>$x_1$ & \x00 \ud800 ' \" naïve 模型"


def rate(value):
    return Estimate(value, max(0.0, value - 0.06), min(1.0, value + 0.06), 164, "clustered")


def every(name):
    """One chart of each kind, about something of that name."""
    curve = charts.Series(name, ((1, rate(0.22)), (10, rate(0.5)), (100, rate(0.74))))
    guess = Point(1, 0.3, 0.2, 0.4), Point(1000, 0.9, 0.7, 0.95, extrapolated=True)
    other = charts.Series("other", ((1, rate(0.3)),), fitted=guess)
    better = difference([0.0] * 30, [1.0] * 20 + [0.0] * 10)
    cells = {(name, "0.2"): rate(0.1), (name, "0.8"): rate(0.9)}
    return {
        "coverage": charts.coverage([curve, other], f"pass@k {name}", note="dashed: fitted"),
        "iterations": charts.iterations([curve], f"solved {name}"),
        "spending": charts.spending([charts.Spot(name, 300.0, rate(0.5))], f"tokens {name}"),
        "bars": charts.bars([charts.Bar(name, rate(0.5))], f"models {name}"),
        "forest": charts.forest([(name, better)], f"compared {name}"),
        "heat": charts.heat(cells, f"factors {name}", factors=("model", "temperature")),
    }


@pytest.fixture(scope="module")
def drawn():
    return every("codegen16b")


def test_the_same_records_are_the_same_bytes(drawn, tmp_path):
    """Drawn again, saved again, as SVG, file or PNG: not a byte differs."""
    again = every("codegen16b")
    for name, chart in drawn.items():
        assert charts.svg(chart) == charts.svg(again[name]) == charts.svg(chart)
        for ending in ("svg", "png"):
            files = [tmp_path / f"{i}.{ending}" for i in range(2)]
            charts.write(chart, files[0])
            charts.write(again[name], files[1])
            assert files[0].read_bytes() == files[1].read_bytes()


def test_svg_says_its_numbers_to_those_who_cannot_see_it(drawn):
    """Role, title and description are there, and the description holds every value."""
    root = ET.fromstring(charts.svg(drawn["coverage"]))
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert title.text == "pass@k codegen16b"
    assert "codegen16b: 1: 22.0 % [16.0, 28.0], 10: 50.0 % [44.0, 56.0]" in description.text
    assert "other, extrapolated: 1000: 90.0 % [70.0, 95.0]" in description.text


@pytest.mark.parametrize("kind", ["coverage", "iterations", "spending", "bars", "forest", "heat"])
def test_text_is_text_and_every_name_can_be_drawn(kind, tmp_path):
    """Markup, mathematics, control characters and lone surrogates in a name do no harm."""
    chart = every(HOSTILE)[kind]
    found = charts.svg(chart)
    texts = ["".join(node.itertext()) for node in ET.fromstring(found).iter(f"{SVG}text")]
    assert any("<b>$x_1$ & ? ?" in text for text in texts)
    charts.write(chart, tmp_path / "chart.png")
    charts.write(chart, tmp_path / "chart.svg")
    ET.parse(tmp_path / "chart.svg")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


def test_every_colour_is_a_property_of_the_page(drawn):
    """No literal colour is left but as what a property falls back on."""
    for chart in drawn.values():
        bare = re.sub(r"var\(--chart-\w+, #[0-9a-f]{6}\)", "", charts.svg(chart))
        assert re.findall(r"#[0-9a-f]{6}\b|rgba?\(|fill: (?!none)[a-z]", bare) == []
    assert canvas.LIGHT.keys() == canvas.DARK.keys()
    assert len(set(canvas.LIGHT.values())) == len(canvas.LIGHT)


def test_a_file_holds_both_themes(drawn, tmp_path):
    """An SVG file needs no custom property and has a rule for each dark colour."""
    charts.write(drawn["bars"], tmp_path / "bars.svg")
    text = (tmp_path / "bars.svg").read_text()
    assert "var(" not in text
    assert "prefers-color-scheme: dark" in text
    assert all(dark in text for dark in canvas.DARK.values())


def test_charts_of_one_page_share_no_id(drawn):
    """Ids within a chart and across charts are unique, and what refers to one finds it."""
    page = "".join(charts.svg(chart) for chart in drawn.values())
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#([^)]+)\)|href=\"#([^\"]+)\"", page))
    for pair in re.findall(r"url\(#([^)]+)\)|href=\"#([^\"]+)\"", page):
        assert set(pair) - {""} <= set(ids)


def test_the_axis_of_rates_goes_from_nothing_to_all():
    """Small differences at the top stay small: 0 to 100 %, whatever the rates."""
    series = [charts.Series("a", ((1, rate(0.97)), (2, rate(0.98))))]
    for chart in (charts.coverage(series), charts.iterations(series)):
        assert chart.figure.axes[0].get_ylim() == (0, 102)
    chart = charts.bars([charts.Bar("a", rate(0.97))], "a")
    assert chart.figure.axes[0].get_xlim() == (0, 100)


def test_many_series_have_bars_instead_of_bands():
    """Up to three bands; more series stand beside each other with a bar for each interval."""
    points = ((1, rate(0.5)), (100, rate(0.6)))
    for count, bands in ((3, 3), (4, 0)):
        series = [charts.Series(f"m{i}", points) for i in range(count)]
        axes = charts.coverage(series).figure.axes[0]
        filled = [c for c in axes.collections if type(c).__name__ == "FillBetweenPolyCollection"]
        assert len(filled) == bands
        assert len(axes.containers) == (0 if bands else count)
        assert axes.get_xlim()[1] > 100


def test_the_pareto_front_holds_what_nothing_beats():
    """More for less drives out the rest; equals of higher cost are not on it."""
    measured = {"a": (10, 0.5), "b": (20, 0.5), "c": (5, 0.2), "d": (30, 0.6), "e": (40, 0.4)}
    spots = [charts.Spot(name, spent, rate(y)) for name, (spent, y) in measured.items()]
    assert [spot.name for spot in charts.pareto(spots)] == ["c", "a", "d"]


def test_nothing_to_draw_is_an_empty_chart():
    """Charts of nothing are charts, for reports that have no numbers yet."""
    for chart in (
        charts.coverage([]),
        charts.iterations([]),
        charts.spending([], "none"),
        charts.bars([], "none"),
        charts.forest([], "none"),
        charts.heat({}, "none", factors=("a", "b")),
    ):
        assert ET.fromstring(charts.svg(chart)).tag == f"{SVG}svg"


def test_a_users_matplotlibrc_changes_nothing(drawn):
    """Settings of the process neither show in our charts nor are changed by them."""
    import matplotlib

    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path"}):
        assert charts.svg(every("codegen16b")["bars"]) == charts.svg(drawn["bars"])
        assert matplotlib.rcParams["font.size"] == 30
