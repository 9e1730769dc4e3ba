"""Trees to change and to put back: a mirror keeps a copy's files in place, as an editor would, and their time stamps."""
import os
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from conftest import PROJECTS, copy_project  # noqa: E402, F401


def entries(folder):
    """Every path below a folder, relative, parents first."""
    found = []
    for where, folders, files in os.walk(folder):
        if os.path.basename(where) == ".testfan" and "server" in folders:
            folders.remove("server")
        found += [os.path.relpath(os.path.join(where, name), folder) for name in folders + files]
    return found


def same(a, b):
    if a.is_symlink() or a.is_dir():
        return b.exists() and a.is_dir() == b.is_dir()
    x, y = a.stat(), b.stat() if b.exists() else None
    return y is not None and (x.st_size, x.st_mtime_ns) == (y.st_size, y.st_mtime_ns)


def mirror(source, target, but=None):
    """Makes `target` what `source` is; what differs is written in place, so that a file stays the file it was. Folders named `but` may stay."""
    wanted = entries(source)
    for name in sorted(set(entries(target)) - set(wanted), reverse=True):
        if but in pathlib.PurePath(name).parts:
            continue
        path = target / name
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    for name in wanted:
        a, b = source / name, target / name
        if same(a, b):
            continue
        if a.is_symlink():
            b.symlink_to(os.readlink(a))
        elif a.is_dir():
            b.mkdir()
        else:
            shutil.copyfile(a, b)
            shutil.copystat(a, b)
    for name in [n for n in reversed(wanted) if (source / n).is_dir() and not (source / n).is_symlink()] + ["."]:
        stat = (source / name).stat()
        os.utime(target / name, ns=(stat.st_atime_ns, stat.st_mtime_ns))


class Workspace:
    """A copy of a project with an environment of its own, and a picture of it to go back to."""

    def __init__(self, name, folder):
        folder.mkdir(parents=True)
        self.name, self.folder = name, folder
        self.tree = copy_project(name, folder)
        self.path, self.picture = self.tree.path, folder / "picture"
        [self.site] = (PROJECTS / f"venv-{name}").glob("lib/python*/site-packages")
        self.forget_original()

    def forget_original(self):
        """Without the .pth files of the original environment: the finder of an editable install would answer for a deleted module."""
        [pth] = self.folder.glob("venv/lib/python*/site-packages/copy.pth")
        root = pth.read_text().splitlines()[0]
        pth.write_text(f"{root}\n{self.site}\n")

    def installed(self):
        """The names in the site-packages folder that the copy shares with the original."""
        return sorted(path.name for path in self.site.iterdir())

    def keep(self):
        """What is there now is what restore() goes back to."""
        self.picture.mkdir(exist_ok=True)
        mirror(self.path, self.picture)

    def restore(self, but=None):
        mirror(self.picture, self.path, but)
