"""The report page: whole, without a network, the same for the same records, usable, and closed to markup from data."""

import importlib.util
import io
import json
import os
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fewshot_bench import Request, report
from fewshot_bench.errors import UserError
from fewshot_bench.leaderboard.columns import METHOD, QUESTION
from fewshot_bench.report import page as page_module
from tests.helpers.command_line import TINY, words_of
from tests.helpers.frames import board, board_row, many_methods
from tests.helpers.plugin_files import copied, plugin, plugin_words
from tests.helpers.runs import SMALL, run

EVIL = [
    "<script>document.title='owned'<",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}",
    "a & b '$x$'",
]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chromium-headless-shell")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three baselines, one of which fails, at two shot values, with a reference and heat maps."""
    folder = tmp_path_factory.mktemp("page")
    raising = copied("raising", folder / "broken_one.py", {'"no"': '"<b>no</b>"'})
    run(folder / "out", [raising], baselines=["pixels", "broken_one", "untrained"])
    return folder / "out"


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags(path: Path) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(path.read_text())
    return parser.found


def test_the_page_holds_everything_and_nothing_from_elsewhere(bench, done: Path):
    status, out, err = bench("report", "--out", done, "--reference", "pixels")
    assert status == 0, err
    path = Path(out.strip())
    assert path == done / "report.html"
    text, found = path.read_text(), tags(path)
    assert {"answer", "verdicts", "leaderboard", "pictures", "commands", "detail"} <= {
        attrs.get("id") for _, attrs in found
    }
    assert (
        "untrained is better than pixels" in text
        or "whether untrained or pixels is better is undecided" in text
    )
    assert text.count("<tr data-name=") == 3
    for _, attrs in found:
        for name in ("src", "href"):
            assert (attrs.get(name) or "#").startswith(("#", "data:image/png;base64,")), attrs
    assert all(attrs.get("alt") for tag, attrs in found if tag == "img")
    assert r"\u003cb\u003eno\u003c/b\u003e" in text
    assert "<b>" not in text
    assert '["image_size", "64"]' in text
    before = path.read_bytes()
    assert report(done, "pixels").read_bytes() == before


def test_a_folder_without_records_and_a_table_of_another_origin_are_told(
    bench, tmp_path: Path, done: Path
):
    status, _, err = bench("report", "--out", tmp_path)
    assert (status, err.count("\n")) == (2, 1)
    assert "holds no record" in err
    copy = tmp_path / "copy"
    shutil.copytree(done, copy)
    (copy / "pointing.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match=r"pointing.csv is not what bench explain wrote"):
        report(copy)


def test_without_a_reference_the_most_accurate_is_told(done: Path):
    text = report(done).read_text()
    assert "is the most accurate of 2 methods (1 more without a result) at 3-shot" in text
    assert "Points behind the most accurate method" in text


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results on a data set whose classes are named like markup."""
    folder = tmp_path_factory.mktemp("evil")
    rng = np.random.default_rng(0)
    for label, name in enumerate(["one", "two", *EVIL]):
        (folder / "data" / name).mkdir(parents=True)
        for number in range(8):
            pixels = rng.integers(0, 40, (16, 16)).astype(np.uint8) + 30 * label
            Image.fromarray(pixels).save(folder / "data" / name / f"{number}.png")
    from fewshot_bench import run as run_request

    request = Request(
        dataset="folder", data=folder / "data", train_classes=["one", "two"], test_classes=EVIL, ways=2, shots=[1, 3],
        queries=3, episodes=30, baselines=["pixels", "untrained"], preset="scratch", device="cpu",
    )  # fmt: skip
    run_request(request, folder / "out")
    return folder / "out"


def test_names_inject_no_markup(evil: Path):
    found = tags(report(evil, "pixels"))
    scripts = [attrs.get("type") for tag, attrs in found if tag == "script"]
    assert scripts == ["application/json", None]
    assert not [attrs for _, attrs in found if "onerror" in attrs]
    text = (evil / "report.html").read_text()
    assert "{{ 7 * 7 }}" in text
    assert "&lt;script&gt;" in text
    assert r"\u003cscript" in text


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium of the machine; its tests are skipped where there is none."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None or importlib.util.find_spec("playwright") is None:
        pytest.skip("no Chromium, or no playwright to drive it: the page is not tried in a browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def with_pictures(done: Path) -> Path:
    """The page with the data at hand."""
    request = Request(dataset="steel-sim", settings=SMALL)
    return report(done, "pixels", request=request).rename(done / "with-pictures.html")


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def page(browser: Any, told: list[str]) -> Iterator[Any]:
    """A page whose errors, and requests for anything that is not in it, are told."""
    with browser.new_context(viewport={"width": 1200, "height": 900}) as context:
        page = context.new_page()
        page.on("console", lambda message: told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("dialog", lambda dialog: told.append(dialog.message))
        page.on(
            "request",
            lambda request: (
                told.append(request.url) if not request.url.startswith(("file:", "data:")) else None
            ),
        )
        yield page


def names(page: Any, board: int = 0) -> list[str]:
    """The methods of a table that are shown, from its top."""
    rows = page.locator("table.board").nth(board).locator("tbody tr:visible th")
    return [text.split("\n")[0].removesuffix(" see note") for text in rows.all_inner_texts()]


def accuracies(page: Any, condition: str) -> list[str]:
    cells = page.locator(f"table.board tbody tr:visible td[data-condition='{condition}']:visible")
    return [text.split()[0] for text in cells.all_inner_texts()]


def test_it_sorts_filters_and_opens_in_a_browser(done: Path, page: Any, told: list[str]):
    page.goto(report(done, "pixels").as_uri())
    first_shown = names(page)
    assert sorted(first_shown) == ["broken_one", "pixels", "untrained"]
    assert first_shown[-1] == "broken_one", "what is missing comes last"
    head = page.locator("table.board thead button", has_text="1-shot")
    head.click()
    figures = accuracies(page, "1-shot")
    assert figures[:2] == sorted(figures[:2], key=float, reverse=True)
    assert figures[2] == "failed"
    head.focus()
    page.keyboard.press("Enter")
    assert accuracies(page, "1-shot") == [*figures[1::-1], "failed"]
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("1-shot")
    page.locator("table.board thead button", has_text="method").click()
    assert names(page) == ["broken_one", "pixels", "untrained"]
    page.get_by_label("words", exact=True).fill("pixels")
    assert names(page) == ["pixels"]
    assert page.locator("#shown").inner_text().startswith("1 of 3 methods")
    page.get_by_label("words", exact=True).fill("")
    page.get_by_label("shots", exact=True).select_option("3-shot")
    assert accuracies(page, "1-shot") == []
    assert len(accuracies(page, "3-shot")) == 3
    page.get_by_label("shots", exact=True).select_option("all")
    page.get_by_label("sort by", exact=True).select_option("3-shot")
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("3-shot")
    assert page.evaluate(
        "[...document.images].every((image) => image.complete && image.naturalWidth > 0)"
    )
    assert page.locator("figure img").count() >= 5
    page.locator("#verdicts summary").first.press("Enter")
    assert page.locator("#verdicts li").first.is_visible()
    assert not told


def test_a_cell_opens_its_confusion_and_hardest_pictures(
    with_pictures: Path, page: Any, told: list[str]
):
    page.goto(with_pictures.as_uri())
    opener = page.locator("button.open").first
    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    assert dialog.is_visible()
    assert re.search(r"(pixels|untrained), 3-shot|1-shot", dialog.locator("h2").inner_text())
    rows = dialog.locator("table.confusion tbody tr")
    assert rows.count() == 3
    for row in rows.all():
        shares = [float(text) for text in row.locator("td").all_inner_texts()]
        assert sum(shares) == pytest.approx(100, abs=0.2)
    pictures = dialog.locator(".hard img")
    assert pictures.count() >= 1
    assert pictures.first.evaluate("(image) => image.naturalWidth") == 32
    assert "wrong in" in dialog.locator(".hard li").first.inner_text()
    assert "image size" in dialog.inner_text()
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert page.evaluate("document.activeElement.className") == "open", "the focus goes back"
    assert not told


def test_it_fits_a_phone_and_paper(done: Path, page: Any, told: list[str]):
    page.set_viewport_size({"width": 360, "height": 640})
    page.goto(report(done, "pixels").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    board = page.locator("table.board").first
    assert board.bounding_box()["y"] < 2 * 640, "the table begins on the second screen"
    assert not page.get_by_label("words", exact=True).is_visible(), "filters are folded"
    card = board.locator("tbody tr").first
    assert "3-shot" in card.locator("td[data-condition='3-shot']").evaluate(
        "(cell) => getComputedStyle(cell, '::before').content"
    )
    assert card.bounding_box()["height"] < 130
    page.emulate_media(media="print")
    assert not page.locator("#words").is_visible()
    assert board.is_visible()
    assert len(page.pdf()) > 10_000
    assert not told


def test_names_run_nothing_in_a_browser(evil: Path, page: Any, told: list[str]):
    page.goto(report(evil, "pixels").as_uri())
    assert page.title().startswith("Few-shot benchmark")
    page.locator("button.open").first.click()
    assert page.locator("table img").count() == 0
    dialog = page.get_by_role("dialog").inner_text()
    assert EVIL[0] in dialog
    assert EVIL[1] in dialog
    assert not told


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of 200 methods on two data sets."""
    path = tmp_path_factory.mktemp("many") / "report.html"
    frame = many_methods(200)
    cell = {"name": "one", "condition": "1-shot", "facts": [], "made": []}
    beside = page_module.Beside(details=dict.fromkeys(frame["key"], cell))
    path.write_text(page_module.page_text(frame, pd.DataFrame(), beside))
    return path


def test_200_rows(many: Path, page: Any, told: list[str]):
    page.goto(many.as_uri())
    rows = page.locator("table.board tbody tr")
    assert rows.count() == 200
    assert page.locator("table.board tbody tr:visible").count() == 80, "the first of each table"
    # one line a row: none is tall for a column that lies out of sight
    heights = [row.bounding_box()["height"] for row in page.locator("table.board tr:visible").all()]
    assert max(heights) < 40
    page.get_by_label("data set", exact=True).select_option("wafer")
    assert page.locator("#shown").inner_text().startswith("40 of 200 methods")
    page.get_by_label("data set", exact=True).select_option("steel")
    page.get_by_role("button", name="Show all 160 methods").click()
    assert page.locator("table.board tbody tr:visible").count() == 160
    page.get_by_label("rule", exact=True).select_option("ridge")
    page.get_by_label("encoder", exact=True).select_option("vit_small")
    shown = page.locator("table.board tbody tr:visible")
    assert set(shown.locator("td.rule").all_inner_texts()) == {"ridge"}
    assert set(shown.locator("td.encoder").all_inner_texts()) == {"vit_small"}
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert not told


def test_ties_are_drawn_as_lines_without_gaps(many: Path, page: Any):
    page.goto(many.as_uri())
    rows = page.locator("table.board").first.locator("tbody tr")
    drawn = [
        row.locator("td.ties").evaluate("(cell) => cell.style.background")
        for row in rows.all()[:20]
    ]
    thick = [style.count("3px 100%") for style in drawn]
    letters = [len(row.locator("td.ties").inner_text().split()) for row in rows.all()[:20]]
    assert thick == letters
    assert max(thick) == 2
    page.locator("table.board thead button", has_text="method").first.click()
    assert rows.first.locator("td.ties").evaluate("(cell) => cell.style.background")


# a picture of part of the page, on a grid of so many points: fonts are not the same everywhere
LOOKS = {"picture": ("#answer figure", (48, 36)), "table": ("table.board", (48, 36))}
STORED = Path(__file__).parent / "looks"
TOLERANCE = 5.0  # of 255, the mean difference of the points; another font gives up to 3


def seen(page: Any, name: str) -> Image.Image:
    selector, size = LOOKS[name]
    shot = Image.open(io.BytesIO(page.locator(selector).first.screenshot()))
    return shot.convert("L").resize(size, Image.Resampling.BOX)


def difference(page: Any, name: str, stored: Image.Image) -> float:
    points = np.asarray(seen(page, name), dtype=float)
    return float(np.abs(points - np.asarray(stored, dtype=float)).mean())


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("few") / "report.html"
    frame = many_methods(30)
    of_steel = frame[frame["dataset"] == "steel"]
    path.write_text(page_module.page_text(of_steel, pd.DataFrame(), page_module.Beside()))
    return path


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", LOOKS)
def test_it_looks_as_it_did(few: Path, page: Any, name: str, width: int):
    """FEWSHOT_BENCH_STORE_LOOKS=1 stores how it looks now; look at the page before."""
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(few.as_uri())
    file = STORED / f"{name}-{width}.png"
    if os.environ.get("FEWSHOT_BENCH_STORE_LOOKS"):
        STORED.mkdir(exist_ok=True)
        seen(page, name).save(file)
    stored = Image.open(file)
    assert difference(page, name, stored) < TOLERANCE
    page.add_style_tag(content="tbody, #answer img { visibility: hidden; }")
    assert difference(page, name, stored) > TOLERANCE, "a blank one is told"


def test_pictures_of_the_data_go_in(bench, tmp_path: Path):
    words = (*TINY, "--shots", "1", "--out", tmp_path, "--baselines", "untrained,pixels")
    assert bench("explain", *words, "--images", "2")[0] == 0
    assert bench("map", *words)[0] == 0
    text = report(tmp_path).read_text()
    assert "What encoders look at: Grad-CAM on the same test images: steel-sim-heldout." in text
    assert "Features of the test images in two dimensions" in text
    assert "There are no heat maps" not in text


def test_other_questions_and_settings_are_told_apart(tmp_path: Path):
    for changes in ({"queries": 5}, {"queries": 7}, {"queries": 7, "image_size": 32}):
        run(tmp_path, baselines=["untrained"], shots=[1], **changes)
    text = report(tmp_path).read_text()
    captions = re.findall(r"<caption>(.*?)</caption>", text)
    assert [re.search(r"\d queries", caption).group() for caption in captions] == [
        "5 queries",
        "7 queries",
    ]
    tables = text.split("<caption>")[1:]
    of_both = [re.findall(r'data-name="(.*?)"', table) for table in tables]
    assert [len(of_one) for of_one in of_both] == [1, 2]
    assert len(set(of_both[1])) == 2


def test_the_table_of_heat_in_boxes_goes_in(tmp_path: Path, bench):
    plugins = plugin_words([plugin("boxed"), plugin("seeing"), plugin("blind")])
    words = (
        *words_of("--dataset boxed --shots 1 --episodes 20 --queries 3 --out"),
        tmp_path / "out",
    )
    assert (
        bench("explain", *plugins, *words, "--baselines", "seeing,blind", "--reference", "blind")[0]
        == 0
    )
    text = report(tmp_path / "out").read_text()
    for expected in ("against blind", "above chance", "4 x 4", "100.0 ("):
        assert expected in text


@pytest.mark.parametrize("column", dict.fromkeys((*QUESTION, *METHOD)))
def test_the_tables_of_the_page_tell_rows_apart(column: str):
    different = 3 if column in ("ways", "queries", "episode_seed", "unlabelled") else "other"
    frame = board(board_row(0.5), board_row(0.5, **{column: different}))
    text = page_module.page_text(frame, pd.DataFrame(), page_module.Beside())
    assert text.count("<tr data-name=") == 2
    tables = text.count('<table class="board"')
    assert tables == (2 if column in QUESTION else 1)


def test_pictures_that_are_not_at_hand_are_told_and_wrong_data_refused(
    bench, done: Path, tmp_path: Path
):
    # these results are of other images than the default ones of their data set
    text = report(done).read_text()
    assert "The test pictures are not on this page" in text
    assert "of other pictures than the 600 of steel-sim" in text
    status, _, err = bench("report", "--out", done, "--data", tmp_path)
    assert (status, err.count("\n")) == (2, 1), err


def test_the_page_stays_small(done: Path, monkeypatch: pytest.MonkeyPatch):
    from fewshot_bench.report import details

    monkeypatch.setattr(details, "MOST_PICTURES", 2)
    request = Request(dataset="steel-sim", settings=SMALL)
    text = report(done, request=request).read_text()
    data = json.loads(re.search(r'id="data">(.*?)</script>', text).group(1))
    assert len(data["pictures"]) == 2
    assert re.search(r"\d+ of the hardest pictures are not on this page", text)
