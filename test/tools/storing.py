"""Commands that work on the store itself."""

import argparse
import io
from types import ModuleType
from typing import Any

from ccsproxy.store.segments.segment import segments_dir
from test.store.imports.test_version_1 import OldStore


class StoreCommandCase(OldStore):
    """A store of 40 exchanges, and commands that are run on it."""

    def setUp(self) -> None:
        """Fill the store."""
        super().setUp()
        self.data_dir.chmod(0o700)
        self.records = self.segments.fill(40)
        segments_dir(self.data_dir).chmod(0o700)

    def call(self, command: ModuleType, *arguments: str, data_dir: Any = None) -> tuple[int, str, str]:
        """Run a command.

        :return: status, output, errors.
        """
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        out, err = io.StringIO(), io.StringIO()
        args = parser.parse_args(["--data-dir", str(data_dir or self.data_dir), *arguments])
        return command.run(args, out, err), out.getvalue(), err.getvalue()

    def on_disk(self) -> bytes:
        """Return every byte of the data dir, segments unpacked."""
        from ccsproxy.store.segments.lines import SegmentLines

        lines = SegmentLines(self.data_dir)
        said = b"".join(line.data for name in lines.names() for line in lines.scan(name))
        return said + b"".join(path.read_bytes() for path in self.data_dir.iterdir() if path.is_file())
