"""Tests for `ccsproxy.providers.price_book`: the user's own prices."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange.usage import Usage
from ccsproxy.providers.price_book import COPY, PriceBook, PricesError, list_price

AT = "2026-11-30T12:00:00.000Z"
USED = Usage(input_tokens=1_000_000, output_tokens=0)
OWN = """
[[price]]
models = ["house-model*", "claude-opus-5-5"]
upstream = "work"
rates = { input = 7.0, output = 9 }
tiers = { batch = 0.5 }
context = 123456

[[price]]
models = ["llama*"]
rates = { input = 0, output = 0 }
"""


class PriceBookTests(SynchronousTestCase):
    """A file of own prices goes before the lists."""

    def setUp(self) -> None:
        """Write a price file."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.file = self.folder / "own.toml"
        self.file.write_text(OWN)
        self.book = PriceBook(self.file)

    def dollars(self, model: str, upstream: str, url: str = "") -> float | None:
        """Return what a million tokens of input cost."""
        return self.book.cost(model, USED, AT, upstream, url).dollars

    def test_own_prices(self) -> None:
        """By pattern, and for the upstream that the row names only."""
        self.assertEqual(self.dollars("house-model-7", "work"), 7.0)
        self.assertIsNone(self.dollars("house-model-7", "home"))
        self.assertEqual(self.dollars("claude-opus-5-5", "work", "https://api.anthropic.com"), 7.0)
        self.assertEqual(self.dollars("claude-opus-5-5", "home", "https://api.anthropic.com"), 4.0)
        self.assertEqual(self.dollars("llama3.3", "ollama", "http://localhost:11434"), 0.0)
        self.assertEqual(self.book.context_window("house-model-7", "work"), 123456)

    def test_free(self) -> None:
        """What costs nothing costs nothing from the cache either, though its row does not say so."""
        used = Usage(input_tokens=1000, output_tokens=10, cache_read_input_tokens=500, cache_creation_input_tokens=7)
        found = self.book.cost("llama3.3", used, AT, "ollama", "http://localhost:11434")
        self.assertEqual((found.dollars, found.gap), (0.0, ""))

    def test_same_price_under_any_name(self) -> None:
        """The NAME of an upstream changes nothing."""
        names = ("anthropic", "work2", "openai")
        costs = {list_price("claude-opus-5-5", USED, AT, name, "https://api.anthropic.com").dollars for name in names}
        self.assertEqual(costs, {4.0})

    def test_reload(self) -> None:
        """Read anew, new prices count; a file that is broken by then changes nothing and is told of."""
        self.file.write_text(OWN.replace("7.0", "8.0"))
        self.book.reload(self.file)
        self.assertEqual(self.dollars("house-model-7", "work"), 8.0)
        self.file.write_text("[[price]")
        with self.assertRaises(PricesError):
            self.book.reload(self.file)
        self.assertEqual(self.dollars("house-model-7", "work"), 8.0)

    def test_copy(self) -> None:
        """Commands price as the service of the data dir did; without a file there is no copy."""
        self.book.keep_copy(self.folder)
        self.assertEqual((self.folder / COPY).stat().st_mode & 0o777, 0o600)
        found = PriceBook.of_data_dir(self.folder).cost("house-model-7", USED, AT, "work")
        self.assertEqual(found.dollars, 7.0)
        PriceBook().keep_copy(self.folder)
        self.assertFalse((self.folder / COPY).exists())
        self.assertIsNone(PriceBook.of_data_dir(self.folder).cost("house-model-7", USED, AT, "work").dollars)

    def test_mistakes(self) -> None:
        """Each mistake is one sentence that names the file."""
        for text, word in [
            ("[[price]", "TOML"),
            ('[[price]]\nmodels=["x"]', "neither rates nor context"),
            ("[[price]]\nmodels=[]\nrates={input=1,output=1}", "names no model"),
            ('[[price]]\nmodels=["x"]\nrates={input=1}', "output"),
            ('[[price]]\nmodels=["x"]\nrates={input=1,output=1,cached=3}', "cached"),
            ('[[price]]\nmodels=["x"]\nrates={input=-1,output=1}', "below zero"),
            ('[[price]]\nmodels=["x"]\nrates={input=1,output=1}\nsince="today"', "2026-11-30"),
            ('[[price]]\nmodels=["x"]\nrates={input=1,output=1}\nsince="2026-02-02"\nuntil="2026-01-01"', "before"),
            ("[[prices]]\n", "prices"),
        ]:
            self.file.write_text(text)
            with self.assertRaises(PricesError) as caught:
                PriceBook(self.file)
            self.assertIn(word, str(caught.exception))
            self.assertIn(str(self.file), str(caught.exception))
        with self.assertRaises(PricesError):
            PriceBook(self.folder / "none.toml")
