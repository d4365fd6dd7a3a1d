"""Tests of ``ccsproxy demo``."""

import argparse
import sys

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.config.model import Config
from ccsproxy.runtime.sockets import listening
from ccsproxy.tools.service import demo, foreground


class DemoTests(SynchronousTestCase):
    """A mock upstream, the proxy, and a few calls."""

    def config(self, *argv: str) -> Config:
        """Return what the service would be started with."""
        found: list[Config] = []
        self.patch(foreground, "run_until_stopped", lambda config, reactor, ready: found.append(config) or 0)
        self.patch(listening, "listen", lambda *given: "port")
        self.patch(listening, "url_of", lambda port: "http://127.0.0.1:7")
        parser = argparse.ArgumentParser()
        demo.add_arguments(parser)
        self.assertEqual(demo.run(parser.parse_args(argv), sys.stdout, sys.stderr), 0)
        return found[0]

    def test_records_go_to_a_folder_of_its_own(self) -> None:
        """Never among a user's own, unless that is asked for."""
        first, second = self.config(), self.config()
        self.assertNotEqual(first.data_dir, second.data_dir)
        self.assertIn("ccsproxy-demo-", str(first.data_dir))
        folder = self.mktemp()
        self.assertEqual(str(self.config("--data-dir", folder).data_dir), folder)

    def test_only_the_mock_is_called(self) -> None:
        """No provider is: both upstreams are the mock."""
        found = [(each.name, each.port) for each in self.config().upstreams]
        self.assertEqual(found, [("anthropic", 7), ("openai", 7)])

    def test_ports(self) -> None:
        """Any that are free, or those that are named."""
        config = self.config()
        self.assertEqual((config.proxy_port, config.api_port), (0, 0))
        self.assertEqual(self.config("--proxy-port", "9000").proxy_port, 9000)
