"""One pull for the app, in a process of its own that the launcher starts.

Whether whoever is there may pull is asked in the app, where the operator gives the PIN: here is no terminal to ask on.
What else the policy says holds here too.
"""

from __future__ import annotations

import sys
from contextlib import suppress

from edge_assistant.cli import main as command
from edge_assistant.core.errors import EdgeAssistantError
from edge_assistant.governance.policy.policy import current


def main() -> int:
    """Pull what the arguments name, as `edge-assistant models pull` does."""
    with suppress(EdgeAssistantError):  # which the command tells
        current().admit()
    sys.argv[1:1] = ["models", "pull", "--plain"]
    return command.main()


if __name__ == "__main__":
    sys.exit(main())
