"""Sets the offline lock before any package runs, then runs the command.

    python -I -S .../edge_assistant/cli/_first_stage.py ask "Is the door open?" --image door.jpg

Python runs the `.pth` files of all packages at its start (`site`), before a command can lock itself. Started like this
it leaves them alone, and they are looked at once the lock is set.
"""

import os
import site
import sys


def main() -> int:
    """Run the command and return its exit status."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120 - quick
    sys.path += [root, os.path.join(root, "models")]  # noqa: PTH118 - the second is of a checkout
    from edge_assistant.cli import main as command

    return command.main(ready=site.main)


if __name__ == "__main__":
    sys.exit(main())
