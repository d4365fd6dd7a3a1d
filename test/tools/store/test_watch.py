"""Tests of ``ccsproxy watch``."""

import io
import json
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.query import parse_query
from ccsproxy.store.reader.reader import Reader
from ccsproxy.tools.main import build_parser
from test.store.imports.test_bodies import request, response


class WatchTests(SynchronousTestCase):
    """A folder that fills while it is watched."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.data_dir = Path(self.mktemp()).absolute()

    def watch(self, *more: str) -> tuple[int, str, str]:
        args = build_parser(["watch"]).parse_args(
            ["watch", "--once", "--data-dir", str(self.data_dir), str(self.folder), *more]
        )
        out, err = io.StringIO(), io.StringIO()
        return args.command.run(args, out, err), out.getvalue(), err.getvalue()

    def put(self, number: int) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / f"r{number}.request.json").write_text(json.dumps(request()))
        (self.folder / f"req_{number}.response.json").write_text(json.dumps(response(number)))

    def test_looks(self) -> None:
        """A folder that is not there yet is no trouble; each call is taken once, and a line says so."""
        self.assertEqual(self.watch(), (0, "", ""))
        self.put(1)
        status, out, err = self.watch()
        self.assertEqual((status, out.count("\n"), err), (0, 1, ""))
        self.put(2)
        _, out, _ = self.watch("--json")
        self.assertEqual(json.loads(out)["seq"], 2)
        self.assertEqual(self.watch()[1], "")
        reader = Reader(self.data_dir)
        self.addCleanup(reader.close)
        rows = reader.requests(parse_query({})).items
        self.assertEqual([row["request_id"] for row in rows], ["req_2", "req_1"])

    def test_no_folder(self) -> None:
        """A file is refused with a sentence."""
        self.folder.write_text("")
        status, out, err = self.watch()
        self.assertEqual((status, out), (1, ""))
        self.assertIn("is not a directory", err)
