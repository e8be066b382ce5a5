"""The paths of a download: its final name, the part file, and the folder of the unpacked files."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import attrs

from pixxel_async._base.files import checked_name, checked_path, disk_errors, make_folder
from pixxel_async.errors import FileInTheWay


@attrs.frozen(eq=False, repr=False)
class DownloadTarget:
    """Where a download goes; made once, from the caller's arguments."""

    path: Path
    """The final name."""
    overwrite: bool
    folder: Path | None
    """Where the archive is unpacked; None if it is not."""

    @classmethod
    def within(
        cls, directory: str | os.PathLike[str], name: str, *, overwrite: bool, unzip: bool
    ) -> DownloadTarget:
        """The target for a file and its unpacked content. InvalidInput if such a directory or name is impossible."""
        path = checked_path(directory, "directory") / checked_name(name)
        folder = path.parent / (path.stem if path.stem != name else f"{name}.contents") if unzip else None
        return cls(path, overwrite, folder)

    def claim(self) -> None:
        """Ensure that it can be used, before any request.

        Raises:
            FileInTheWay: a name exists and must not be replaced.
            DownloadError: the directory cannot be made.
        """
        path, folder = self.path, self.folder
        with disk_errors(path.parent):
            if not path.parent.is_dir():
                path.parent.mkdir(parents=True, exist_ok=True)
        if self._is_taken(path) and path.is_dir():
            raise FileInTheWay(f"{path} is a directory: pass another filename")
        if folder is not None and self._is_taken(folder) and not folder.is_dir():
            raise FileInTheWay(
                f"{folder} is a file, the archive needs a folder of that name: pass another filename"
            )

    @property
    def part(self) -> Path:
        """The part file."""
        return Path(f"{self.path}.part")

    def check(self) -> None:
        """Claim it, and raise the errors of writing now: for a target that is used much later.

        Raises:
            FileInTheWay: a name exists and must not be replaced.
            DownloadError: the directory cannot be made, or no file can be made in it.
        """
        self.claim()
        with disk_errors(self.path.parent):
            make_folder(self.path.parent)
        if self.folder is not None:
            with disk_errors(self.folder):
                if self.folder.exists():
                    make_folder(self.folder)
        if os.path.lexists(self.part) and not stat.S_ISREG(self.part.lstat().st_mode):
            raise FileInTheWay(f"{self.part} is not a file: remove it, or pass another filename")

    def _is_taken(self, path: Path) -> bool:
        if not os.path.lexists(path):
            return False
        if not self.overwrite:
            raise FileInTheWay(f"{path} exists already: pass overwrite=True or another filename")
        return True
