"""Files that appear all at once or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = ["built_beside", "fill", "place"]


@contextmanager
def built_beside(folder: Path) -> Iterator[Path]:
    """A scratch folder on the same file system as ``folder``; at the end it is removed, whatever happened."""
    parent = next(each for each in folder.absolute().parents if each.is_dir())
    outer = Path(tempfile.mkdtemp(prefix=".aiops-new-", dir=parent))
    try:
        scratch = outer / "new"
        scratch.mkdir()  # with the permissions of an ordinary folder, unlike the one around it
        yield scratch
    finally:
        shutil.rmtree(outer, ignore_errors=True)


def fill(scratch: Path, texts: Mapping[str, str]) -> None:
    """Write files into a scratch folder, in UTF-8; bytes of a source that are not UTF-8 stay as they were."""
    for name, text in texts.items():
        path = scratch / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")


def place(scratch: Path, folder: Path, names: Sequence[str], changed: str | None = None) -> None:
    """Put the files of a scratch folder in their place; if that fails or is interrupted, none of them stays there.

    A new folder appears in one step. In an existing one, no file is replaced except ``changed``, which comes last.

    Raises:
        FileExistsError: another file has appeared in the place of one.
    """
    if not folder.exists():
        _place_whole(scratch, folder)
        return
    placed: list[Path] = []
    try:
        for name in (each for each in names if each != changed):
            placed += _make_folders(folder / name)
            placed += _copy_to_new_file(scratch / name, folder / name)
        if changed is not None:
            (scratch / changed).replace(folder / changed)
    except BaseException:
        for path in reversed(placed):
            path.rmdir() if path.is_dir() else path.unlink()
        raise


def _place_whole(scratch: Path, folder: Path) -> None:
    made = _make_folders(folder)
    try:
        scratch.rename(folder)
    except BaseException:
        for path in reversed(made):
            path.rmdir()
        raise


def _make_folders(path: Path) -> list[Path]:
    """Make the folders above a path; gives the new ones, the outermost first."""
    missing = [each for each in path.parents if not each.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def _copy_to_new_file(source: Path, target: Path) -> list[Path]:
    """Copy a file to a path that must be free; gives the path."""
    with target.open("xb") as file:
        try:
            file.write(source.read_bytes())
        except BaseException:
            target.unlink()
            raise
    return [target]
