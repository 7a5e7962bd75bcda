"""The app's process; the launcher starts it."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the app until the person quits."""
    from edge_assistant import logs, settings
    from edge_assistant_tui import terminal
    from edge_assistant_tui.app import EdgeAssistant
    from edge_assistant_tui.options import Options

    chosen = settings.load()
    logs.start(chosen.log_level)
    app = EdgeAssistant(Options.from_environment(), chosen, terminal.ask())
    app.run()
    return app.return_code or 0


if __name__ == "__main__":
    sys.exit(main())
