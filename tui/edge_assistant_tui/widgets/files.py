"""A tree of files that the product takes: filtered as one types, several chosen at once."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from rich.text import Text
from textual import events, work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import var
from textual.widgets import DirectoryTree
from textual.widgets.directory_tree import DirEntry
from textual.widgets.tree import TreeNode
from textual.worker import Worker, get_current_worker

from edge_assistant.core import limits
from edge_assistant.core.signals import by_name, printable
from edge_assistant_tui.widgets.signals import MARKS

if TYPE_CHECKING:
    from rich.text import TextType

MAX_SEARCHED = 50_000  # names that a filter looks at in closed folders; a second or so on a slow disk
MAX_ENTRIES = limits.FOLDER_ENTRIES.value


class Files(DirectoryTree):
    """Folders, and files of the kinds that signals have.

    Attributes:
        wanted: what a file's name must hold; typing adds to it.
        hidden: whether names that begin with a dot are shown.
        every: whether files of other endings are shown too.
        chosen: files that were marked.
        cut: whether a folder has more files than are shown.
        unsearched: whether there are more closed folders than the filter looks into.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "Choose"),
        Binding("backspace", "shorten", "Filter less", show=False),
        Binding("left", "up", "Folder above", show=False),
        Binding("right", "expand", "Open folder", show=False),
        Binding("ctrl+t", "toggle_hidden", "Hidden"),
        Binding("ctrl+k", "toggle_every", "All kinds"),
    ]
    wanted: var[str] = var("", init=False)
    hidden: var[bool] = var(False, init=False)
    every: var[bool] = var(False, init=False)

    class Changed(Message):
        """Other files are chosen, or shown."""

    def __init__(self, path: Path, id: str) -> None:
        super().__init__(path, id=id)
        self.chosen: list[Path] = []
        self.cut = self.unsearched = False
        self._sought: object | None = None  # stands for what is still looked for, such as what fits the filter
        self._entered = False  # Enter came meanwhile

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        """Called in a thread for each folder that is opened."""
        fitting = (path for path in paths if self._fits(path))
        found = list(islice(fitting, MAX_ENTRIES + 1))
        self.cut = len(found) > MAX_ENTRIES
        return found[:MAX_ENTRIES]

    @work(thread=True, exclusive=True, group="below")
    def _search(self, sought: object) -> None:
        """Find the files that fit in closed folders."""
        found = list(islice(self._below(get_current_worker()), MAX_ENTRIES))
        self.app.call_from_thread(self._add, sought, found)

    def _add(self, sought: object, found: list[Path]) -> None:
        """Show them behind the others, unless others are wanted meanwhile."""
        if sought is not self._sought:
            return
        for path in found:
            self.root.add(self.process_label(path.name), data=DirEntry(path), allow_expand=False)
        self.call_after_refresh(self._filtered, sought)  # which needs the lines of the new ones
        self.post_message(self.Changed())

    def _below(self, search: Worker[None]) -> Iterator[Path]:
        """The files that fit in the folders under the topmost one, those near it first; in a thread."""
        top, looked = Path(self.path), 0
        waiting = deque([top])
        while waiting:
            folder = waiting.popleft()
            with suppress(OSError), os.scandir(folder) as entries:
                for entry in entries:
                    looked += 1
                    if looked > MAX_SEARCHED or search.is_cancelled:
                        self.unsearched = looked > MAX_SEARCHED
                        return
                    path = Path(entry.path)
                    if entry.is_dir(follow_symlinks=False):
                        waiting += [path] if self.hidden or not entry.name.startswith(".") else []
                    elif folder != top and self._fits(path):
                        yield path
        self.unsearched = False

    def _fits(self, path: Path) -> bool:
        if path.name.startswith(".") and not self.hidden:
            return False
        if self._safe_is_dir(path):
            return True
        return (self.every or by_name(path) is not None) and self.wanted.casefold() in path.name.casefold()

    def process_label(self, label: TextType) -> Text:
        """A file's name is text of others."""
        return Text(printable(str(label)) or "/")

    def render_label(self, node: TreeNode[DirEntry], base_style: Style, style: Style) -> Text:
        """The mark of the kind, the name, and whether it is chosen."""
        label = Text(node.label.plain if isinstance(node.label, Text) else str(node.label), style)
        if node.allow_expand:
            return Text.assemble(("▼ " if node.is_expanded else "▶ ", base_style), label, ("/", base_style))
        path = node.data.path if node.data is not None else Path()
        above = node.parent.data.path if node.parent is not None and node.parent.data is not None else path.parent
        if path.parent != above and path.is_relative_to(above):  # found by the filter in a closed folder
            label = Text(printable(str(path.relative_to(above))), style)
        kind = by_name(path)
        mark = "✓ " if path in self.chosen else f"{MARKS[kind]} " if kind is not None else "· "
        return Text.assemble((mark, base_style), label)

    def action_mark(self) -> None:
        """Choose a file, or choose it no more; a folder is opened or closed."""
        node = self.cursor_node
        if node is None or node.data is None or node.allow_expand:
            self.action_toggle_node()
            return
        path = node.data.path
        self.chosen.remove(path) if path in self.chosen else self.chosen.append(path)
        self._clear_line_cache()
        self.refresh()
        self.action_cursor_down()
        self.post_message(self.Changed())

    def action_up(self) -> None:
        """Close a folder; one that is closed leads to the one above, the topmost to its parent."""
        node = self.cursor_node
        if node is not None and node is not self.root and not (node.allow_expand and node.is_expanded):
            self.action_cursor_parent()
        elif node is not None and node is not self.root:
            node.collapse()
        else:
            self.path = Path(self.path).absolute().parent

    def action_expand(self) -> None:
        """Open a folder."""
        if self.cursor_node is not None and self.cursor_node.allow_expand:
            self.cursor_node.expand()

    def action_toggle_hidden(self) -> None:
        """Show names that begin with a dot, or hide them."""
        self.hidden = not self.hidden

    def action_toggle_every(self) -> None:
        """Show files of every ending, or those that are known."""
        self.every = not self.every

    def action_shorten(self) -> None:
        """Take the last character from the filter."""
        self.filter(self.wanted[:-1])

    def action_select_cursor(self) -> None:
        """Open a folder, or choose a file; while the filter looks for files, once it has, and none where none fits."""
        if self._sought is not None:
            self._entered = True
        elif not self.wanted or self.cursor_node is not self.root:
            super().action_select_cursor()

    def on_key(self, event: events.Key) -> None:
        """What is typed filters."""
        if event.is_printable and event.character and event.character != " ":
            event.stop()
            event.prevent_default()
            self.filter(self.wanted + event.character)

    def filter(self, wanted: str) -> None:
        """Show the files whose names hold a text; Enter before that counts no more."""
        self._entered = False
        self.wanted = wanted

    async def watch_path(self) -> None:
        """Another folder."""
        await super().watch_path()
        if self.root.children:
            self.move_cursor(self.root.children[0])
        self.post_message(self.Changed())

    async def watch_wanted(self) -> None:
        """Show what fits."""
        await self._show()

    async def watch_hidden(self) -> None:
        """Show what fits."""
        await self._show()

    async def watch_every(self) -> None:
        """Show what fits."""
        await self._show()

    async def _show(self) -> None:
        self._sought = sought = object()
        self.workers.cancel_group(self, "below")
        self._close_links()
        await self.reload()
        self._to_first()
        self.post_message(self.Changed())
        if self.wanted:
            self._search(sought)
        else:
            self._filtered(sought)

    def _filtered(self, sought: object) -> None:
        """Go to the first of what the filter found, and choose it if Enter came before."""
        if sought is not self._sought:
            return
        self._to_first()
        entered, self._sought, self._entered = self._entered, None, False
        if entered and self.cursor_node is not None and not self.cursor_node.allow_expand:
            self.action_select_cursor()

    def _close_links(self) -> None:
        """Close folders that are links: reloading opens by path what was open, and never ends if a link leads back."""
        opened = [node for node in self.root.children if node.is_expanded]
        for node in opened:
            if node.data is not None and node.data.path.is_symlink():
                node.collapse()
            else:
                opened += (child for child in node.children if child.is_expanded)

    def _to_first(self) -> None:
        """Where the filter found a file, go to the first one."""
        first = next((node for node in self.root.children if not node.allow_expand), None)
        if self.wanted and first is not None:
            self.move_cursor(first)
