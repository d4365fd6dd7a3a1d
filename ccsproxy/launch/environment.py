"""The variables that make a program use the proxy port as its HTTP proxy."""

from collections.abc import Mapping

from ccsproxy.launch.agent import Leading, ServiceFacts

#: Hosts that are never reached through a proxy: this machine.
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
#: Variables for a file with one additional authority.
_ONE_MORE = ("NODE_EXTRA_CA_CERTS", "CODEX_CA_CERTIFICATE", "DENO_CERT")
#: Variables for a file with all authorities.
_ALL = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE")


def forward_environment(service: ServiceFacts, environment: Mapping[str, str]) -> Leading:
    """Return what makes a program use the proxy port for all its HTTPS, and trust the intercepted connections.

    If the user has added an authority, the bundle contains it too (see `ccsproxy.launch.bundle`), so it replaces the
    user's file.

    :param environment: the variables of the user's shell.
    """
    variables = {name: str(service.ca) for name in _ONE_MORE if name not in environment}
    variables |= {name: str(service.bundle) for name in _ONE_MORE if name in environment}
    variables |= dict.fromkeys(_ALL, str(service.bundle))
    variables |= {"HTTPS_PROXY": service.proxy, "https_proxy": service.proxy}
    # Node's own fetch supports proxies since 22.21 and 24, and only if enabled.
    variables["NODE_USE_ENV_PROXY"] = "1"
    exempt = merged_exemptions(environment)
    variables |= {"NO_PROXY": exempt, "no_proxy": exempt}
    return Leading(variables)


def merged_exemptions(environment: Mapping[str, str]) -> str:
    """Return the user's ``NO_PROXY`` with the names of this machine added."""
    given = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    names = [name.strip() for name in given.split(",") if name.strip()]
    return ",".join(names + [name for name in _LOOPBACK if name not in names])
