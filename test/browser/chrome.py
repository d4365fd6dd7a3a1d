"""The browser, and pages that keep account of what went on in them."""

import atexit
import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from test.browser import stories
from test.browser.scene import Scene

CHROMIUM = Path(os.environ.get("CCSPROXY_CHROMIUM", "/usr/bin/chromium"))
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
#: Milliseconds that a page may take for anything, on a machine that does much else; tests wait for states, not times.
PATIENCE_MS = 60_000
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
#: Runs before any script of a page: keeps what must not happen.
WATCH = """
globalThis.__ran = [];
globalThis.__violations = [];
addEventListener("securitypolicyviolation", (event) =>
  __violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""


def lacking() -> str | None:
    """Say what the browser tests lack here."""
    if not CHROMIUM.exists():
        return f"there is no {CHROMIUM}"
    return None if find_spec("playwright") else "Playwright is not installed"


def not_wanted() -> str | None:
    """Say why the long tests are skipped."""
    return lacking() or (
        None if os.environ.get("CCSPROXY_BROWSER") else "set CCSPROXY_BROWSER=1, or make test-browser"
    )


@functools.cache
def playwright() -> Any:
    """Start Playwright's driver, once."""
    from playwright.sync_api import sync_playwright

    driver = sync_playwright().start()
    atexit.register(driver.stop)
    return driver


@functools.cache
def chromium(*arguments: str) -> Any:
    """Start the browser, once for the same arguments."""
    browser = playwright().chromium.launch(executable_path=str(CHROMIUM), args=[*ARGUMENTS, *arguments])
    atexit.register(browser.close)
    return browser


@functools.cache
def captured() -> Scene:
    """Start the service with calls of every dialect captured, once."""
    scene = Scene()
    atexit.register(scene.close)
    scene.play(stories.every_dialect())
    return scene


class Watched:
    """What went on in the pages of a context.

    :ivar foreign: addresses outside the service that were asked for.
    :ivar complaints: errors of scripts and of the console, and dialogs.
    """

    def __init__(self, context: Any, home: str) -> None:
        self.context, self.home = context, home
        self.foreign: list[str] = []
        self.complaints: list[str] = []
        self.expected: tuple[str, ...] = ()
        context.add_init_script(WATCH)
        context.set_default_timeout(PATIENCE_MS)
        context.on("request", self._asked)
        context.on("console", self._said)
        context.on("dialog", self._dialog)
        context.on("weberror", lambda error: self.complaints.append(f"error: {error.error}"))

    def page(self, path: str = "/calls") -> Any:
        """Open a page."""
        page = self.context.new_page()
        page.goto(self.home + path, wait_until="load")
        return page

    def _asked(self, request: Any) -> None:
        own = request.url == self.home or request.url.startswith((self.home + "/", "data:", "blob:", "about:"))
        if not own:
            self.foreign.append(request.url)

    def _said(self, message: Any) -> None:
        if message.type == "error" and not any(known in message.text for known in self.expected):
            self.complaints.append(f"console: {message.text} {message.location}")

    def _dialog(self, dialog: Any) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def faults(self, *pages: Any) -> list[str]:
        """Return all that should not have happened, in the context and in these pages."""
        found = [*self.foreign, *self.complaints]
        for page in pages or self.context.pages:
            found += [f"ran: {each}" for each in page.evaluate("globalThis.__ran || []")]
            found += [f"policy: {each}" for each in page.evaluate("globalThis.__violations || []")]
        return found


class BrowserTestCase(SynchronousTestCase):
    """A test with pages; it fails for any script error, policy violation or request to another host."""

    def scene(self) -> Scene:
        """Return the service that is looked at."""
        return captured()

    def own_scene(self, *options: str, prepare: Callable[[Path], object] | None = None) -> Scene:
        """Start a service for this test alone."""
        scene = Scene(*options, prepare=prepare)
        self.addCleanup(scene.close)
        return scene

    def watched(self, home: str = "", browser: Any = None, **options: Any) -> Watched:
        """Open a context of its own (cookies, storage), closed and judged at the end of the test."""
        settings = {"viewport": DESKTOP, "timezone_id": "Europe/Zurich", "locale": "en-GB", **options}
        context = (browser or chromium()).new_context(**settings)
        watched = Watched(context, home or self.scene().api)
        self.addCleanup(context.close)
        self.addCleanup(lambda: self.assertEqual(watched.faults(), []))
        return watched

    def open(self, path: str = "/calls", home: str = "", **options: Any) -> Any:
        """Open a page in a context of its own."""
        return self.watched(home, **options).page(path)


@contextmanager
def expecting(watched: Watched, *texts: str) -> Iterator[None]:
    """Take console errors with one of these texts for granted."""
    watched.expected = texts
    yield
    watched.expected = ()


def expect(what: Any) -> Any:
    """Return Playwright's own waiting assertions."""
    from playwright.sync_api import expect as of_playwright

    of_playwright.set_options(timeout=PATIENCE_MS)
    return of_playwright(what, "")
