"""The place of a download: its final name, the file in the making, and the folder of what is unpacked."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import attrs

from pixxel_async._base.files import checked_name, checked_path, disk_errors, make_folder
from pixxel_async.errors import FileInTheWay


@attrs.frozen(eq=False, repr=False)
class DownloadTarget:
    """Where a download goes; made once, from what the caller gave."""

    path: Path
    """The final name."""
    overwrite: bool
    folder: Path | None
    """Where the archive is unpacked; None if it is not."""

    @classmethod
    def within(
        cls, directory: str | os.PathLike[str], name: str, *, overwrite: bool, unzip: bool
    ) -> DownloadTarget:
        """The place of a file, and of what is in it. InvalidInput if there can be no such directory or name."""
        path = checked_path(directory, "directory") / checked_name(name)
        folder = path.parent / (path.stem if path.stem != name else f"{name}.contents") if unzip else None
        return cls(path, overwrite, folder)

    def claim(self) -> None:
        """See to it that it can be used, before anything is fetched.

        Raises:
            FileInTheWay: a name is taken and must not be replaced.
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
        """The file in the making."""
        return Path(f"{self.path}.part")

    def check(self) -> None:
        """Claim it, and raise also what the writing itself would: for a place that is used much later.

        Raises:
            FileInTheWay: a name is taken and must not be replaced.
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
