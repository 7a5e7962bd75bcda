"""What the stages take in and come to, as lines for `--trace`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edge_assistant.events import Traced
from edge_assistant.evidence import Evidence
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.question import Query
from edge_assistant.reasoning.values.values import Value


def of_question(query: Query) -> Traced:
    """How a question was understood."""
    parts = {
        "expects": query.expects,
        "attributes": ", ".join(attribute.name for attribute in query.attributes),
        "subject": ", ".join(sorted(query.subject)),
        "asks each source": query.restated if query.agreement else "",
        "counts": query.counted or "",
        "category": query.category or "",
        "units": ", ".join(sorted(query.units)),
        "computes": query.computing.kind if query.computing else "",
        "limit": shown(query.computing.limit) if query.computing and query.computing.limit else "",
    }
    return Traced("question", None, tuple(f"{name}: {value}" for name, value in parts.items() if value))


def of_heard(signal: str, heard: Sequence[Evidence], said: Sequence[Evidence]) -> Traced:
    """Which segments of a recording are read otherwise than the recogniser wrote them."""
    pairs = [(a, b) for a, b in zip(heard, said, strict=True) if a.text != b.text]
    return Traced("heard", signal, tuple(f"[{a.id}] {a.text} -> {b.text}" for a, b in pairs))


def of_claims(signal: str, claims: Sequence[Claim]) -> Traced:
    """What code found in a source."""
    return Traced("claims by code", signal, tuple(map(line, claims)) or ("none",))


def of_choice(signal: str, offered: int, claim: Claim | None) -> Traced:
    """What the model chose of the spans that it was offered."""
    told = line(claim) if claim else "the source does not tell"
    return Traced("read by the model", signal, (f"{offered} spans offered", told))


def of_example(query: Query) -> Traced:
    """Which attribute examples say that a question means."""
    return Traced("the attribute, by example", None, (query.attribute,))


def of_meaning(offered: Sequence[str], chosen: str | None) -> Traced:
    """Which attribute the model says that a question means."""
    return Traced(
        "the attribute, by the model", None, (f"of {', '.join(offered) or 'none'}", chosen or "none of these")
    )


def of_meant(stage: str, claims: Iterable[Claim]) -> Traced:
    """The claims that answer the question."""
    return Traced(stage, None, tuple(f"{claim.signal}: {line(claim)}" for claim in claims) or ("none",))


def line(claim: Claim) -> str:
    """A claim: attribute, subject, time, the words, the typed value, where it stands, how surely."""
    about = claim.attribute or "what is asked"
    about += f" of {claim.subject}" if claim.subject else ""
    about += f" ({claim.when})" if claim.when else ""
    where = "".join(f"[{id}]" for id in claim.evidence)
    return f"{about}: {' '.join(claim.text.split())!r} = {shown(claim.value)} {where} {claim.confidence:.2f}"


def shown(value: Value) -> str:
    """A typed value: its type and what is set."""
    names = getattr(type(value), "__dataclass_fields__", {})
    parts = [
        f"{name}={_plain(getattr(value, name))}" for name in names if getattr(value, name) not in (None, False, "")
    ]
    return f"{type(value).__name__}({', '.join(parts)})"


def _plain(part: object) -> str:
    if isinstance(part, (tuple, frozenset)):
        return "/".join(str(item) for item in (sorted(part, key=str) if isinstance(part, frozenset) else part))
    return str(part)
