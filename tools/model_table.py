"""Print the table of models in docs/catalog.md from the catalog: every model that a profile names.

python tools/model_table.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from edge_assistant_models.portfolio import Portfolio
from edge_assistant_models.transfer import mebibytes

HEAD = "| model | role | licence | size | profiles |\n| --- | --- | --- | --- | --- |"


def table() -> str:
    """The table in Markdown, the user's own catalog left out."""
    nowhere = Path(tempfile.gettempdir()) / "no-such-folder"
    portfolio = Portfolio(root=nowhere, user_catalog=nowhere)
    lines = [HEAD]
    for entry in portfolio.entries():
        uses = [p.name for p in portfolio.profiles() if any(entry.name in names for names in p.roles.values())]
        if uses:
            doubts = "".join(f" ({words})" for words in entry.doubts)
            licence = f"[{entry.licence}]({entry.licence_url})"
            cells = (
                f"[{entry.name}]({entry.home}){doubts}",
                entry.role,
                licence,
                mebibytes(entry.bytes),
                ", ".join(uses),
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
