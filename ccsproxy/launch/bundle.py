"""The bundle of certificate authorities: the system's, the user's own, and ours, for programs that take one file
only."""

import os
import ssl
from collections.abc import Mapping
from pathlib import Path

#: Where systems keep their authorities, if OpenSSL does not know (Debian, Fedora, openSUSE, Alpine, macOS).
_KNOWN = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
#: Variables by which a user may have added authorities.
_USERS_OWN = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def write_bundle(ca: Path, environment: Mapping[str, str]) -> Path:
    """Write the bundle next to our authority and return its path.

    :param ca: the file with our authority.
    :param environment: the variables of the user's shell.
    """
    target = ca.with_name("bundle.pem")
    files = [*system_files(), *(environment[name] for name in _USERS_OWN if environment.get(name)), str(ca)]
    seen: dict[str, None] = {}
    for file in files:
        try:
            text = Path(file).read_text("ascii", errors="replace")
        except OSError:
            continue
        if Path(file).resolve() != target.resolve():
            seen.setdefault(text.strip() + "\n")
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "w") as out:
        out.writelines(seen)
    os.replace(aside, target)
    return target


def system_files() -> list[str]:
    """Return the file with the system's authorities, nothing if none is found."""
    paths = ssl.get_default_verify_paths()
    candidates = [path for path in (paths.cafile, paths.openssl_cafile, *_KNOWN) if path]
    return [next(path for path in candidates if os.path.isfile(path))] if any(map(os.path.isfile, candidates)) else []
