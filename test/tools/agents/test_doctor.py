"""Tests of ``ccsproxy doctor``."""

import argparse
import io
import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.launch.diagnosis import NOTE, OK, TROUBLE, Diagnosis
from ccsproxy.providers.price_book import list_price
from ccsproxy.store.index.follower import rebuild
from ccsproxy.tools.agents import doctor
from test.store.corpus import Segments


class DoctorTests(SynchronousTestCase):
    """What is in an agent's way, and the cure."""

    def setUp(self) -> None:
        self.data_dir = Path(self.mktemp()).absolute()
        self.found: list[Diagnosis] = [Diagnosis(OK, "claude", "is fine", "no cure")]
        for name in ("examine_agent", "examine_shell", "examine_service"):
            self.patch(doctor, name, lambda *given: [])
        self.patch(doctor, "examine_machine", lambda data_dir: self.found)

    def call(self, *argv: str) -> tuple[int, str, str]:
        """Run the command; return status, output and complaints."""
        parser = argparse.ArgumentParser()
        doctor.add_arguments(parser)
        out, err = io.StringIO(), io.StringIO()
        args = parser.parse_args(["--data-dir", str(self.data_dir), *argv])
        return doctor.run(args, out, err), out.getvalue(), err.getvalue()

    def test_status(self) -> None:
        """1 when something is in the way; a note is none; a cure is said where there is something to cure."""
        status, said, _ = self.call()
        self.assertEqual(status, 0)
        self.assertNotIn("no cure", said)
        self.found.append(Diagnosis(NOTE, "shell", "is odd", "see the manual"))
        self.assertEqual(self.call()[0], 0)
        self.found.append(Diagnosis(TROUBLE, "ports", "are taken", "free them"))
        status, said, _ = self.call()
        self.assertEqual(status, 1)
        self.assertIn("!!    ports        are taken\n", said)
        self.assertIn("free them", said)

    def test_json(self) -> None:
        """The same for programs."""
        (found,) = json.loads(self.call("--json")[1])
        self.assertEqual((found["state"], found["about"]), (OK, "claude"))

    def test_names(self) -> None:
        """An agent that nobody knows is a sentence with those that there are; to measure, one has to be named."""
        status, _, complaint = self.call("clod")
        self.assertEqual(status, 2)
        self.assertIn("There is no agent 'clod'; there are claude", complaint)
        self.assertIn("Name the agent", self.call("--measure")[2])

    def test_nothing_is_made_by_looking(self) -> None:
        """A data dir that is not there is not there afterwards; one that is, is looked at for losses."""
        self.call()
        self.assertFalse(self.data_dir.exists())
        asked: list[Any] = []
        self.patch(doctor, "examine_last_session", lambda title, losses: asked.append(losses) or [])
        self.patch(doctor, "examine_ports", lambda ports: [])
        self.data_dir.mkdir()
        Segments(self.data_dir).fill(2)
        rebuild(self.data_dir, list_price)
        self.call()
        self.assertEqual(asked, [[]])
