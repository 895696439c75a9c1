"""The report page: whole, without a network, the same for the same records, usable, and closed to markup from data."""

import importlib.util
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fewshot_bench import report
from fewshot_bench.errors import UserError
from fewshot_bench.leaderboard.columns import METHOD, QUESTION
from fewshot_bench.report import page as page_module
from tests.helpers.command_line import TINY, words_of
from tests.helpers.frames import board, board_row
from tests.helpers.plugin_files import copied, plugin, plugin_words
from tests.helpers.runs import run

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
    assert {"verdicts", "leaderboard", "pictures", "settings", "commands"} <= {
        attrs.get("id") for _, attrs in found
    }
    assert (
        "untrained is better than pixels" in text
        or "whether untrained or pixels is better is undecided" in text
    )
    assert text.count("<tr><td") == 6
    for _, attrs in found:
        for name in ("src", "href"):
            assert (attrs.get(name) or "#").startswith(("#", "data:image/png;base64,")), attrs
    assert all(attrs.get("alt") for tag, attrs in found if tag == "img")
    assert "&lt;b&gt;no&lt;/b&gt;" in text
    assert "<b>" not in text
    assert re.search(r"image_size</th><td>64", text)
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


def test_without_a_reference_the_ranks_are_told(done: Path):
    text = report(done).read_text()
    assert "none is significantly better than" in text


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
    from fewshot_bench import Request
    from fewshot_bench import run as run_request

    request = Request(
        dataset="folder", data=folder / "data", train_classes=["one", "two"], test_classes=EVIL, ways=2, shots=[1, 3],
        queries=3, episodes=30, baselines=["pixels", "untrained"], preset="scratch", device="cpu",
    )  # fmt: skip
    run_request(request, folder / "out")
    return folder / "out"


def test_names_inject_no_markup(evil: Path):
    found = tags(report(evil, "pixels"))
    assert [tag for tag, _ in found].count("script") == 1
    assert not [attrs for _, attrs in found if "onerror" in attrs]
    text = (evil / "report.html").read_text()
    assert "{{ 7 * 7 }}" in text
    assert "&lt;script&gt;" in text


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


def column(page: Any, head: str) -> list[str]:
    heads = page.locator("#board thead th").all_inner_texts()
    at = [text.strip() for text in heads].index(head) + 1
    return page.locator(f"#board tbody tr:not([hidden]) td:nth-child({at})").all_inner_texts()


def test_it_sorts_filters_and_shows_in_a_browser(done: Path, page: Any, told: list[str]):
    page.goto(report(done, "pixels").as_uri())
    accuracy = page.locator("#board thead button", has_text="accuracy")
    accuracy.click()
    figures = [text for text in column(page, "accuracy") if text]
    assert figures == sorted(figures, key=float)
    assert column(page, "accuracy")[-2:] == ["", ""], "what is missing comes last"
    accuracy.focus()
    page.keyboard.press("Enter")
    assert [text for text in column(page, "accuracy") if text] == figures[::-1]
    assert column(page, "accuracy")[-2:] == ["", ""]
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("accuracy")
    page.locator("#board thead button", has_text="baseline").click()
    assert column(page, "baseline") == sorted(column(page, "baseline"))
    page.get_by_label("Show rows with all of these words").fill("pixels 3-shot")
    assert column(page, "baseline") == ["pixels"]
    assert page.locator("#shown").inner_text() == "1 of 6 rows"
    page.get_by_label("Show rows with all of these words").fill("")
    assert len(column(page, "baseline")) == 6
    assert page.evaluate(
        "[...document.images].every((image) => image.complete && image.naturalWidth > 0)"
    )
    assert page.locator("figure img").count() >= 5
    page.locator("details summary").first.press("Enter")
    assert page.locator("details table").first.is_visible()
    assert not told


def test_it_fits_a_phone_and_paper(done: Path, page: Any, told: list[str]):
    page.set_viewport_size({"width": 360, "height": 640})
    page.goto(report(done, "pixels").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.emulate_media(media="print")
    assert not page.locator("#filter").is_visible()
    assert page.locator("#board").is_visible()
    assert len(page.pdf()) > 10_000
    assert not told


def test_names_run_nothing_in_a_browser(evil: Path, page: Any, told: list[str]):
    page.goto(report(evil, "pixels").as_uri())
    assert page.title().startswith("Few-shot benchmark")
    assert page.locator("#board img, #verdicts img").count() == 0
    assert any(EVIL[0] in text for text in column(page, "test classes"))
    assert not told


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
    verdicts = re.findall(r"<li>(.*?)</li>", text)
    assert len(verdicts) == 2
    assert [re.search(r"\d queries", verdict).group() for verdict in verdicts] == [
        "5 queries",
        "7 queries",
    ]
    names = re.findall(r"(untrained\S*) \(", verdicts[1])
    assert len(set(names)) == len(names) == verdicts[1].count("%") >= 1


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
def test_the_table_of_the_page_tells_rows_apart(column: str):
    different = 3 if column in ("ways", "queries", "episode_seed") else "other"
    rows = page_module._rows(board(board_row(0.5), board_row(0.5, **{column: different})))
    one, other = ([cell["text"] for cell in row] for row in rows)
    assert one != other


def test_headings_of_the_page_are_words():
    heads = [page_module.HEADS.get(name, name.replace("_", " ")) for name in page_module._columns()]
    assert len(heads) == len(set(heads))
    assert all(re.fullmatch(r"[a-z ]+", head) for head in heads)
