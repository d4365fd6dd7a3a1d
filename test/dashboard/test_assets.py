"""Tests of the files that pages load."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.assets import TYPES, Asset, Assets, load_assets


class AssetsTests(SynchronousTestCase):
    """Style and scripts, under an address that changes with their content."""

    def test_all_are_there(self) -> None:
        """Each with its type, the ones that every page names among them."""
        assets = load_assets()
        for name in ("dashboard.css", "workspace.css", "theme.js", "common.js", "icon.svg"):
            self.assertEqual(assets.found[name].media_type, TYPES[name.rpartition(".")[2]])
            self.assertTrue(assets.found[name].content)

    def test_addresses(self) -> None:
        """The same content has the same address; a file that is not there has none."""
        assets = load_assets()
        self.assertEqual(assets.version, load_assets().version)
        self.assertEqual(assets.address("icon.svg"), f"/static/{assets.version}/icon.svg")
        self.assertRaises(KeyError, assets.address, "../secret")
        self.assertEqual(Assets("v", {"a.js": Asset(b"", "x")}).address("a.js"), "/static/v/a.js")
