"""The HTML report in a real Chromium: nothing is fetched, nothing fails, all can be found."""

import pytest

from pytest_mcode.core.records import Variant
from pytest_mcode.reports import html_tasks
from tests.browser import PROGRAM, Page
from tests.unit.reports.html_page import HOSTILE, attempt, hostile, page, record, two_models

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="needs chromium, which `apt install` has"),
]


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    with Page(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture
def browser(chromium):
    """A browser that must not have complained, nor asked for anything, at the end."""
    chromium.errors.clear()
    chromium.requests.clear()
    yield chromium
    assert chromium.errors == []
    assert {url for url in chromium.requests if not url.startswith(("file:", "data:"))} == set()


def shown(browser):
    """The ids of the tasks in the list."""
    return browser.js("[...document.querySelectorAll('#list .task a')].map((a) => a.textContent)")


def choose(browser, control, value):
    browser.js(
        f"(() => {{ const c = document.getElementById('{control}'); c.value = {value!r};"
        " c.dispatchEvent(new Event('input')); })()"
    )
    browser.js("new Promise((done) => setTimeout(done, 200))")


def text(browser, selector):
    return browser.js(f"document.querySelector({selector!r}).innerText")


@pytest.fixture
def toy(store, tmp_path, browser):
    two_models(store)
    path = page(store, tmp_path)
    browser.open(path)
    return path


@pytest.mark.parametrize(
    ("control", "value", "found"),
    [
        ("state", "models", ["t/0"]),
        ("state", "all", ["t/1"]),
        ("state", "infra", ["t/2"]),
        ("state", "none", []),
        ("model", "beta", ["t/0", "t/1", "t/2"]),
        ("verdict", "t", ["t/0"]),
        ("search", "T/1", ["t/1"]),
        ("search", "server broke", ["t/2"]),
        ("search", "def double sure: \U0001f600", ["t/0", "t/1"]),
        ("search", "nowhere", []),
        ("order", "hard", ["t/0", "t/1", "t/2"]),
        ("order", "easy", ["t/1", "t/0", "t/2"]),
    ],
)
def test_tasks_are_filtered_searched_and_ordered(toy, browser, control, value, found):
    """The list holds what was chosen, and says how many of all that is."""
    choose(browser, control, value)
    assert shown(browser) == found
    assert text(browser, "#count") == f"{len(found)} of 3 tasks"


def test_an_anchor_opens_its_task_and_keys_do_the_rest(toy, browser):
    """`#task=` opens a task, also a filtered one; Enter opens, Escape closes, / searches."""
    choose(browser, "search", "nowhere")
    browser.js("location.hash = '#task=toy%2Ft%2F1'")
    browser.wait("document.querySelector('#list .open')")
    assert text(browser, "#list .open .task a") == "t/1"
    assert "return 2 * n" in text(browser, "#list .open details[open].attempt .body")
    assert browser.js("document.activeElement.textContent") == "t/1"
    browser.key("Escape")
    browser.wait("!document.querySelector('#list .open')")
    browser.js("document.querySelectorAll('#list .task a')[2].focus()")
    browser.key("Enter")
    browser.wait("document.querySelector('#list .open')")
    assert "<b>broke</b>" in text(browser, "#list .open .detail")
    browser.key("/")
    assert browser.js("document.activeElement.id") == "search"


def test_a_task_shows_its_attempts(toy, browser):
    """Verdicts of all attempts, code in colours, what a repair was sent, opened when asked for."""
    browser.js("location.hash = '#task=toy%2Ft%2F1'")
    browser.wait("document.querySelector('#list .open')")
    tabs = "[...document.querySelectorAll('.tabs button')]"
    browser.js(f"{tabs}.find((b) => b.textContent.includes('alpha')).click()")
    squares = "[...document.querySelectorAll('.strip > span')].map((s) => s.textContent)"
    assert browser.js(squares) == ["f\u2713", "e"]
    attempts = "[...document.querySelectorAll('details.attempt')]"
    assert browser.js(f"{attempts}.map((d) => d.open)") == [False, True, False]
    assert browser.js(f"{attempts}[1].querySelectorAll('pre.code .k').length") == 2
    assert "What was sent" in browser.js(f"{attempts}[1].innerText")
    assert browser.js(f"{attempts}[0].querySelector('.body')") is None
    browser.js("document.querySelector('.strip button').click()")
    browser.wait(f"{attempts}[0].querySelector('.body')")


@pytest.mark.parametrize("dark", [False, True])
def test_the_page_follows_the_scheme_and_its_button_changes_it(toy, browser, dark):
    """Background, text and charts are those of the theme; the button turns it over."""
    browser.open(toy, dark=dark)
    light = "getComputedStyle(document.body).backgroundColor === 'rgb(255, 255, 254)'"
    label = "getComputedStyle(document.querySelector('figure svg text')).fill"
    inks = {False: "rgb(31, 35, 40)", True: "rgb(230, 237, 243)"}
    assert browser.js(light) is not dark
    assert browser.js(label) == inks[dark]
    browser.js("document.getElementById('theme').click()")
    assert browser.js(light) is dark
    assert browser.js(label) == inks[not dark]


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window(toy, browser, width):
    """Only tables and code scroll sideways, inside their own boxes."""
    browser.open(toy, "#task=toy%2Ft%2F1", width=width)
    browser.js("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert browser.js("document.documentElement.scrollWidth") <= width


def test_hostile_texts_are_shown_and_do_nothing(store, tmp_path, browser):
    """Every text arrives as it is, and no script but the page's own has run."""
    hostile(store)
    path = page(store, tmp_path)
    browser.open(path)
    browser.js("document.querySelectorAll('#list .task a')[0].click()")
    browser.wait("document.querySelector('#list .open')")
    browser.js("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    browser.wait("document.querySelectorAll('.attempt .body').length >= 3")
    assert browser.js("window.pwned") is None
    assert browser.js("document.querySelectorAll('img, iframe').length") == 0
    seen = text(browser, "#list .open .detail")
    assert "</script><script>window.pwned = 1</script>" in seen
    assert "{{ 7 * 7 }}" in seen
    assert "characters are left out here" in seen
    assert HOSTILE[-4:].strip() in seen
    assert browser.js("document.documentElement.scrollWidth") <= 1280


def test_a_script_that_got_in_would_not_run(toy, browser):
    """The policy stops inline scripts, handlers, HTML from texts and requests."""
    for code in (
        "document.body.append(Object.assign(document.createElement('script'), {text: 'pwned = 1'}))",  # noqa: E501
        "document.body.innerHTML = '<img src=x onerror=pwned=1>'",
        "fetch('https://example.com/')",
    ):
        stopped = browser.js(f"(async () => {code})().then(() => '', (e) => e.name)")
        assert stopped == "TypeError"
    assert browser.js("typeof pwned") == "undefined"
    browser.errors.clear()  # the browser tells of each
    browser.requests.clear()


def test_many_tasks_are_paged_and_an_anchor_finds_its_page(store, tmp_path, browser, monkeypatch):
    """A hundred tasks a page, the others a button away."""
    monkeypatch.setattr(html_tasks, "FEWEST", 1)
    record(store, "r1", Variant("toy", "m"), {f"t/{i}": [attempt(0, 0)] for i in range(250)})
    path = page(store, tmp_path)
    browser.open(path)
    assert len(shown(browser)) == 100
    browser.js("document.getElementById('on').click()")
    assert shown(browser)[0] == "t/100"
    browser.open(path, "#task=toy%2Ft%2F249")
    browser.wait("document.querySelector('#list .open')")
    assert text(browser, "#page") == "201 to 250"
    browser.open(path, "#task=toy%2Ft%2F1000")
    assert "There is no task toy/t/1000" in text(browser, "#count")
