"""What is spoken and typed in a source as one text, for a sentence may run over two segments of speech."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge_assistant.evidence import Evidence, Passage, Speech
from edge_assistant.reasoning.values.words import MAX_TEXT


@dataclass(frozen=True, slots=True)
class Script:
    """The words of a source as one text, with the evidence that each part stands in."""

    text: str
    starts: tuple[int, ...]
    ids: tuple[str, ...]

    @classmethod
    def of(cls, lines: Sequence[Evidence]) -> Script:
        """Segments of speech run on; a passage ends what is said in it.

        Args:
            lines: all that was perceived of a source; what is neither spoken nor typed is left out.
        """
        parts: list[str] = []
        starts: list[int] = []
        ids: list[str] = []
        length = 0
        for line in lines:
            if isinstance(line.detail, Speech | Passage):
                starts.append(length)
                ids.append(line.id)
                parts.append(line.text + (" " if isinstance(line.detail, Speech) else "\n\n"))
                length += len(parts[-1])
        return cls("".join(parts), tuple(starts), tuple(ids))

    def parts(self) -> Iterator[tuple[int, str]]:
        """The text in parts of at most `MAX_TEXT` characters, cut between lines, each with where it starts."""
        start, end = 0, 0
        for after in (*self.starts[1:], len(self.text)):
            if after - start > MAX_TEXT and end > start:
                yield start, self.text[start:end]
                start = end
            end = after
        yield start, self.text[start:]

    def evidence(self, start: int, end: int) -> tuple[str, ...]:
        """The ids of the evidence that [start, end) touches."""
        first, last = bisect_right(self.starts, start) - 1, bisect_right(self.starts, max(start, end - 1)) - 1
        return self.ids[max(0, first) : last + 1]
