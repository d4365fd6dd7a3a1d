"""``ccsproxy ca``: manages the certificate authority for interception."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TextIO

from ccsproxy.errors import StartError
from ccsproxy.providers.hosts import MODEL_HOSTS
from ccsproxy.proxy.forward.authority import AuthorityStore
from ccsproxy.proxy.forward.certificates import CertifiedKey, constrained_to
from ccsproxy.run import read_run_file
from ccsproxy.store.directory import prepare
from ccsproxy.tools.data_dir import CommandError, add_data_dir, reported, write_json

NAME = "ca"
SUMMARY = "Make, show, renew or delete the certificate authority that --forward uses."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--print", action="store_true", dest="show", help="print the certificate, in PEM")
    what.add_argument("--renew", action="store_true", help="make a new one; running agents have to be restarted")
    what.add_argument("--forget", action="store_true", help="delete it; a new one is made when it is needed")
    add_data_dir(parser)


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Execute the option; without one, create a CA if there is none, and print how agents can trust it."""
    data_dir = Path(args.data_dir).expanduser()
    if args.forget:
        return _forget(data_dir, out)
    try:
        prepare(data_dir)
        store = AuthorityStore(data_dir / "ca", () if not args.renew else MODEL_HOSTS)
        authority = store.renew() if args.renew else store.current()
        # A CA without name constraints could vouch for any host; such a one is never presented as ours.
        if authority is None or not constrained_to(authority.certificate):
            store = AuthorityStore(data_dir / "ca", MODEL_HOSTS)
            authority = store.ensure()
    except StartError as error:
        raise CommandError(str(error)) from None
    if args.show:
        out.write(authority.certificate_pem.decode())
    elif args.json:
        write_json(out, _facts(store, authority))
    else:
        out.write(_recipe(store, authority, data_dir))
    return 0


def _forget(data_dir: Path, out: TextIO) -> int:
    there = AuthorityStore(data_dir / "ca", ()).forget()
    out.write("The certificate authority was deleted.\n" if there else "There is no certificate authority.\n")
    return 0


def _facts(store: AuthorityStore, authority: CertifiedKey) -> dict[str, object]:
    certificate = authority.certificate
    return {
        "certificate": str(store.certificate_path),
        "valid_until": certificate.not_valid_after_utc.isoformat().replace("+00:00", "Z"),
        "hosts": sorted(constrained_to(certificate)),
    }


def _recipe(store: AuthorityStore, authority: CertifiedKey, data_dir: Path) -> str:
    running = read_run_file(data_dir)
    proxy = running["proxy"][0] if running and running.get("proxy") else "http://127.0.0.1:8787"
    hosts = constrained_to(authority.certificate)
    ends = authority.certificate.not_valid_after_utc.date()
    path = store.certificate_path
    return (
        f"{path}: good until {ends}, for {len(hosts)} model hosts and no others\n"
        f"  HTTPS_PROXY={proxy} NODE_EXTRA_CA_CERTS={path} claude\n"
        f"  HTTPS_PROXY={proxy} CODEX_CA_CERTIFICATE={path} codex\n"
        "  other programs must trust this file besides the system's authorities; for curl, --cacert alone\n"
    )
