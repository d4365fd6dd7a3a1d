"""``ccsproxy open``: the page of the running service."""

import os

from ccsproxy.run import write_run_file
from ccsproxy.tools.service import open_page
from test.tools.commands import CommandCase


class OpenTests(CommandCase):
    """With a service and without."""

    def test_open_knows_the_running_service(self) -> None:
        """The address comes from run.json; without a service there is one sentence."""
        self.assertEqual(self.run_command("open", "--print")[0], 1)
        self.assertEqual(self.run_command("reindex")[0], 0)
        write_run_file(self.dir, {"pid": os.getpid(), "api": ["http://127.0.0.1:1"]})
        self.assertEqual(self.run_command("open", "--print"), (0, "http://127.0.0.1:1\n", ""))
        opened: list[str] = []
        self.patch(open_page.webbrowser, "open", opened.append)
        self.run_command("open")
        sid = self.records[0]["session_id"]
        self.run_command("open", sid)
        self.assertEqual(opened, ["http://127.0.0.1:1", f"http://127.0.0.1:1/s/{sid}"])
