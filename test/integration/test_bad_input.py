"""Mistakes in options, config file and surroundings: one sentence, exit status 1 or 2, never a traceback.

Here each way of starting meets one mistake of each kind; the tables of mistakes are worked off in process, in
`test.config.test_settings`.
"""

import os
import socket
from pathlib import Path

from test.integration.harness import OK, ScriptedUpstream, answering
from test.integration.program import WAYS, ProgramTestCase

UPSTREAM = ["--upstream", "http://127.0.0.1:9"]


class BadInputTests(ProgramTestCase):
    """The same for each way of starting."""

    async def complains(self, way: str, options: list[str], *words: str) -> None:
        """Start with a mistake, and read what is said of it."""
        data = [] if "--data-dir" in options else ["--data-dir", self.mktemp()]
        program = self.spawn(
            [*WAYS[way], "--upstream-proxy", "none", "--proxy-port", "0", "--api-port", "0", *options, *data]
        )
        await program.ended()
        what = (way, options, program.said)
        self.assertIn(program.status, (1, 2), what)
        lines = [line for line in program.output[2].decode().splitlines() if line.strip()]
        self.assertEqual(len(lines), 1, what)
        self.assertNotIn("Traceback", program.said)
        for word in words:
            self.assertIn(word, lines[0], what)

    async def test_taken_ports(self) -> None:
        """Somebody else listens there."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = str(taken.getsockname()[1])
            await self.complains("serve", [*UPSTREAM, "--proxy-port", port], "--proxy-port", port)
            await self.complains("twistd", [*UPSTREAM, "--api-port", port], "--api-port", port)

    async def test_data_directories(self) -> None:
        """One that cannot be made, and one that is a file."""
        file = Path(self.mktemp())
        file.write_text("")
        await self.complains("twist", [*UPSTREAM, "--data-dir", str(file)], str(file))
        await self.complains("serve", [*UPSTREAM, "--data-dir", "/proc/ccsproxy"], "/proc/ccsproxy")

    async def test_a_directory_that_may_not_be_written_to(self) -> None:
        """Somebody else's, or write-protected."""
        if os.getuid() == 0:
            return await self.complains("twistd", [*UPSTREAM, "--data-dir", "/sys/ccsproxy"], "/sys/ccsproxy")
        directory = Path(self.mktemp())
        directory.mkdir(mode=0o500)
        return await self.complains("twistd", [*UPSTREAM, "--data-dir", str(directory / "x")], str(directory))

    async def test_config_file(self) -> None:
        """A key that does not exist."""
        file = Path(self.mktemp())
        file.write_text('upstream = ["http://127.0.0.1:9"]\nproxy_prot = 1\n')
        await self.complains("twist", ["--config", str(file)], "proxy_prot")

    async def test_options(self) -> None:
        """An endpoint that cannot be, an upstream of an unknown scheme, an option that does not exist."""
        await self.complains("twistd", [*UPSTREAM, "--listen", "tcp:x"], "--listen")
        await self.complains("twist", ["--upstream", "ftp://example.org"], "--upstream", "ftp")
        await self.complains("serve", [*UPSTREAM, "--no-such-option"], "--no-such-option")

    async def test_a_second_process_on_the_same_data_directory(self) -> None:
        """It is refused, and the first one goes on."""
        upstream = ScriptedUpstream(answering(OK))
        options = ["--upstream", f"u=http://127.0.0.1:{self.listen(upstream)}", "--no-api", "--proxy-port", "0"]
        await self.launch("twistd", *options)
        self.addCleanup(self.close_peers, upstream)
        await self.complains("twistd", [*options, "--data-dir", str(self.data_dir)], str(self.data_dir))
        self.assertEqual((await self.ask(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")).status, 200)

    async def test_a_good_config_is_checked(self) -> None:
        """``--check-config`` says yes with status 0."""
        program = self.spawn([*WAYS["twistd"], *UPSTREAM, "--check-config"])
        self.assertEqual(await program.ended(), 0, program.said)
