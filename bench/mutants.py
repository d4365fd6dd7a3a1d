"""Which small mistakes no test would notice: ``python -m bench.mutants [--count N] [--seed S] [--rooms ROOM ...]``.

Changes one thing in a copy of the tree (a comparison, a condition, a number, a statement), runs the unit tests that
mirror the module, and says which changes survived. Each mutant is tried alone, in the order of the seed.
"""

import argparse
import ast
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import attr

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("proxy", "capture", "store", "redaction")
#: Tests that go on for longer hang.
PATIENCE_S = 90.0
_COMPARED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_COUNTED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr}


@attr.frozen
class Mutant:
    """One change.

    :ivar line: where, for people.
    :ivar what: the code before and after.
    :ivar begin: where the code that is replaced begins, in bytes of the file; it ends at `end`.
    """

    path: Path
    line: int
    what: str
    begin: int
    end: int
    code: str


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Yield every change of a module that this tool knows to make."""
    source = path.read_bytes()
    tree = ast.parse(source)
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for node in ast.walk(tree):
        changed = _changed(node)
        if changed is None or not isinstance(node, ast.expr | ast.stmt):
            continue
        begin = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        code = changed if isinstance(node, ast.stmt) else f"({changed})"
        what = f"{ast.unparse(node).splitlines()[0][:60]}  ->  {changed[:60]}"
        yield Mutant(path, node.lineno, what, begin, end, code)


def _changed(node: ast.AST) -> str | None:
    """Return the code of a node with its mistake, None where there is none to make."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARED:
        return ast.unparse(ast.Compare(node.left, [_COMPARED[type(node.ops[0])]()], node.comparators))
    if isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        return ast.unparse(ast.BoolOp(other, node.values))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return ast.unparse(node.operand)
    if isinstance(node, ast.BinOp) and type(node.op) in _COUNTED and not isinstance(node.left, ast.Constant):
        return None if _is_type(node) else ast.unparse(ast.BinOp(node.left, _COUNTED[type(node.op)](), node.right))
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and not _is_log(node.value):
        return "pass"
    if isinstance(node, ast.Return) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, bool):
        return f"return {not node.value.value}"
    return None


def _is_type(node: ast.BinOp) -> bool:
    """Tell whether an operation is the union of an annotation."""
    return isinstance(node.op, ast.BitOr)


def _is_log(call: ast.Call) -> bool:
    return "_log" in ast.unparse(call.func)


def tests_of(path: Path) -> list[str]:
    """Return the test modules that mirror a module: its own, else those of its folder."""
    inside = path.relative_to(ROOT / "ccsproxy")
    own = ROOT / "test" / inside.parent / f"test_{inside.name}"
    if own.exists():
        folder = own.parent
    else:
        folder = next(each for each in (ROOT / "test" / parent for parent in inside.parents) if each.is_dir())
    found = [own] if own.exists() else []
    found += [each for each in sorted(folder.glob("test_*.py")) if each != own]
    if folder.parent != ROOT / "test" and not own.exists():
        found += sorted(folder.parent.glob("test_*.py"))
    return [".".join(each.relative_to(ROOT).with_suffix("").parts) for each in found]


def is_noticed(tree: Path, mutant: Mutant) -> bool:
    """Run the tests of a mutant in a copy of the tree, its own first, until one fails."""
    target = tree / mutant.path.relative_to(ROOT)
    source = target.read_bytes()
    target.write_bytes(source[: mutant.begin] + mutant.code.encode() + source[mutant.end :])
    try:
        return any(_fails(tree, name) for name in tests_of(mutant.path))
    finally:
        target.write_bytes(source)


def _fails(tree: Path, module: str) -> bool:
    command = [sys.executable, "-B", "-m", "twisted.trial", "--exitfirst", module]
    try:
        done = subprocess.run(command, cwd=tree, capture_output=True, timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


def main() -> None:
    """Try mutants, and say which survived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="how many to pass over")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rooms", nargs="*", default=list(ROOMS))
    args = parser.parse_args()
    dice = random.Random(args.seed)
    chosen: list[Mutant] = []
    for room in args.rooms:
        paths = sorted((ROOT / "ccsproxy" / room).rglob("*.py"))
        every = [mutant for path in paths for mutant in mutants_of(path)]
        chosen += dice.sample(every, args.count // len(args.rooms))
    dice.shuffle(chosen)
    chosen = chosen[args.first :]
    survived = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(
            ROOT, tree, ignore=shutil.ignore_patterns(".*", "__pycache__", "_trial_temp*", "node_modules")
        )
        for number, mutant in enumerate(chosen, 1):
            begun = time.monotonic()
            noticed = is_noticed(tree, mutant)
            survived += not noticed
            took, result = time.monotonic() - begun, "killed  " if noticed else "SURVIVED"
            where = f"{mutant.path.relative_to(ROOT)}:{mutant.line}"
            print(f"{args.first + number:3} {result} {took:5.1f} s  {where}  {mutant.what}", flush=True)
    print(f"{len(chosen) - survived} of {len(chosen)} killed")


if __name__ == "__main__":
    main()
