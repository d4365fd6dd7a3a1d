"""The mock's certificate authority: a certificate for whatever name a client asks for."""

import ssl
from pathlib import Path

from test.integration.certificates import Certificate, dns, ip


class Authority:
    """Makes server contexts by name.

    :param folder: where ``authority.pem`` and the leaves are written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._root = Certificate("mock of all providers", authority=True)
        self._contexts: dict[str, ssl.SSLContext] = {}
        (folder / "authority.pem").write_bytes(self._root.pem)

    def context(self) -> ssl.SSLContext:
        """Return a context that takes the certificate of the name that is asked for."""
        context = self._for("localhost")

        def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
            connection.context = self._for(name or "localhost")

        context.sni_callback = choose  # type: ignore[assignment]
        return context

    def _for(self, name: str) -> ssl.SSLContext:
        if name not in self._contexts:
            leaf = Certificate(name[:60], self._root, names=dns(name) + ip("127.0.0.1"))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(leaf.write(self._folder))
            context.set_alpn_protocols(["http/1.1"])
            self._contexts[name] = context
        return self._contexts[name]
