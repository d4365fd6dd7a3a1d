"""Harmless texts as agents send them: real code of this Python and its packages, and made-up files of other kinds."""

import base64
import difflib
import json
import os
import random
import sysconfig
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path

_PIECE = 4000
_ENDINGS = {
    "code": (".py", ".pyi", ".c", ".h"),
    "web": (".js", ".mjs", ".css", ".html", ".svg"),
    "prose": (".md", ".rst", ".txt", "LICENSE", "METADATA"),
    "settings": (".toml", ".cfg", ".ini", ".yaml", ".yml", ".json"),
}
#: Where Python's own tests keep certificates, and what else is in its folder on some machines.
_NOT_OF_PYTHON = frozenset({"site-packages", "dist-packages", "__pycache__"})
#: The packages that we install everywhere.
_PACKAGES = (
    "twisted treq OpenSSL service_identity txaio attr attrs cryptography markdown_it msgspec prometheus_client "
    "pygments python_socks wsproto zope hyperlink h11 incremental automat constantly idna mdurl multipart"
).split()
_WORDS = (
    "the of and to in for with on that this are be by as from service user file list value result request token key "
    "password secret session account author message number length table column index cache sort public primary"
).split()
_TRANSLATED = {
    "de": {
        "password": "Passwort",
        "token": "Zeichen",
        "secret": "Geheimnis",
        "forgot_password": "Passwort vergessen?",
    },
    "fr": {"password": "Mot de passe", "token": "Jeton", "secret": "Secret", "api_key": "Clé d'API"},
    "es": {"password": "Contraseña", "token": "Ficha", "secret": "Secreto", "new_password": "Nueva contraseña"},
    "ja": {"password": "パスワード", "token": "トークン", "secret": "秘密", "api_key": "APIキー"},
}


def _files(kind: str, chance: random.Random) -> list[Path]:
    """Return the files of a kind in an order by their names alone, so that one more file moves no other."""
    salt = chance.getrandbits(64)
    named = sorted((sha256(f"{salt}{name}".encode()).digest(), path) for name, path in _of_kind(kind))
    return [path for _, path in named]


@cache
def _of_kind(kind: str) -> tuple[tuple[str, Path], ...]:
    return tuple((name, path) for name, path in _every_file() if path.name.endswith(_ENDINGS[kind]))


@cache
def _every_file() -> tuple[tuple[str, Path], ...]:
    """Return the files of this Python, of the packages that we need, and ours, by the names that they have anywhere.

    Without those that are there to hold secrets. Not of other packages that are installed, which differ by machine.
    """
    stdlib, packages = Path(sysconfig.get_path("stdlib")), Path(sysconfig.get_path("purelib"))
    ours = Path(__file__).parents[2]
    roots = [(each, stdlib) for each in stdlib.iterdir() if each.name not in _NOT_OF_PYTHON]
    roots += [(packages / name, packages) for name in _PACKAGES]
    roots += [(ours / "ccsproxy", ours), (ours / "docs", ours)]
    endings = tuple(ending for some in _ENDINGS.values() for ending in some)
    found = [(path, base) for root, base in roots for path in _below(root) if path.name.endswith(endings)]
    return tuple((str(path.relative_to(base)), path) for path, base in found if not _is_of_secrets(path, base))


def _below(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
    for folder, _, names in os.walk(root):
        yield from (Path(folder, name) for name in names)


def _is_of_secrets(path: Path, base: Path) -> bool:
    """Tell whether a file is there to hold what looks like secrets: certificates and key files of tests, this one."""
    parts = set(path.relative_to(base).parts)
    return bool(parts & {"certdata", "redaction", ".git", "node_modules", "__pycache__", "results"})


def pieces(kind: str, seed: random.Random, number: int) -> Iterator[str]:
    """Yield stretches of whole lines of real files."""
    for path in _files(kind, seed):
        text = path.read_bytes()[: 400 << 10].decode("utf-8", "replace")
        if "PRIVATE KEY-----" in text:
            continue  # real keys, if only of tests
        starts = list(range(0, len(text), _PIECE))
        random.Random(path.name).shuffle(starts)
        for start in starts[:9] if kind == "code" else starts[:60]:
            yield text[start : start + _PIECE].partition("\n")[2] if start else text[:_PIECE]
            number -= 1
            if not number:
                return


def numbered(texts: Iterator[str]) -> Iterator[str]:
    """Yield texts as agents' file readers print them."""
    for text in texts:
        yield "\n".join(f"{number:>6}\u2192{line}" for number, line in enumerate(text.splitlines(), 1))


def diffs(seed: random.Random, number: int) -> Iterator[str]:
    """Yield differences between a stretch of code and the same with some lines changed, moved and left out."""
    for text in pieces("code", seed, number):
        old, chance = text.splitlines(), random.Random(text)
        new = [
            line.replace("self", "this") if chance.random() < 0.1 else line for line in old if chance.random() > 0.05
        ]
        yield "\n".join(difflib.unified_diff(old, new, "a/module.py", "b/module.py", lineterm=""))


def lock_files(seed: random.Random, number: int) -> Iterator[str]:
    """Yield files that pin versions by their hashes."""
    for at in range(number):
        hashes = [seed.randbytes(64) for _ in range(12)]
        names = [f"{seed.choice(_WORDS)}-{seed.choice(_WORDS)}" for _ in hashes]
        if at % 3 == 0:
            packages = {
                f"node_modules/{name}": {
                    "version": "1.2.3",
                    "resolved": f"https://registry.npmjs.org/{name}/-/{name}-1.2.3.tgz",
                    "integrity": "sha512-" + base64.b64encode(each).decode(),
                }
                for name, each in zip(names, hashes, strict=True)
            }
            yield json.dumps({"lockfileVersion": 3, "packages": packages}, indent=2)
        elif at % 3 == 1:
            yield "\n".join(
                f'[[package]]\nname = "{name}"\nversion = "0.4.1"\nchecksum = "{each.hex()[:64]}"\n'
                for name, each in zip(names, hashes, strict=True)
            )
        else:
            yield "\n".join(
                f"{name}==2.0.1 \\\n    --hash=sha256:{each.hex()[:64]}"
                for name, each in zip(names, hashes, strict=True)
            )


def translations(seed: random.Random, number: int) -> Iterator[str]:
    """Yield the texts of programs in several languages."""
    for at in range(number):
        language = seed.choice(sorted(_TRANSLATED))
        table = {f"{seed.choice(_WORDS)}_{at}": seed.choice(_WORDS).title(), **_TRANSLATED[language]}
        if at % 2:
            yield json.dumps({language: {"login": table}}, ensure_ascii=at % 4 == 1, indent=2)
        else:
            yield "\n".join(f'msgid "{name}"\nmsgstr "{text}"\n' for name, text in table.items())


def data(seed: random.Random, number: int) -> Iterator[str]:
    """Yield images, sounds and signatures in base64, as messages hold them."""
    for at in range(number):
        raw = seed.randbytes(seed.randrange(300, 6000))
        text = base64.urlsafe_b64encode(raw).decode() if at % 2 else base64.b64encode(raw).decode()
        yield (f"data:image/png;base64,{text}", json.dumps({"data": text}), text, json.dumps({"signature": text}))[
            at % 4
        ]


def schemas(seed: random.Random, number: int) -> Iterator[str]:
    """Yield what describes secrets and holds none: schemas, declarations, templates, examples."""
    shapes: list[Callable[[str], str]] = [
        lambda n: json.dumps({"properties": {n: {"type": "string", "description": f"the {n} to use"}}}),
        lambda n: f"CREATE TABLE account (id INT PRIMARY KEY, {n} VARCHAR(255) NOT NULL);",
        lambda n: f"interface Settings {{ {n}: string; {n}Length?: number; }}",
        lambda n: f"{n.upper()}=${{{n.upper()}}}\n{n.upper()}_FILE=/run/secrets/{n}\n{n.upper()}=your-{n}-here\n",
        lambda n: f'{n} = os.environ["{n.upper()}"]\nclient = Client({n}={n}, timeout=30)\n',
        lambda n: f"{n}: {{{{ .Values.{n} }}}}\nvalueFrom:\n  secretKeyRef:\n    name: app\n    key: {n}\n",
        lambda n: f"def {n}(self, {n}: str | None = None) -> str:\n    return self._{n} or {n}\n",
        lambda n: f'assert parse(\'{{"{n}": "x"}}\') == {{"{n}": "x"}}\nself.assertEqual(user.{n}, "old")\n',
        lambda n: f"| `{n}` | string | required | The {n} of the account. |\n",
        lambda n: f"export {n.upper()}=<{n}>\ncurl -H 'Authorization: Bearer ${n.upper()}' https://api.example.com\n",
    ]
    names = ["password", "api_key", "token", "secret", "access_token", "auth", "client_secret", "private_key"]
    for at in range(number):
        yield shapes[at % len(shapes)](names[at // len(shapes) % len(names)])


def harmless(seed: int) -> Iterator[tuple[str, str]]:
    """Yield 4,000 texts with their kind."""
    chance = random.Random(seed)
    for kind, texts in (
        ("code", pieces("code", chance, 2100)),
        ("numbered code", numbered(pieces("code", chance, 400))),
        ("web", pieces("web", chance, 300)),
        ("prose", pieces("prose", chance, 400)),
        ("settings", pieces("settings", chance, 200)),
        ("diff", diffs(chance, 300)),
        ("lock file", lock_files(chance, 200)),
        ("translation", translations(chance, 150)),
        ("data", data(chance, 300)),
        ("schema", schemas(chance, 200)),
    ):
        yield from ((kind, text) for text in texts)
