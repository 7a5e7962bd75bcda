"""The file browser: a path with completion, a tree that is filtered as one types, several files at once."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.suggester import Suggester
from textual.widgets import DirectoryTree, Input, Static, Tree

from edge_assistant.core.signals import by_name, printable
from edge_assistant_tui.screens.place import PlaceScreen
from edge_assistant_tui.widgets.files import Files
from edge_assistant_tui.widgets.prompt import paths_in

_LOOKED_AT = 2_000  # names of a folder that completion looks at, so that a huge one does not hold the keys


class Completion(Suggester):
    """Completes the last part of a path, while it fits one name; folders end with a slash."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The path with its last part whole; None where nothing fits."""
        return await asyncio.to_thread(completed, value)


def completed(value: str) -> str | None:
    """The first path in the order of names that begins with a text.

    Args:
        value: as it was typed, with `~` for the home folder.
    """
    head, _, begun = value.rpartition("/")
    try:
        folder = Path(f"{head}/" if "/" in value else ".").expanduser()
        with os.scandir(folder) as entries:
            looked = [entry for _, entry in zip(range(_LOOKED_AT), entries, strict=False)]
        fitting = [entry for entry in looked if entry.name.startswith(begun) and (begun or entry.name[0] != ".")]
        if not begun or not fitting:
            return None
        first = min(fitting, key=lambda entry: entry.name)
        name = first.name + ("/" if first.is_dir() else "")
    except (OSError, ValueError, RuntimeError):
        return None
    return f"{head}/{name}" if "/" in value else name


class Attach(PlaceScreen):
    """Chooses files; Enter attaches those that are chosen, or the one under the cursor."""

    NAME = "attach"
    TITLE = "Attach"
    KEY = "f2,ctrl+o"
    HELP = "Type to filter, Space chooses, Enter attaches"
    SHOWN = True
    CSS_PATH: ClassVar[list[str]] = ["place.tcss", "attach.tcss"]  # type: ignore[assignment]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back"),
        Binding("tab", "app.focus_next", "Path or tree", show=False),
    ]

    def body(self) -> ComposeResult:
        """The path, the tree, and a line about the file."""
        yield Input(placeholder="Path; → completes, Enter goes there", suggester=Completion(), id="path", compact=True)
        yield Files(Path.cwd(), id="body")
        yield Static(id="about")

    def on_mount(self) -> None:
        """Arrow keys move in the tree at once."""
        self.query_one(Files).focus()
        self._tell(None)

    def on_paste(self, event: events.Paste) -> None:
        """Files that are pasted or dropped are attached, as in the prompt; another text is put into the path."""
        if paths := paths_in(event.text):
            self._take_all(list(paths))
        else:
            path = self.query_one("#path", Input)
            path.value = "".join(event.text.splitlines()[:1])
            path.focus()

    def action_leave(self) -> None:
        """Forget the filter first, then go back."""
        files = self.query_one(Files)
        if files.wanted:
            files.filter("")
        else:
            self.dismiss()

    @on(Input.Submitted)
    def _told_path(self, event: Input.Submitted) -> None:
        event.stop()
        path = given(event.value)
        if path is None:
            self.query_one("#about", Static).update(Content("There is no such file or folder."))
        elif path.is_dir():
            files = self.query_one(Files)
            files.path = path.resolve()  # under the name of a link to it, it could hold itself
            files.filter("")
            files.focus()
        else:
            self._take_all([path])

    @on(DirectoryTree.FileSelected)
    def _told_selected(self, event: DirectoryTree.FileSelected) -> None:
        event.stop()
        self._take_all(self.query_one(Files).chosen or [event.path])

    @on(Tree.NodeHighlighted)
    def _told_highlighted(self, event: Tree.NodeHighlighted[object]) -> None:
        entry = event.node.data
        self._tell(getattr(entry, "path", None))

    @on(Files.Changed)
    def _told_changed(self) -> None:
        node = self.query_one(Files).cursor_node
        self._tell(node.data.path if node is not None and node.data is not None else None)

    def _take_all(self, paths: list[Path]) -> None:
        if self.app.screen is not self:  # a second Enter
            return
        for path in paths:
            self.app.work.attach(path)
        self.dismiss()

    def _tell(self, path: Path | None) -> None:
        """What the file is, what is chosen, and how the tree is filtered."""
        files = self.query_one(Files)
        parts: list[str | tuple[str, str]] = [about(path) if path is not None else ""]
        if files.chosen:
            parts.append(
                (f"\n{len(files.chosen)} chosen: {', '.join(printable(p.name) for p in files.chosen)}", "bold")
            )
        if files.cut:
            parts.append(("\nThe folder has more files: type to filter", "$text-warning"))
        if files.wanted and files.unsearched:
            parts.append(("\nNot all folders were searched: open one with Enter, or type its path", "$text-warning"))
        self.query_one("#about", Static).update(Content.assemble(*parts))
        shown = [f"filter: {files.wanted}" if files.wanted else "type to filter"]
        shown += ["hidden too"] if files.hidden else []
        shown += ["all kinds"] if files.every else []
        files.border_title = printable(str(files.path))
        files.border_subtitle = ", ".join(shown)


def given(text: str) -> Path | None:
    """The file or folder that a text names, with `~` for the home folder; None where there is none."""
    try:
        path = Path(text.strip()).expanduser()
        return path if text.strip() and (path.is_dir() or path.is_file()) else None
    except (OSError, ValueError, RuntimeError):
        return None


def about(path: Path) -> str:
    """What a path leads to, its kind and size; of a link also where it leads."""
    name = printable(path.name)
    try:
        found = path.stat()
        link = f", a link to {printable(str(path.resolve()))}" if path.is_symlink() else ""
    except (OSError, ValueError):
        return f"{name} cannot be looked at"
    if path.is_dir():
        return f"{name}/ is a folder{link}"
    kind = by_name(path)
    return f"{name}: {kind or 'of a kind that its first bytes tell'}, {size(found.st_size)}{link}"


def size(count: int) -> str:
    """Bytes as people read them.

    >>> size(986), size(168654), size(5 << 30)
    ('986 bytes', '165 KiB', '5.0 GiB')
    """
    for unit, scale in (("GiB", 1 << 30), ("MiB", 1 << 20)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count >> 10} KiB" if count >= 1024 else f"{count} bytes"
