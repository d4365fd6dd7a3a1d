"""``ccsproxy ca``: made at need, shown, renewed, forgotten; its key is never shown."""

import json
import stat
from io import StringIO
from pathlib import Path
from typing import Any

from cryptography import x509
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.providers.hosts import MODEL_HOSTS
from ccsproxy.proxy.forward.authority import AuthorityStore
from ccsproxy.tools.main import build_parser


class CaCommand(SynchronousTestCase):
    """The command over a data dir."""

    def setUp(self) -> None:
        self.data_dir = Path(self.mktemp())
        self.folder = self.data_dir / "ca"

    def run_command(self, *options: str, status: int = 0) -> str:
        args: Any = build_parser(["ca"]).parse_args(["ca", "--data-dir", str(self.data_dir), *options])
        out, err = StringIO(), StringIO()
        self.assertEqual(args.command.run(args, out, err), status, err.getvalue())
        self.assertNotIn("PRIVATE", out.getvalue() + err.getvalue())
        return out.getvalue() + err.getvalue()

    def test_made_with_the_data_dir_and_told_how_to_use(self) -> None:
        said = self.run_command()
        self.assertIn(f"NODE_EXTRA_CA_CERTS={self.folder / 'ca.pem'} claude", said)
        self.assertEqual(stat.S_IMODE(self.data_dir.stat().st_mode), 0o700)
        self.assertEqual(stat.S_IMODE((self.folder / "ca.key").stat().st_mode), 0o600)

    def test_printed_is_the_one_that_is_there(self) -> None:
        first, second = self.run_command("--print"), self.run_command("--print")
        self.assertEqual(first, second)
        x509.load_pem_x509_certificate(first.encode())

    def test_renewed(self) -> None:
        first = self.run_command("--print")
        self.run_command("--renew")
        self.assertNotEqual(self.run_command("--print"), first)

    def test_one_for_other_hosts_is_kept_and_widened_by_renewal_only(self) -> None:
        self.data_dir.mkdir(mode=0o700)
        own = AuthorityStore(self.folder, ["llm.example.com"]).ensure()
        self.assertEqual(self.run_command("--print").encode(), own.certificate_pem)
        self.run_command("--renew")
        hosts = json.loads(self.run_command("--json"))["hosts"]
        self.assertEqual(set(hosts), {*MODEL_HOSTS, "llm.example.com"})

    def test_forgotten(self) -> None:
        self.run_command()
        self.assertIn("was deleted", self.run_command("--forget"))
        self.assertEqual(list(self.folder.iterdir()), [])
        self.assertIn("There is no", self.run_command("--forget"))

    def test_what_is_in_the_way_is_one_sentence(self) -> None:
        self.data_dir.mkdir(mode=0o700)
        self.folder.write_text("")
        said = self.run_command(status=1)
        self.assertIn("cannot be used", said)
        self.assertEqual(said.count("\n"), 1)
