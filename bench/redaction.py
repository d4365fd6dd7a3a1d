"""How fast redaction searches: source code, base64, noise, and texts made to lead it astray.

    python -m bench.redaction [SECONDS]

Processor time of this process only. Each hostile text is a unit again and again; the table is sorted, slowest first.
"""

import base64
import random
import sys
import sysconfig
import time
from pathlib import Path

from ccsproxy.redaction.search.rules import Rules

_SIZE = 1 << 19
#: What stands between units in a text without a period.
_BETWEEN = ("x", "yy", "zzz ", "q1", "  ", ".")
#: What leads a search astray: beginnings without an end, names without a value, values that are nearly secrets.
UNITS = (
    *("sk-", "sk-a", "eyJ", "eyJa.", "eyJaaaaa.", ".eyJ", "\\neyJ", "AIza", "ghp_", "xoxb-", "T3BlbkFJ", "aaa1Q~"),
    *("-----BEGIN ", "-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\nAAAA\n", "$2b$10$", "Z2hwX"),
    *("://", "://a?", "://a?key", "://a:b", "://a:b@", "://a:b@c ", "&key=", "://?key=&key", "-u a:bcd ", "mysql -p"),
    *("key=", "token=", "password=", '"token":', '"token":"', '\\"token\\":\\"', '"keys":['),
    *('"key":{"', '"secret":["a'),
    *('\\"token\\":{\\"a\\":', "password=a1b2c3 ", "a_key=aaaaaaaaaaaaaaaa1 ", "export A_TOKEN="),
    *("--password ", '["'),
    *("Bearer ", "Basic a", "Basic YWFhYWFh", "cookie: a=bcdefghij; ", "\\", '"', '\\"', "%41"),
    *("\\u0061", "\\u0061b"),
    *("sk-ant-api03-", "sk-aaaaaaaaaaaaaaaaaaaa ", "login a password b ", '"secret":{"a","a",'),
    *('"password":{"a":{"a":'),
    *("WIFI:a;P:", "Cookie=a=12345678;", "jdbc:oracle:thin:a/b", "password: \\n", " -p a1b2 "),
    *("credentials: a / b1 ",),
    *("the password is abc1 ", "echo a1b2c3d4 | ", "net user a ", 'login("a", "b1c2d3", ', "PWD={", "api key:\n"),
    *('"password": "Zx9!kk2" ', "DB_PASSWORD=x9y8z7w6\n", 'A_KEY="a1B2c3D4e5F6g7H8"\n', "ghp_" + "a1B2" * 10 + " "),
)  # fmt: skip


def source_files() -> list[str]:
    """Return the sources of the standard library."""
    paths = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")) + sorted(
        Path(sysconfig.get_path("stdlib")).glob("[a-s]*/*.py")
    )
    return [path.read_text("utf-8", "replace") for path in paths]


def measured(rules: Rules, texts: list[str]) -> tuple[float, float, int]:
    """Return MB/s, the longest time of one text in milliseconds, and how many secrets were found."""
    began = time.process_time()
    longest, found, size = 0.0, 0, 0
    for text in texts:
        at = time.process_time()
        found += len(rules.find(text))
        longest = max(longest, time.process_time() - at)
        size += len(text)
    return size / max(time.process_time() - began, 1e-9) / 1e6, longest * 1e3, found


def noise(seed: int) -> dict[str, str]:
    """Return texts without meaning."""
    chance = random.Random(seed)
    words = ["key", "token", "=", ":", '"', "password", "secret", "sk-", "eyJ", "://", "@", "abc123", "-u", "--"]
    return {
        "base64": base64.b64encode(chance.randbytes(_SIZE)).decode(),
        "base64url": base64.urlsafe_b64encode(chance.randbytes(_SIZE)).decode(),
        "printable": "".join(chr(each) for each in chance.choices(range(32, 127), k=_SIZE)),
        "stems and signs": " ".join(chance.choices(words, k=_SIZE // 4)),
    }


def main() -> None:
    """Print the tables."""
    rules = Rules()
    files = source_files()
    for name in ("source code, first", "source code, again", "source code, again"):
        speed, longest, found = measured(rules, files)
        print(f"{name:<24}{speed:8.0f} MB/s  longest text {longest:6.1f} ms  found {found}")
    for name, text in noise(7).items():
        speed, longest, found = measured(rules, [text])
        print(f"{name:<24}{speed:8.1f} MB/s  {longest:6.0f} ms  found {found}")
    chance, rows, apart = random.Random(11), [], []
    for unit in UNITS:
        text = unit * (_SIZE // len(unit))
        speed, _, found = measured(rules, [text])
        half, _, _ = measured(rules, [text[: len(text) // 4]])
        rows.append((speed, half / speed, unit, found))
        parted = "".join(unit + chance.choice(_BETWEEN) for _ in range(_SIZE // 4 // len(unit)))
        apart.append((measured(rules, [parted])[0], unit))
    for speed, growth, unit, found in sorted(rows)[: int(sys.argv[1]) if len(sys.argv) > 1 else 15]:
        print(f"{speed:8.1f} MB/s  {growth:4.1f} times a quarter's  {unit!r}  found {found}")
    print("the same with other letters between, so that nothing repeats itself:")
    for speed, unit in sorted(apart)[:5]:
        print(f"{speed:8.1f} MB/s  {unit!r}")


if __name__ == "__main__":
    main()
