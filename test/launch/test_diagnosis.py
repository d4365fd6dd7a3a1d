"""Tests of what ``ccsproxy doctor`` finds."""

import json
import socket
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.launch.agent import Surroundings
from ccsproxy.launch.background import Background
from ccsproxy.launch.diagnosis import (
    NOTE,
    OK,
    TROUBLE,
    Diagnosis,
    examine_agent,
    examine_last_session,
    examine_machine,
    examine_ports,
    examine_service,
    examine_shell,
)
from ccsproxy.launch.registry import BY_NAME

RUN = {"version": "9", "proxy": ["http://127.0.0.1:8787"], "api": []}


def states(found: list[Diagnosis]) -> list[str]:
    return [each.state for each in found]


class AgentDiagnosisTests(SynchronousTestCase):
    """One agent, in a home of its own."""

    def setUp(self) -> None:
        self.home = Path(self.mktemp()).absolute()
        (self.home / "bin").mkdir(parents=True)

    def examine(self, name: str, **environment: str) -> list[Diagnosis]:
        surroundings = Surroundings(self.home, self.home, {"PATH": str(self.home / "bin"), **environment})
        return list(examine_agent(BY_NAME[name], surroundings))

    def put(self, name: str, text: str) -> None:
        path = self.home / "bin" / name
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def test_absent(self) -> None:
        (found,) = self.examine("claude")
        self.assertEqual((found.state, found.text), (TROUBLE, "Claude Code is not installed."))

    def test_present(self) -> None:
        """Version, login, and what a base URL would change."""
        self.put("claude", "#!/bin/sh\necho '2.1.332 (Claude Code)'\n")
        found = self.examine("claude", ANTHROPIC_API_KEY="x")
        self.assertIn("Claude Code 2.1.332 at", found[0].text)
        self.assertEqual(found[1].text, "Login: api-key.")
        self.assertNotIn(TROUBLE, states(found))
        self.assertTrue([each for each in found if each.text.startswith("--via base-url:")])

    def test_settings_that_outrank_a_launcher(self) -> None:
        """A settings file that sets a proxy or a base URL of its own is trouble, with its cure."""
        self.put("claude", "#!/bin/sh\nexit 1\n")
        (self.home / ".claude").mkdir()
        settings = {"env": {"ANTHROPIC_BASE_URL": "https://gateway.example", "HTTPS_PROXY": "http://other:1"}}
        (self.home / ".claude" / "settings.json").write_text(json.dumps(settings))
        found = [each for each in self.examine("claude") if each.state == TROUBLE]
        self.assertEqual(len(found), 2)
        self.assertIn("Remove env.ANTHROPIC_BASE_URL", found[0].cure)
        self.assertNotIn("gateway.example", " ".join(each.text for each in found))


class SurroundingsDiagnosisTests(SynchronousTestCase):
    """Shell, machine, ports, service and records."""

    def shell(self, **environment: str) -> list[Diagnosis]:
        return list(examine_shell(Surroundings(Path("/"), Path("/"), environment)))

    def test_shell(self) -> None:
        self.assertEqual(self.shell(), [])
        self.assertEqual(states(self.shell(HTTPS_PROXY="http://corp:1")), [NOTE])
        self.assertEqual(states(self.shell(NO_PROXY="localhost, api.anthropic.com")), [TROUBLE])
        (found,) = self.shell(OPENAI_BASE_URL="https://user:secret@gateway.example/v1")
        self.assertEqual(found.text, "OPENAI_BASE_URL is set: calls go to gateway.example.")
        self.assertEqual(states(self.shell(SSL_CERT_FILE="/nowhere/at/all")), [TROUBLE])

    def test_clock(self) -> None:
        folder = Path(self.mktemp()).absolute()
        self.assertEqual(next(iter(examine_machine(folder, now=0.0))).about, "clock")
        self.assertEqual({each.about for each in examine_machine(folder, now=1_800_000_000.0)}, {"disk"})

    def test_ports(self) -> None:
        """A port that another program listens at is named; one that is free is not."""
        data_dir = Path(self.mktemp()).absolute()
        with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as soon_free:
            port, free = taken.getsockname()[1], soon_free.getsockname()[1]
            soon_free.close()
            (data_dir / "launch").mkdir(parents=True)
            (data_dir / "launch" / "ports.json").write_text(json.dumps({"proxy": port, "api": free}))
            self.assertEqual(Background(data_dir).taken_ports(), [port])
        (found,) = examine_ports([port])
        self.assertEqual((found.state, found.text), (NOTE, f"Port {port} is taken by another program."))

    def test_service(self) -> None:
        self.assertEqual(states(list(examine_service(None, {}))), [OK])
        whole = {"accepted": 3, "dropped": {"queue": 0}, "store": "ok"}
        self.assertEqual(states(list(examine_service(RUN, whole))), [OK, OK])
        lossy = {"accepted": 3, "dropped": {"disk_full": 2}, "store": "degraded"}
        found = list(examine_service(RUN, lossy))
        self.assertEqual(states(found), [OK, TROUBLE, TROUBLE])
        self.assertIn("2 exchanges were dropped: 2 disk_full", found[1].text)

    def test_an_index_in_trouble(self) -> None:
        """It is told apart from records that are lost, with the reason."""
        detail = {"index": {"state": "full", "trouble": "the disk is full"}}
        found = list(examine_service(RUN, {"accepted": 3, "store": "ok", "store_detail": detail}))
        self.assertEqual([(each.state, each.about) for each in found[2:]], [(TROUBLE, "index")])
        self.assertIn("the disk is full", found[2].text)

    def test_last_session(self) -> None:
        self.assertEqual(states(list(examine_last_session("fix it", []))), [OK])
        (found,) = examine_last_session("fix it", ["3 calls were not kept."])
        self.assertEqual((found.state, "3 calls were not kept." in found.text), (TROUBLE, True))
