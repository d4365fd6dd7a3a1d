"""Files of keys: what they may hold, who may read them, and what is never said of them."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.config import values
from ccsproxy.config.build import build_config
from ccsproxy.config.keys import digest_of, read_client_keys, read_upstream_key
from ccsproxy.errors import ConfigError

SECRET = "sk-synthetic-TEAM-000000"
UP = {"upstream": ["https://api.anthropic.com"]}


class FileTests(SynchronousTestCase):
    """The two kinds of file."""

    def file(self, text: str, mode: int = 0o600) -> Path:
        path = Path(self.mktemp())
        path.write_text(text)
        path.chmod(mode)
        return path

    def test_upstream_keys(self) -> None:
        """A bare key goes where its provider looks for it, and a whole line where it says."""
        for provider, line in (
            ("anthropic", f"x-api-key: {SECRET}"),
            ("google", f"x-goog-api-key: {SECRET}"),
            ("azure", f"api-key: {SECRET}"),
            ("openai", f"Authorization: Bearer {SECRET}"),
            ("", f"Authorization: Bearer {SECRET}"),
        ):
            key = read_upstream_key(self.file(SECRET + "\n"), provider)
            self.assertEqual((key.line, key.secret), (line.encode() + b"\r\n", SECRET))
        key = read_upstream_key(self.file(f"authorization: Bearer {SECRET}"), "anthropic")
        self.assertEqual((key.line, key.secret), (f"authorization: Bearer {SECRET}\r\n".encode(), SECRET))
        self.assertNotIn(SECRET, repr(key))

    def test_bad_upstream_keys(self) -> None:
        """What would be more than one line of a head is refused, and never repeated."""
        odd = f"{SECRET}\n{SECRET}", f"x: a\r\nEvil: {SECRET}", f"{SECRET} more", "\ufeffk\u00e9y"
        for text in ("", "  \n", *odd):
            error = self.assertRaises(ConfigError, read_upstream_key, self.file(text))
            self.assertNotIn(SECRET, str(error))

    def test_clients(self) -> None:
        """Names by digest; comments and empty lines are passed over; somebody may have several keys."""
        one, two = (digest_of(each).hex() for each in (b"k1", b"k2"))
        found = read_client_keys(self.file(f"# people\n\nann sha256:{one}\n  ann   sha256:{two}\n"))
        self.assertEqual(found, {digest_of(b"k1"): "ann", digest_of(b"k2"): "ann"})

    def test_bad_clients(self) -> None:
        """A line that is none is named by its number: it may hold a key in the clear."""
        for text in (f"ann {SECRET}", "ann sha256:12", "sha256:" + "0" * 64):
            error = self.assertRaises(ConfigError, read_client_keys, self.file("# ok\n" + text + "\n"))
            self.assertIn("line 2", str(error))
            self.assertNotIn(SECRET, str(error))

    def test_open_to_others(self) -> None:
        """A file that others may read, or that is not there, is refused with the cure."""
        for read in (read_client_keys, read_upstream_key):
            self.assertIn("chmod 600", str(self.assertRaises(ConfigError, read, self.file("x", 0o644))))
            self.assertIn("cannot be read", str(self.assertRaises(ConfigError, read, Path("nothing"))))


class OptionTests(SynchronousTestCase):
    """What the configuration says of keys."""

    def test_checked(self) -> None:
        """Names of upstreams, and who may spend the team's key."""
        keys = str(Path(self.mktemp()))
        Path(keys).write_text("")
        config = build_config({**UP, "upstream-key-file": ["anthropic=k"], "client-keys": [keys]})
        self.assertEqual((config.upstream_key_files, config.client_keys), ((("anthropic", Path("k")),), Path(keys)))
        self.assertFalse(config.forwards)
        for wrong, words in (
            ({"upstream-key-file": ["other=k"]}, "no upstream 'other'"),
            ({"upstream-key-file": ["k"]}, "NAME=FILE"),
            ({"upstream-key-file": ["anthropic=k"], "listen": ["tcp:8787"]}, "--client-keys"),
            ({"client-keys": [keys], "forward": ["on"]}, "forward"),
            ({"client-keys": ["/nowhere"]}, "no readable file"),
        ):
            self.assertIn(words, str(self.assertRaises(ConfigError, build_config, {**UP, **wrong})))
        build_config({**UP, "upstream-key-file": ["anthropic=k"], "listen": ["tcp:8787"], "client-keys": [keys]})

    def test_tls_and_workers(self) -> None:
        """Workers take sockets over without the TLS around them, so the two are refused together."""
        wrong = {**UP, "listen": ["ssl:8443:privateKey=k"], "workers": ["2"]}
        self.assertIn("one process", str(self.assertRaises(ConfigError, build_config, wrong)))
        build_config({**wrong, "workers": ["1"]})

    def test_labels_of_calls(self) -> None:
        """A label may be taken from each call, by the two ways there are."""
        self.assertEqual(values.label("user=@header:X-User"), ("user", "@header:X-User"))
        self.assertEqual(values.label("user=@key"), ("user", "@key"))
        for wrong in ("user=@header:", "user=@header:a b", "user=@keys", "user=@"):
            self.assertRaises(ValueError, values.label, wrong)
