"""A kiosk in a test: the operator's PIN, what a visitor may do, and a value that somebody has to confirm."""

from __future__ import annotations

from captured import until
from placed import Stage

from edge_assistant.core.evidence import Evidence, Locator, Passage
from edge_assistant.governance.policy import pin
from edge_assistant.governance.policy.approval import Doubt
from edge_assistant_tui.screens.operator import Operator
from edge_assistant_tui.widgets.status import StatusBar

PIN = "147258"
HASH = pin.hashed(PIN, cost=1024)
KIOSK = f'[roles]\npin = "{HASH}"\nvisitor = ["ask"]\n'
PENICILLIN = Doubt(
    "penicillin", "allergy", Evidence("E2", "audio:1", "Penicillin.", 0.81, Locator(seconds=(4.1, 6.3)), Passage())
)


def role(stage: Stage) -> str:
    return stage.app.conversation.query_one(StatusBar).role


async def unlock(stage: Stage, typed: str = PIN) -> None:
    await stage.press("ctrl+t")
    await stage.type(typed)
    await stage.press("enter")
    await until(
        stage, lambda: not isinstance(stage.app.screen, Operator) or "not the PIN" in stage.said("#about"), "so"
    )
    await stage.settle()
