"""The queries of docs/shipping.md, as they stand there."""

import re
from pathlib import Path

PAGE = Path(__file__).parent.parent.parent / "docs" / "shipping.md"


def queries(engine: str, lake: Path) -> list[str]:
    """Return the statements for an engine, over a folder."""
    found = re.search(rf"<!-- queries: {engine} -->\n```sql\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return [each.strip() for each in found[1].replace("LAKE", str(lake)).split(";") if each.strip()]
