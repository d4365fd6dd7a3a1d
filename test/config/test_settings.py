"""Tests of the settings table, the config file and the options built from them."""

import ast
import io
import re
import sys
from pathlib import Path

import attr
from twisted.trial.unittest import SynchronousTestCase

import ccsproxy
from ccsproxy.config import values
from ccsproxy.config.build import build_config, reloaded
from ccsproxy.config.file import read_config_file
from ccsproxy.config.model import Config
from ccsproxy.config.options import Options
from ccsproxy.config.settings import SETTINGS
from ccsproxy.errors import ConfigError

CONTRACT = """upstream provider proxy-port api-port listen api-listen no-api data-dir capture no-redact cors-allow
allow-host api-token-file max-request-body connect-timeout first-byte-timeout idle-timeout upstream-keepalive
max-connections drain-timeout rotate-size rotate-every retain-days retain-size compress sync upstream-ca client-cert
 client-key upstream-proxy workers prices redact-pattern keep-pattern label forward intercept websocket
 api-users budget budget-action replay ship ship-content ship-hold ship-credentials client-keys
 upstream-key-file""".split()

PACKAGE = Path(ccsproxy.__file__).parent
NOTHING = ("0", "0.0", "''", "False", "None")


class ValueTests(SynchronousTestCase):
    """Each reader takes what the contract shows and refuses the rest with a sentence."""

    def test_sizes_accept_factors(self) -> None:
        """K, M and G are powers of 1024, in either case, with or without B."""
        self.assertEqual(
            [values.size(t) for t in ("7", "2K", "64M", "4g", "1MB")], [7, 2048, 64 << 20, 4 << 30, 1 << 20]
        )

    def test_nonsense_is_refused(self) -> None:
        """Every reader raises ValueError for what it cannot mean."""
        bad = [
            (values.size, ["", "-1", "1.5M", "M", "1T", "٣"]),
            (values.seconds, ["", "-1", "nan", "inf", "ten"]),
            (values.port, ["", "-1", "65536", "8o", "99999999999999999999", "٣"]),
            (values.workers, ["", "0", "-1", "65", "two"]),
            (values.origin, ["*", "null", "http://", "http://a/b", "ftp://a", "http://u@a"]),
            (values.host_name, ["", "a b", "http://a", "a:1", "-a"]),
            (values.corporate_proxy, ["", "socks4://a:1", "http://", "http://a/b"]),
        ]
        for reader, texts in bad:
            for text in texts:
                with self.subTest(reader=reader, text=text):
                    self.assertRaises(ValueError, reader, text)

    def test_upstream_is_taken_apart(self) -> None:
        """Name, scheme, host, port and base path come out, with the known name as default."""
        one = values.upstream("https://api.anthropic.com")
        self.assertEqual((one.name, one.scheme, one.port, one.base_path), ("anthropic", "https", 443, ""))
        two = values.upstream("lab=http://[::1]:9000/v1/")
        self.assertEqual((two.name, two.host, two.port, two.base_path), ("lab", "::1", 9000, "/v1"))
        self.assertEqual((two.authority, two.url), ("[::1]:9000", "http://[::1]:9000/v1"))

    def test_dangerous_upstreams_are_refused(self) -> None:
        """Unknown schemes, userinfo, queries and odd hosts never become an upstream."""
        for url in (
            "ftp://a",
            "https://user:secret@a.example",
            "https://a.example/?x",
            "https://a.example#f",
            "https://",
            "https://a b/",
            "https://a.example:99999",
            "https://a.example:0",
            "a/b=https://a.example",
            "https://exämple.org",
            "x y=https://a.example",
        ):
            with self.subTest(url=url):
                self.assertRaises(ValueError, values.upstream, url)


class BuildTests(SynchronousTestCase):
    """The command line wins over the file, and mistakes name their key."""

    def test_every_option_of_the_contract_is_there(self) -> None:
        """The table holds exactly the documented options."""
        self.assertEqual(sorted(s.name for s in SETTINGS), sorted(CONTRACT))

    def test_defaults_are_those_of_the_help(self) -> None:
        """What the help calls the default is what an empty command line gives."""
        config = build_config({"upstream": ["https://api.anthropic.com"]})
        for known in SETTINGS:
            if known.read is not None and known.default[0].isdigit():
                self.assertEqual(known.read(known.default), getattr(config, known.field), known.name)

    def test_a_default_is_said_once(self) -> None:
        """No class outside of this room has a default of its own for what is an option."""
        options = {each.name for each in attr.fields(Config)}
        found = [
            (file.name, holder.name, ast.unparse(line))
            for file in sorted(PACKAGE.rglob("*.py"))
            if not file.is_relative_to(PACKAGE / "config")
            for text in [file.read_text()]
            if set(re.findall(r"^ +(\w+): .*=", text, re.MULTILINE)) & options
            for holder in ast.walk(ast.parse(text))
            if isinstance(holder, ast.ClassDef)
            for line in holder.body
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.target.id in options
            # Nothing (0, "", False, None) says that it was not set; a call makes it from elsewhere.
            if isinstance(line.value, ast.Constant | ast.BinOp) and ast.unparse(line.value) not in NOTHING
        ]
        self.assertEqual(found, [])

    def test_command_line_wins(self) -> None:
        """A key in both places has the command line's value; repeatable ones are not mixed."""
        file = {"upstream": ["a=http://127.0.0.1:1"], "proxy-port": ["1"], "api-port": ["2"]}
        config = build_config({"upstream": ["b=http://127.0.0.1:2"], "proxy-port": ["3"]}, file)
        self.assertEqual([u.name for u in config.upstreams], ["b"])
        self.assertEqual((config.proxy_port, config.api_port), (3, 2))

    def test_mistakes_name_key_and_remedy(self) -> None:
        """The message holds the key; a secret in a wrong value is not repeated."""
        cases = [
            ({}, "--upstream: no upstream is given"),
            ({"upstream": ["https://a.example", "https://a.example/x"]}, "two upstreams are named 'a.example'"),
            ({"upstream": ["https://a.example"], "proxy-port": ["x"]}, "--proxy-port: 'x' is wrong: expected"),
            ({"upstream": ["https://a.example"], "client-cert": [__file__]}, "needs both"),
            ({"upstream": ["https://a.example"], "upstream-ca": ["/nowhere"]}, "no readable file"),
        ]
        for given, expected in cases:
            error = self.assertRaises(ConfigError, build_config, given)
            self.assertIn(expected, str(error))
        error = self.assertRaises(ConfigError, build_config, {"upstream": ["https://u:hunter2@a.example"]})
        self.assertNotIn("hunter2", str(error))


class ConfigFileTests(SynchronousTestCase):
    """The TOML file takes the same keys, and tables for upstreams."""

    def read(self, text: str) -> object:
        """Write a file and read it back."""
        file = Path(self.mktemp())
        file.write_text(text)
        return read_config_file(file)

    def test_keys_and_upstream_tables(self) -> None:
        """Dashes and underscores are the same, and an upstream may have a listener of its own."""
        said = self.read(
            'proxy_port = 9000\nno-api = true\nallow-host = ["a", "b"]\n'
            '[[upstream]]\nname = "x"\nurl = "http://127.0.0.1:1"\nlisten = "tcp:0:interface=127.0.0.1"\n'
        )
        config = build_config({}, said.given, said.listens)
        self.assertEqual((config.proxy_port, config.no_api, config.allow_hosts), (9000, True, ("a", "b")))
        self.assertEqual(config.upstreams[0].listen, ("tcp:0:interface=127.0.0.1",))

    def test_a_listener_needs_no_name(self) -> None:
        """It belongs to the name that the upstream gets by its host."""
        said = self.read('[[upstream]]\nurl = "https://api.openai.com"\nlisten = "tcp:0"\n')
        one = build_config({}, said.given, said.listens).upstreams[0]
        self.assertEqual((one.name, one.listen), ("openai", ("tcp:0",)))

    def test_mistakes_are_named(self) -> None:
        """Unknown keys, wrong types and broken TOML are one sentence with the key."""
        for text, expected in (
            ("proxy-prot = 1", "proxy-prot: there is no such key; did you mean: provider, proxy-port"),
            ("no-api = 1", "no-api: expected true or false"),
            ("listen = {}", "listen: expected a list of strings"),
            ("x = ", "not valid TOML"),
            ("[[upstream]]\nname = 'a'", 'each [[upstream]] needs a "url"'),
            ("[[upstream]]\nurl = 'http://a'\nport = 1", "upstream.port: there is no such key"),
            ("[[upstream]]\nurl = 'ftp://a'\nlisten = 'tcp:0'", "upstream.url: 'ftp://a' is wrong"),
        ):
            with self.subTest(text=text):
                self.assertIn(expected, str(self.assertRaises(ConfigError, self.read, text)))
        self.assertIn("cannot read", str(self.assertRaises(ConfigError, read_config_file, Path("/nowhere/x.toml"))))


class OptionsTests(SynchronousTestCase):
    """``twistd ccsproxy`` parses into a Config or ends with one sentence."""

    def parse(self, *argv: str) -> Options:
        """Parse a command line."""
        options = Options()
        options.parseOptions(list(argv))
        return options

    def complaint(self, *argv: str) -> tuple[int, str]:
        """Return exit status and text of a command line that is wrong."""
        err = io.StringIO()
        self.patch(sys, "stderr", err)
        status = self.assertRaises(SystemExit, self.parse, *argv).code
        return status, err.getvalue()

    def test_options_become_a_config(self) -> None:
        """Values, switches and repeatable options arrive."""
        config = self.parse(
            "--upstream",
            "https://api.openai.com",
            "--upstream=lab=http://127.0.0.1:1",
            "--no-api",
            "--idle-timeout=0",
        ).config
        self.assertEqual([u.name for u in config.upstreams], ["openai", "lab"])
        self.assertEqual((config.no_api, config.redact, config.idle_timeout), (True, True, 0.0))

    def test_no_redact_switches_redaction_off(self) -> None:
        """The switch is negative in name only."""
        self.assertFalse(self.parse("--upstream=http://127.0.0.1:1", "--no-redact").config.redact)

    def test_mistakes_are_one_sentence_and_status_2(self) -> None:
        """No help dump, no traceback; the sentence names what was wrong."""
        good = "--upstream=http://127.0.0.1:9"
        for argv, word in (
            ([], "--upstream"),
            (["--upstream=ftp://a"], "ftp"),
            (["--upstream=https://user:pw@example.org"], "--upstream"),
            (["--upstream=a=http://one.test", "--upstream=a=http://two.test"], "a"),
            (["--nonsense"], "option --nonsense not recognized\n"),
            ([good, "--port=1"], "did you mean --proxy-port or --api-port?"),
            ([good, "--upstrem=x"], "did you mean --upstream or"),
            ([good, "extra"], "extra"),
            (["--config=/nowhere"], "/nowhere"),
            ([good, "--proxy-port=70000"], "--proxy-port"),
            ([good, "--capture=some"], "--capture"),
            ([good, "--max-request-body=much"], "--max-request-body"),
            ([good, "--drain-timeout=-1"], "--drain-timeout"),
            ([good, "--cors-allow=*"], "--cors-allow"),
            ([good, "--upstream-ca=/no/such.pem"], "--upstream-ca"),
        ):
            with self.subTest(argv=argv):
                status, text = self.complaint(*argv)
                self.assertEqual((status, text.count("\n")), (2, 1), text)
                self.assertTrue(text.startswith("ccsproxy: "), text)
                self.assertIn(word, text)

    def test_a_password_is_not_repeated(self) -> None:
        """The complaint about a URL with a user does not print its password."""
        self.assertNotIn("pa55word", self.complaint("--upstream=https://user:pa55word@example.org")[1])

    def test_check_config_says_so_and_exits(self) -> None:
        """``--check-config`` starts nothing."""
        out = io.StringIO()
        self.patch(sys, "stdout", out)
        ended = self.assertRaises(SystemExit, self.parse, "--upstream=http://127.0.0.1:1", "--check-config")
        self.assertEqual((ended.code, out.getvalue()), (0, "ccsproxy: the configuration is valid\n"))

    def test_help_explains_every_option(self) -> None:
        """Each option of the contract is in the help with its default."""
        text = str(Options())
        for name in CONTRACT:
            self.assertIn(f"--{name}", text)


class ReloadTests(SynchronousTestCase):
    """What SIGHUP may change, and what has to wait."""

    def test_limits_change_and_ports_wait(self) -> None:
        """Limits are taken over; the rest stays as it was and is named."""
        before = build_config({"upstream": ["https://api.anthropic.com"]})
        said = {"upstream": ["https://api.openai.com"], "idle-timeout": ["7"], "max-connections": ["9"]}
        after, waiting = reloaded(before, build_config({**said, "workers": ["2"], "label": ["team=search"]}))
        self.assertEqual(after.labels, (("team", "search"),))
        self.assertEqual((after.idle_timeout, after.max_connections), (7.0, 9))
        self.assertEqual(after.upstreams, before.upstreams)
        self.assertEqual(waiting, ["upstream", "workers"])
