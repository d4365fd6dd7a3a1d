"""Who sees what, and who is noted."""

import json
import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.api.hub.access import Role, Roles, Visitor, person_in, read_roles
from ccsproxy.api.hub.audit import AuditLog
from ccsproxy.errors import ConfigError


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


class RoleTests(SynchronousTestCase):
    """Roles as conditions."""

    def test_conditions(self) -> None:
        """Own calls, a team's, all, none; a name with a quote in it stays a name."""
        for role, condition in (
            (Role("own", "o'neill"), "\"user\" = 'o''neill'"),
            (Role("team", "search"), "labels['team'] = 'search'"),
            (Role("all", "x"), ""),
            (Role("none", "x"), None),
            (Role("own", ""), None),
        ):
            self.assertEqual(role.condition(quoted), condition)

    def test_file(self) -> None:
        """Who is not named sees their own, or what the default says."""
        path = Path(self.mktemp())
        path.write_text('[people]\na = "all"\nb = { role = "team", team = "s" }\nc = { role = "own", user = "cc" }\n')
        roles = read_roles(path)
        self.assertEqual(
            [roles.of(Visitor(each)) for each in "abcd"],
            [Role("all", "a"), Role("team", "s"), Role("own", "cc"), Role("own", "d")],
        )
        path.write_text('default = "none"')
        self.assertEqual(read_roles(path).of(Visitor("a")).kind, "none")
        self.assertEqual(Roles().of(Visitor("a")), Role("own", "a"))

    def test_groups(self) -> None:
        """The first line that fits counts, and what is said of the person before any; own is the person's own."""
        path = Path(self.mktemp())
        path.write_text(
            'default = "none"\n[people]\nboss = "all"\n[groups]\nleads = "all"\n'
            'search = { role = "team", team = "s" }\nstaff = "own"\n'
        )
        roles = read_roles(path)
        for visitor, role in (
            (Visitor("a", ("staff", "search")), Role("team", "s")),
            (Visitor("a", ("search", "leads")), Role("all", "leads")),
            (Visitor("a", ("staff",)), Role("own", "a")),
            (Visitor("boss", ("staff",)), Role("all", "boss")),
            (Visitor("a", ("unknown",)), Role("none", "a")),
        ):
            self.assertEqual(roles.of(visitor), role, visitor)
        path.write_text("groups = 1")
        self.assertRaises(ConfigError, read_roles, path)

    def test_mistakes(self) -> None:
        """Each with a sentence."""
        path = Path(self.mktemp())
        for text in (
            "x =",
            'default = "team"',
            "people = 1",
            '[people]\na = "boss"',
            '[people]\na = { role = "team" }',
        ):
            path.write_text(text)
            self.assertRaises(ConfigError, read_roles, path)
        self.assertRaises(ConfigError, read_roles, Path("nothing"))

    def test_header(self) -> None:
        """One value that can be a name; two are nobody, for one of them may be the caller's own."""
        self.assertEqual(person_in([b" ann@example.com "]), "ann@example.com")
        for values in (None, [], [b"a", b"b"], [b""], [b"a\x00"], [b"x" * 300]):
            self.assertIsNone(person_in(values))


class AuditTests(SynchronousTestCase):
    """Who looked."""

    def test_lines(self) -> None:
        """One a request, in a private file; two logs of one file add to it."""
        path = Path(self.mktemp())
        for _ in range(2):
            log = AuditLog(path, lambda: 0.0)
            log.note("ann", "GET", "/s/x?q=a", "own")
            log.close()
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        self.assertEqual(
            [(each["who"], each["role"], each["at"]) for each in lines],
            [("ann", "own", "1970-01-01T00:00:00.000Z")] * 2,
        )
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        self.assertRaises(ConfigError, AuditLog, Path("no/such/folder/x"))

    def test_moved_away(self) -> None:
        """What logrotate has moved is followed by another file; one that has grown large is put aside."""
        path = Path(self.mktemp())
        log = AuditLog(path, lambda: 0.0, largest=300)
        self.addCleanup(log.close)
        log.note("ann", "GET", "/1", "own")
        path.rename(f"{path}.moved")
        for number in range(2, 20):
            log.note("ann", "GET", f"/{number}", "own")
        kept = sorted(path.parent.glob(path.name + "*"), key=lambda each: (len(each.name), each.name), reverse=True)
        targets = [json.loads(line)["target"] for each in kept for line in each.read_text().splitlines()]
        self.assertEqual(sorted(targets, key=lambda each: int(each[1:])), [f"/{number}" for number in range(1, 20)])
        self.assertGreater(len(kept), 4)
        self.assertLess(path.stat().st_size, 400)

    def test_torn(self) -> None:
        """A line that did not fit is told, and the next one begins on a line of its own."""
        path = Path(self.mktemp())
        path.write_text('{"torn')
        log = AuditLog(path, lambda: 0.0)
        self.addCleanup(log.close)
        log.note("ann", "GET", "/1", "own")
        self.assertEqual(json.loads(path.read_text().splitlines()[1])["target"], "/1")
        write = os.write
        self.patch(os, "write", lambda file, data: write(file, data[:10]))
        self.assertRaises(OSError, log.note, "ann", "GET", "/2", "own")
        self.patch(os, "write", write)
        log.note("ann", "GET", "/3", "own")
        self.assertEqual(json.loads(path.read_text().splitlines()[-1])["target"], "/3")
