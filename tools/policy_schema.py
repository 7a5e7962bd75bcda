"""Writes docs/policy.schema.json, the JSON schema of a policy file; a test says when it has to be run."""

from __future__ import annotations

import json
from pathlib import Path

from edge_assistant.governance.policy import policy_file

if __name__ == "__main__":
    file = Path(__file__).parent.parent / "docs" / "policy.schema.json"
    file.write_text(json.dumps(policy_file.schema(), indent=2) + "\n", encoding="utf-8")
