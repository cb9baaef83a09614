"""What the page's script does in a real browser, and the page without it."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Error, Locator, Page, expect

from tests.browser.conftest import Open

# Milliseconds from the text typed to the count said and the page laid out, less the pause of 100
# that waits for the next key.
TIME_TO_FILTER = """async (text) => {
    const [box, said] = ['_filter', '_said'].map(id => document.getElementById(id));
    box.value = text;
    const start = performance.now();
    box.dispatchEvent(new Event('input'));
    await new Promise(done => new MutationObserver(done).observe(said, {childList: true}));
    document.body.offsetHeight;
    return performance.now() - start - 100;
}"""
TIME_TO_SORT = """(button) => {
    const start = performance.now();
    button.click();
    document.body.offsetHeight;
    return performance.now() - start;
}"""
# Ten times what it takes on two busy cores.
MOST_MS = 3000
LABELS = "NodeTopology.label"


def said(page: Page) -> Locator:
    return page.locator("#_said")


def filter_rows(page: Page, text: str) -> None:
    page.keyboard.press("/")
    page.keyboard.type(text)


def keys(page: Page) -> list[str]:
    """Return the keys that are visible."""
    return page.locator("tbody th:visible").all_text_contents()


def part(page: Page, path: str) -> Locator:
    return page.locator(".part", has=page.locator(f"[id='{path}']"))


def test_the_filter_shows_rows_that_have_each_word_in_path_or_value(open_page: Open) -> None:
    page = open_page("node")
    filter_rows(page, "numa_BALANCING os.sysctl 0")
    expect(said(page)).to_have_text(
        re.compile(r"^1 of \d+ rows match “numa_BALANCING os.sysctl 0”$")
    )
    assert keys(page) == ["/proc/sys/kernel/numa_balancing"]
    assert page.locator("h2:visible").all_text_contents() == ["OS"]
    assert page.locator("h3:visible").all_text_contents() == ["OS.sysctl"]


def test_findings_facts_and_gaps_are_rows_too(open_page: Open) -> None:
    page = open_page("gaps")
    filter_rows(page, "helm")
    expect(said(page)).to_contain_text("rows match")
    assert page.locator(".facts > div:visible").count() == 1
    assert page.locator(".gaps > li:visible").count() == 1
    page.keyboard.press("Escape")
    page.keyboard.type("gpu-missing")
    expect(said(page)).to_contain_text("1 of ")
    assert page.locator(".findings li.critical:visible").count() == 1


def test_escape_brings_everything_back_and_folds_what_the_filter_unfolded(open_page: Open) -> None:
    page = open_page("node")
    before = page.locator("details[open]").count()
    height = page.evaluate("document.body.scrollHeight")
    filter_rows(page, "vm/swappiness")
    expect(said(page)).to_contain_text("1 of ")
    assert page.locator("th:visible", has_text="vm/swappiness").count() == 1
    page.keyboard.press("Escape")
    expect(said(page)).to_have_text("")
    assert page.locator("#_filter").input_value() == ""
    assert page.locator("details[open]").count() == before
    assert page.evaluate("document.body.scrollHeight") == height


def test_what_matches_nothing_says_so(open_page: Open) -> None:
    page = open_page("node")
    filter_rows(page, "no such thing")
    expect(said(page)).to_have_text(re.compile(r"^0 of \d{3,} rows"))
    assert keys(page) == []


def test_a_slash_is_a_letter_in_the_box_and_with_ctrl_the_browsers(open_page: Open) -> None:
    page = open_page("node")
    page.keyboard.press("Control+/")
    assert page.evaluate("document.activeElement.id") != "_filter"
    filter_rows(page, "/proc/sys/vm/")
    assert page.locator("#_filter").input_value() == "/proc/sys/vm/"


def test_a_link_to_a_hidden_part_ends_the_filter_and_unfolds_it(open_page: Open) -> None:
    page = open_page("node")
    filter_rows(page, "kubelet-version")
    expect(said(page)).to_contain_text("rows match")
    page.locator("nav").get_by_role("link", name="sysctl", exact=True).click()
    expect(said(page)).to_have_text("")
    expect(part(page, "OS.sysctl").locator("details.rows")).to_have_attribute("open", "")
    top = page.locator("[id='OS.sysctl']").bounding_box()
    assert top is not None
    assert 0 <= top["y"] < 200


@pytest.mark.parametrize(("order", "first"), [("ascending", "gpu-0"), ("descending", "gpu-7")])
def test_a_head_sorts_by_number_and_says_how(open_page: Open, order: str, first: str) -> None:
    page = open_page("node")
    head = page.locator(".gpus thead th").first
    other = page.locator(".gpus thead th").nth(1)
    other.get_by_role("button").click()
    assert other.get_attribute("aria-sort") == "ascending"
    for _ in range(1 if order == "ascending" else 2):
        head.get_by_role("button").press("Enter")
    assert head.get_attribute("aria-sort") == order
    assert other.get_attribute("aria-sort") is None
    assert page.locator(".gpus tbody th a").first.text_content() == first


def test_numbers_are_sorted_as_numbers(open_page: Open) -> None:
    page = open_page("long")
    page.get_by_role("button", name="Unfold all").click()
    table = part(page, LABELS).locator("table").first
    table.get_by_role("button", name="Key").click()
    texts = table.locator("tbody th").all_text_contents()
    assert [int(text.rpartition("-")[2]) for text in texts] == list(range(5000))


def test_the_matrix_has_a_meaning_in_its_order_and_no_buttons(open_page: Open) -> None:
    page = open_page("node")
    assert page.locator(".matrix button").count() == 0
    assert page.locator("main table:not(.matrix) thead th:not(:has(button))").count() == 0


@pytest.mark.parametrize(
    ("selector", "path"),
    [
        ("[id='K8s.node'] ~ details tbody th >> text=kubelet-version", "K8s.node.kubelet-version"),
        ("[id='K8s.policy'] ~ details:last-of-type tbody th >> nth=0", "K8s.policy.context."),
        ("#_metadata ~ table tbody th >> text=source-node", "source-node"),
    ],
)
def test_a_click_on_a_key_copies_its_path(
    browser: Browser, open_page: Open, selector: str, path: str
) -> None:
    page = open_page("node", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Unfold all").click()
    page.locator(selector).click()
    expect(said(page)).to_contain_text("Copied ")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(path)
    assert said(page).text_content() == f"Copied {copied}"


def test_without_a_clipboard_the_path_is_selected(open_page: Open) -> None:
    page = open_page("node")
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.locator("th", has_text="kubelet-version").first.click()
    assert page.evaluate("getSelection().toString()") == "K8s.node.kubelet-version"


def test_the_keyboard_walks_the_keys_and_copies(open_page: Open) -> None:
    page = open_page("node", permissions=["clipboard-read", "clipboard-write"])
    filter_rows(page, "K8s.server")
    expect(said(page)).to_contain_text("3 of ")
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    expect(said(page)).to_have_text("Copied K8s.server.platform")
    for _ in range(2):
        page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.id") == "_filter"


def test_a_text_that_is_being_selected_is_not_copied(open_page: Open) -> None:
    page = open_page("node")
    key = page.locator("th", has_text="kubelet-version").first
    key.select_text()
    key.dispatch_event("click")
    assert said(page).text_content() == ""


def test_a_link_in_a_key_is_followed_and_not_copied(open_page: Open) -> None:
    page = open_page("node")
    page.locator(".gpus tbody th a", has_text="gpu-3").click()
    page.wait_for_url(lambda url: url.endswith("#GPU.gpu-3"))
    assert said(page).text_content() == ""


def test_unfold_all_unfolds_all_and_folds_all(open_page: Open) -> None:
    page = open_page("node")
    button = page.get_by_role("button", name="Unfold all")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert page.locator("main details:not([open])").count() == 0
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert page.locator("main details[open]").count() == 0


def test_a_filtered_page_says_on_paper_that_it_is_one(open_page: Open) -> None:
    page = open_page("node")
    filter_rows(page, "swappiness")
    expect(said(page)).to_contain_text("rows match")
    page.emulate_media(media="print")
    assert said(page).is_visible()
    assert not page.locator("#_tools").is_visible()


@pytest.mark.parametrize("name", ["node", "gaps", "diff", "mixed", "hostile", "hostile-diff"])
def test_without_a_script_all_is_there_and_no_dead_control(
    browser: Browser, open_page: Open, name: str
) -> None:
    page = open_page(name, java_script_enabled=False)
    assert page.locator("button:visible, input:visible").count() == 0
    assert page.locator("[hidden]:not(#_tools)").count() == 0
    with_script = open_page(name)
    assert len(keys(page)) == len(keys(with_script))


def test_the_policy_refuses_every_other_script(browser: Browser, open_page: Open) -> None:
    url = open_page("node").url
    page = browser.new_page()
    page.goto(url)
    with pytest.raises(Error, match="Content Security Policy"):
        page.add_script_tag(content="window.ran = 1")
    page.evaluate("document.body.setAttribute('onclick', 'window.ran = 2')")
    page.locator("h1").click()
    refused = page.evaluate("fetch('https://example.com/').then(() => '', e => e.name)")
    assert (page.evaluate("window.ran ?? 0"), refused) == (0, "TypeError")
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_a_filtered_and_sorted_page(open_page: Open, scheme: str) -> None:
    page = open_page("gaps", color_scheme=scheme)
    page.locator(".gpus thead button").first.click()
    filter_rows(page, "gpu")
    expect(said(page)).to_contain_text("rows match")
    page.keyboard.press("ArrowDown")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_5000_rows_are_filtered_and_sorted_while_one_types(open_page: Open) -> None:
    page = open_page("long")
    for text in ("node-77", "node", "node-4999", ""):
        assert page.evaluate(TIME_TO_FILTER, text) < MOST_MS
    page.get_by_role("button", name="Unfold all").click()
    button = part(page, LABELS).locator("thead button").nth(1)
    assert button.evaluate(TIME_TO_SORT) < MOST_MS
    assert page.locator("tbody th:visible").count() > 5000


def test_more_matches_than_a_reader_reads_are_counted_and_stay_folded(open_page: Open) -> None:
    page = open_page("long")
    filter_rows(page, "hostname")
    expect(said(page)).to_contain_text("5000 of ")
    assert part(page, LABELS).locator("details[open]").count() == 0
    page.keyboard.type(".node-77")
    # The rest are the rows of the example.
    expect(said(page)).to_contain_text(re.compile("11 of 5[0-9]{3} rows"))
    assert len(keys(page)) == 11
