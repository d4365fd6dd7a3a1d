"""Tests of the addresses: each has its page, its policy and its status."""

from test.dashboard import specimens
from test.dashboard.scene import DashboardCase


class PagesTests(DashboardCase):
    """The site over a small store."""

    def setUp(self) -> None:
        """Keep a call of every dialect."""
        super().setUp()
        self.keep(*(make(number) for number, (make, _, _) in enumerate(specimens.DIALECTS.values(), 1)))

    def test_every_address_answers(self) -> None:
        """Each view has an address, and each answers with a page that has one main heading and one main part."""
        sid = specimens.SID
        views = [f"/x/{sid}/{seq}?view={view}" for seq in range(1, 8) for view in ("overview", "request", "headers")]
        forms = [f"/x/{sid}/1?view={view}&form=json" for view in ("request", "response")]
        lists = [
            "/",
            "/calls",
            "/?q=colon",
            "/?model=qwen3&outcome=complete",
            "/sessions",
            "/overview",
            "/overview?span=all",
        ]
        for path in [*lists, *views, *forms, f"/x/{sid}/1?view=raw"]:
            page = self.page(path)
            self.assertEqual(len(page.all("h1")), 1, path)
            page.one("main", id="main")

    def test_every_id_is_one_elements(self) -> None:
        """No page gives one id to two elements."""
        for view in ("overview", "request", "response", "headers", "raw"):
            page = self.page(f"/x/{specimens.SID}/1?view={view}")
            ids = [each.attributes["id"] for each in page.all() if "id" in each.attributes]
            self.assertEqual(len(ids), len(set(ids)), view)

    def test_policy(self) -> None:
        """Every answer forbids whatever is not ours."""
        for path in ("/", "/nothing", f"/x/{specimens.SID}/1"):
            policy = self.ask(path).headers.getRawHeaders("content-security-policy")[0]
            for part in ("default-src 'none'", "script-src 'self'", "form-action 'self'", "frame-ancestors 'none'"):
                self.assertIn(part, policy)
            self.assertNotIn("unsafe", policy)

    def test_missing(self) -> None:
        """What is not there is a page with a status of its own."""
        for path in ("/nothing", f"/x/{specimens.SID}/99", "/x/none/1", "/x/a/b", f"/x/{specimens.SID}/1?view=odd"):
            self.assertIn("All sessions", self.page(path, 404).one("main").text)
        self.page("/?since=yesterday", 400)

    def test_expired(self) -> None:
        """What retention removed is 410."""
        for path in self.data_dir.glob("segments/*"):
            path.unlink()
        self.page(f"/x/{specimens.SID}/1", 410)

    def test_static_files(self) -> None:
        """Files have their types, and may be kept under the address that pages name only."""
        page = self.page("/")
        sources = [each.attributes["src"] for each in page.all("script")]
        styles = [each.attributes["href"] for each in page.all("link", rel="stylesheet")]
        self.assertGreater(len(styles), 1)
        for address in [*sources, *styles]:
            response = self.ask(str(address))
            self.assertEqual(response.code, 200)
            self.assertIn("immutable", response.headers.getRawHeaders("cache-control")[0])
            self.assertIn("text/", response.headers.getRawHeaders("content-type")[0])
        self.assertIsNone(self.ask("/static/other/theme.js").headers.getRawHeaders("cache-control"))
        self.assertEqual(self.ask("/static/other/pages.py").code, 404)

    def test_filters_stay_set(self) -> None:
        """The form shows the filters that the list has, days as the beginning of them."""
        page = self.page("/calls?model=qwen3&q=colon&since=2026-11-20")
        self.assertEqual(page.one("input", id="q").attributes["value"], "colon")
        self.assertEqual(page.one("input", id="filter-since").attributes["value"], "2026-11-20T00:00")
        self.assertIn("selected", page.one("option", value="qwen3").attributes)
        self.assertEqual(len(page.all("tr", data_testid="row")), 1 + 1)

    def test_values_that_no_record_has(self) -> None:
        """An empty list says which of the filters' values nobody recorded, and what was probably meant."""
        for path in ("/calls?model=qwen33", "/sessions?model=qwen33", "/calls?q=model:qwen33"):
            self.assertIn("no model 'qwen33' was recorded; nearest: qwen3", self.page(path).text, path)
        self.assertNotIn("was recorded", self.page("/calls?model=qwen3&since=2031-01-01").text)

    def test_head(self) -> None:
        """HEAD has the length and no body."""
        response = self.ask("/", "HEAD")
        self.assertEqual(response.body, b"")
        self.assertEqual(response.code, 200)

    def test_notices(self) -> None:
        """What is wrong with capture, store and redaction stands on every page."""
        self.assertIn("hidden", self.page("/").one("ul", id="notices").attributes)
        self.health |= {"store": "degraded", "redact": False, "dropped": {"queue": 2}}
        said = self.page("/overview").one("ul", id="notices")
        self.assertNotIn("hidden", said.attributes)
        for word in ("degraded", "Redaction is off", "2 records"):
            self.assertIn(word, said.text)
