"""The pages in a real browser: they load nothing, fit, print, and can be read out."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import PAGES, Open

WIDTHS = (360, 768, 1280)
SCHEMES = ("light", "dark")

# Links within the page that lead nowhere.
LOST_LINKS = """[...document.querySelectorAll('a')].map(a => a.getAttribute('href')).filter(
    href => !href.startsWith('#') || !document.getElementById(decodeURIComponent(href.slice(1))))"""
# What stands out of the page to the right, but within what scrolls by itself or is read out only.
TOO_WIDE = """[...document.querySelectorAll('body *')].filter(e =>
    !e.closest('.scroll, .hidden, .skip') && e.getBoundingClientRect().right > innerWidth + 1
).map(e => e.outerHTML.slice(0, 120))"""
BAD_TABLES = """[...document.querySelectorAll('table')].filter(t =>
    !t.caption || !t.caption.textContent.trim() || [...t.querySelectorAll('th')].some(h => !h.scope)
).map(t => t.outerHTML.slice(0, 120))"""
LEVELS = "[...document.querySelectorAll('h1, h2, h3, h4')].map(h => Number(h.tagName[1]))"
OPEN_ALL = "document.querySelectorAll('details').forEach(d => d.open = true)"


@pytest.fixture(scope="session")
def axe() -> Axe:
    return Axe()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_for_nothing_and_every_link_leads_somewhere(open_page: Open, name: str) -> None:
    page = open_page(name)
    assert page.evaluate(LOST_LINKS) == []
    assert page.evaluate("document.scripts.length") == 1


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_never_wider_than_the_screen(open_page: Open, name: str, width: int) -> None:
    page = open_page(name, width)
    page.evaluate(OPEN_ALL)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(TOO_WIDE) == []


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", ["gaps", "diff", "mixed", "empty", "fleet"])
def test_axe_finds_nothing(open_page: Open, axe: Axe, name: str, scheme: str) -> None:
    page = open_page(name, color_scheme=scheme)
    page.evaluate(OPEN_ALL)
    assert_accessible(page, axe)


@pytest.mark.parametrize("name", ["gaps", "diff", "fleet"])
def test_axe_finds_nothing_on_a_phone(open_page: Open, axe: Axe, name: str) -> None:
    assert_accessible(open_page(name, 360), axe)


def assert_accessible(page: Page, axe: Axe) -> None:
    found = axe.run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("name", PAGES)
def test_headings_and_tables_can_be_read_out(open_page: Open, name: str) -> None:
    page = open_page(name)
    levels = page.evaluate(LEVELS)
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:]))
    assert page.evaluate(BAD_TABLES) == []


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("node", "8 GPUs, 28 pairs: 28 by NV18, 18 NVLinks."),
        (
            "mixed",
            "4 GPUs, 6 pairs: 1 by NV12, 12 NVLinks; 1 by PIX, through one PCIe switch; "
            "1 by NODE, between host bridges of one NUMA node; 2 by SYS, between NUMA nodes; "
            "1 by unknown, not in the snapshot.",
        ),
    ],
)
def test_the_picture_is_reported_to_who_cannot_see_it(
    open_page: Open, name: str, sentence: str
) -> None:
    picture = open_page(name).get_by_role("img", name="GPUs of gpu-17 and the links between them")
    assert picture.locator("desc").text_content() == sentence


def test_dark_is_dark_and_light_is_light(open_page: Open) -> None:
    lightness = "Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])"
    light, dark = (open_page("node", color_scheme=scheme).evaluate(lightness) for scheme in SCHEMES)
    assert light > 200
    assert dark < 50


def test_the_worst_finding_is_on_the_first_screen_of_a_phone(open_page: Open) -> None:
    page = open_page("gaps", 360)
    heading = page.get_by_text("gpu-5 is on the PCI bus, and the driver does not list it")
    box = heading.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 640


def test_an_anchor_opens_the_page_at_its_subtype(open_page: Open) -> None:
    page = open_page("node", anchor="#GPU.gpu-3")
    top = page.locator("[id='GPU.gpu-3']").bounding_box()
    assert top is not None
    assert 0 <= top["y"] < 200


def test_the_keyboard_goes_past_the_contents(open_page: Open) -> None:
    page = open_page("node")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.tagName") == "MAIN"


def test_printed_it_is_all_there_without_the_contents(open_page: Open) -> None:
    page = open_page("node")
    page.emulate_media(media="print")
    assert not page.get_by_role("navigation").is_visible()
    folded = page.locator("details:not([open])")
    assert folded.count() > 5
    heights = folded.evaluate_all("all => all.map(d => d.offsetHeight - d.firstChild.offsetHeight)")
    assert min(heights) > 10


def test_a_table_of_thousands_stays_folded_on_paper(open_page: Open) -> None:
    page = open_page("big")
    page.emulate_media(media="print")
    assert page.get_by_text("50000 values").is_visible()
    assert not page.locator("details.huge td").first.is_visible()


def test_a_fold_opens_by_its_line(open_page: Open) -> None:
    page = open_page("gaps")
    note = page.get_by_text("the kubelet is v1.33.6, the API server v1.34.2")
    assert not note.is_visible()
    page.get_by_text("Also (2)").click()
    assert note.is_visible()


def test_the_topology_is_the_matrix_of_nvidia_smi(open_page: Open) -> None:
    table = open_page("node").get_by_role("table", name="How each two GPUs are linked")
    assert table.is_visible()
    gpus, cards = "NV18" * 7, "SYS" + "PIX" + "NODE" * 3 + "SYS" * 4
    cells = table.get_by_role("row").nth(1).text_content()
    assert cells == f"gpu-0—{gpus}{cards}0-55,112-1670"


def test_what_a_node_says_stays_text(open_page: Open) -> None:
    page = open_page("hostile")
    assert page.title().startswith("\"><script>alert(1)</script>' onmouseover='x</style></title>")
    assert "⟨U+202E⟩␛]0;x␇" in page.get_by_role("heading", level=1).text_content()


def test_a_cluster_of_5000_nodes_opens_in_seconds(open_page: Open) -> None:
    page = open_page("big")
    timing = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    assert timing < 10_000
    page.locator("summary", has_text="50000 values").click()
    last = page.locator("th[scope=row]", has_text="hostname.node-49999")
    assert last.is_visible()
