"""The arguments of ``ccsproxy hub`` for login with OpenID Connect."""

import argparse
import secrets
import time
from pathlib import Path
from urllib.parse import urlsplit

from ccsproxy.api.hub.login_settings import LoginSettings, is_safe_url
from ccsproxy.api.hub.oidc.revocations import SharedRevocations
from ccsproxy.config.private_file import read_private
from ccsproxy.errors import ConfigError

#: Maximum duration of a login in hours: after it, a revoked role or a lost browser no longer counts.
LONGEST = 168.0
#: Minimum length of a session key in bytes.
KEY_BYTES = 32


def add_login_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments for login with OpenID Connect."""
    group = parser.add_argument_group("logging in by OpenID Connect")
    group.add_argument("--oidc-issuer", metavar="URL", help="the provider; people log in there to see anything")
    group.add_argument("--oidc-client-id", metavar="ID", help="as which the provider knows this hub")
    group.add_argument("--oidc-secret-file", metavar="FILE", help="file with the client's secret; without it the hub "
                       "is a public client")  # fmt: skip
    group.add_argument("--oidc-scope", metavar="NAME", action="append", default=[], help="a scope to ask for besides "
                       "openid, email and profile, such as groups; repeatable")  # fmt: skip
    group.add_argument(
        "--oidc-person-claim", metavar="NAME", default="email", help="the claim that names the user (default: email)"
    )
    group.add_argument("--oidc-groups-claim", metavar="NAME", default="groups", help="the claim with the groups that "
                       "--roles gives roles to (default: groups)")  # fmt: skip
    group.add_argument("--public-url", metavar="URL", help="the URL under which people reach the hub (default: the "
                       "loopback address); URL/oidc/callback has to be registered at the provider")  # fmt: skip
    group.add_argument(
        "--session-hours", metavar="N", type=float, default=8.0, help="how long a login lasts (default: 8)"
    )
    group.add_argument("--session-key-file", metavar="FILE", help="file with at least 32 random bytes, for several "
                       "hubs and for logins that outlast a restart (default: a new key)")  # fmt: skip
    group.add_argument("--session-revocations", metavar="FILE", help="file in which hubs with the same session key "
                       "tell one another who has logged out (default: the key file's name and .revoked)")  # fmt: skip


def check_login(args: argparse.Namespace) -> None:
    """Check what can be checked before anything is opened.

    :raises ConfigError: if the arguments are inconsistent.
    """
    if not args.oidc_issuer:
        for name in ("oidc_client_id", "oidc_secret_file", "oidc_scope", "session_key_file", "session_revocations"):
            if getattr(args, name):
                raise ConfigError("--" + name.replace("_", "-"), "it applies only with --oidc-issuer; add that")
        return
    if args.session_revocations and not args.session_key_file:
        raise ConfigError("--session-revocations", "sessions are shared by --session-key-file; add that")
    if args.auth_header:
        raise ConfigError("--oidc-issuer", "users are identified by it or by --auth-header; remove one of them")
    if not args.oidc_client_id:
        raise ConfigError("--oidc-issuer", "the provider must know this hub; add --oidc-client-id")
    if not is_safe_url(args.oidc_issuer):
        raise ConfigError("--oidc-issuer", f"{args.oidc_issuer} is not an https URL")
    if not 0 < args.session_hours <= LONGEST:
        raise ConfigError("--session-hours", f"a login lasts more than 0 and at most {LONGEST:g} hours")
    try:
        import jwt  # noqa: F401 - tests whether it is installed
    except ImportError:
        raise ConfigError("--oidc-issuer", "it needs a library; run: pip install 'ccsproxy[hub]'") from None


def login_settings(args: argparse.Namespace, own_url: str) -> LoginSettings | None:
    """Return the login settings; None without a login.

    :param own_url: the URL of the listening socket.
    :raises ConfigError: if a file or the public URL cannot be used.
    """
    if not args.oidc_issuer:
        return None
    public = (args.public_url or own_url).rstrip("/")
    parts = urlsplit(public)
    if not is_safe_url(public) or parts.path or parts.query:
        raise ConfigError("--public-url", f"{public} is not a URL such as https://hub.example.com")
    key = (
        _read("--session-key-file", args.session_key_file)
        if args.session_key_file
        else secrets.token_bytes(KEY_BYTES)
    )
    if len(key) < KEY_BYTES:
        raise ConfigError("--session-key-file", f"it must contain at least {KEY_BYTES} random bytes")
    secret = _read("--oidc-secret-file", args.oidc_secret_file).decode().strip() if args.oidc_secret_file else ""
    return LoginSettings(
        args.oidc_issuer,
        args.oidc_client_id,
        public,
        key,
        secret,
        args.session_hours * 3600,
        ("email", "profile", *args.oidc_scope),
        args.oidc_person_claim,
        args.oidc_groups_claim,
        _revocations(args),
    )


def _revocations(args: argparse.Namespace) -> Path | None:
    """Return the file of revoked sessions, which is not needed where a restart ends all of them."""
    if not args.session_key_file:
        return None
    path = Path(args.session_revocations or f"{args.session_key_file}.revoked").expanduser()
    try:
        SharedRevocations(time.time, path)
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}; name another file, common to all hubs of this key"
        raise ConfigError("--session-revocations", message) from None
    return path


def public_name(args: argparse.Namespace) -> list[str]:
    """Return the ``Host`` value of the public URL, if one is given."""
    host = urlsplit(args.public_url or "").hostname
    return [host] if host else []


def _read(option: str, name: str) -> bytes:
    try:
        return read_private(Path(name).expanduser())
    except OSError as error:
        raise ConfigError(option, f"{name}: {error.strerror}") from None
