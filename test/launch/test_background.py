"""Tests of how the service in the background is started."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.launch.background import Background
from ccsproxy.tools.main import build_parser
from ccsproxy.tools.service.serve import config_of


class CommandTests(SynchronousTestCase):
    """The command line is one that ``serve`` understands."""

    def config(self, *options: str, while_wanted: bool = True) -> object:
        background = Background(Path(self.mktemp()).absolute(), options)
        command = background.command(while_wanted=while_wanted)
        args = build_parser().parse_args(command[command.index("serve") :])
        self.assertEqual(args.while_wanted, while_wanted)
        return config_of(args)

    def test_every_agent_has_an_upstream(self) -> None:
        config = self.config()
        self.assertEqual([each.name for each in config.upstreams][:3], ["anthropic", "openai", "chatgpt"])
        self.assertTrue(config.forward)

    def test_an_upstream_of_the_users_takes_the_place_of_ours(self) -> None:
        """Said with or without its name, with or without an equals sign."""
        for options in (
            ("--upstream", "anthropic=https://gateway.example/anthropic"),
            ("--upstream=anthropic=https://gateway.example/anthropic",),
        ):
            urls = {each.name: each.url for each in self.config(*options).upstreams}
            self.assertEqual(urls["anthropic"], "https://gateway.example/anthropic")
            self.assertIn("openai", urls)
        urls = [each.url for each in self.config("--upstream", "https://api.anthropic.com/v9").upstreams]
        self.assertEqual([url for url in urls if "anthropic" in url], ["https://api.anthropic.com/v9"])

    def test_ports_of_the_users(self) -> None:
        config = self.config("--proxy-port", "0", "--no-api", while_wanted=False)
        self.assertEqual((config.proxy_port, config.no_api), (0, True))
