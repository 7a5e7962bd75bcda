"""What a catalog entry says about one file."""

from __future__ import annotations

from dataclasses import dataclass

from edge_assistant_models.schema import FILE_NAME, NAME, SHA256, Table


@dataclass(frozen=True, slots=True)
class FileSpec:
    """One file of a model.

    Attributes:
        key: what its users call it, such as `encoder`.
        path: its name in the store.
        bytes: its size; of a file that an importer writes, about.
        sha256: the sum of its bytes, or empty.
        tensors_sha256: the digest of an imported ONNX file, see `tensors.tensor_digest`, or empty.
    """

    key: str
    path: str
    bytes: int
    sha256: str = ""
    tensors_sha256: str = ""

    @classmethod
    def parse(cls, table: Table) -> FileSpec:
        """Read one `[[files]]` table.

        Raises:
            CatalogInvalid: it breaks the schema.
        """
        spec = cls(
            table.text("key", NAME),
            table.text("path", FILE_NAME),
            table.positive("bytes"),
            table.optional_text("sha256", SHA256) or "",
            table.optional_text("tensors_sha256", SHA256) or "",
        )
        table.end()
        if spec.sha256 and spec.tensors_sha256:
            raise table.invalid("one of 'sha256' and 'tensors_sha256' pins a file, not both")
        return spec

    @property
    def pin(self) -> str:
        """The digest that pins the file's content; empty where only the importer's inputs are pinned."""
        return self.sha256 or self.tensors_sha256
