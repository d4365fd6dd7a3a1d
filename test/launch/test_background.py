"""Tests of how the service in the background is started."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.launch import background as module
from ccsproxy.launch.background import Background
from ccsproxy.launch.leases import UP, Lease, folder_of, stay_up
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


class Recording(Background):
    """A background service that only notes what would be done to it."""

    def stop(self) -> bool:
        stay_up(self.data_dir, up=False)
        (self.data_dir / "stopped").touch()
        return True

    def ensure(self, environment: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        return {"version": "new"}


class RenewedTests(SynchronousTestCase):
    """A service of another version is put out where that disturbs nobody."""

    def setUp(self) -> None:
        self.data_dir = Path(self.mktemp()).absolute()
        self.remember(pid=7, options=["--capture", "metadata", "--proxy-port", "0", "--api-port", "0"])
        self.lease = Lease(self.data_dir)
        self.addCleanup(self.lease.close)
        self.in_flight(0)

    def remember(self, **what: Any) -> None:
        (folder_of(self.data_dir) / "ports.json").write_text(json.dumps({"proxy": 1, "api": 2, **what}))

    def in_flight(self, count: int | None) -> None:
        self.patch(module, "read_health", lambda found, data_dir: {} if count is None else {"in_flight": count})

    def renewed(self, pid: int = 7) -> Mapping[str, Any] | None:
        return Recording(self.data_dir).renewed({"pid": pid, "version": "old"})

    def stopped(self) -> bool:
        return (self.data_dir / "stopped").exists()

    def test_idle(self) -> None:
        """Nobody but us uses it: it is replaced, and stays if it was to stay."""
        stay_up(self.data_dir, up=True)
        self.assertEqual((self.renewed(), self.stopped()), ({"version": "new"}, True))
        self.assertTrue((folder_of(self.data_dir) / UP).exists())

    def test_in_use(self) -> None:
        """An exchange that runs, a health that is not known, another program's service: all stay."""
        for count, pid in ((1, 7), (None, 7), (0, 8)):
            self.in_flight(count)
            self.assertIsNone(self.renewed(pid))
        self.assertFalse(self.stopped())

    def test_started_again_as_it_was(self) -> None:
        """With its options; the ports are those that it got, not those that it asked for."""
        again = Background(self.data_dir).as_started({"pid": 7})
        self.assertEqual(list(again.options), ["--capture", "metadata"])
        own = Background(self.data_dir, ("--no-api",))
        self.assertIs(own.as_started({"pid": 8}), own)
