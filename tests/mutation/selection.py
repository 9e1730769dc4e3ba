"""What testfan would run on a changed tree: gen, then a dry run of ninja, whose commands are read."""
import os
import shlex

from workspace import Workspace

QUIET = "ninja: no work to do."


class Selection:
    """A workspace in which everything has passed under testfan, with what was traced counting."""

    def __init__(self, name, folder):
        self.workspace = Workspace(name, folder)
        self.tree = self.workspace.tree
        self.commit()
        first = self.tree.testfan("test")
        self.tree.testfan("test")
        self.targets = self.tree.testfan("select", check=0).stdout.splitlines()
        self.unpassed = self.would_run()
        assert self.unpassed or self.quiet(), "ninja has work to do although everything passed"
        assert len(self.unpassed) < len(self.targets), f"nothing passed:\n{first.stdout}\n{first.stderr}"
        self.workspace.keep()

    def commit(self):
        """Makes the tree a git repository in which everything is committed, for --since."""
        self.tree.env.update(GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_SYSTEM=os.devnull)
        self.tree.run("git", "init", "-q", check=0)
        (self.tree.path / ".git/info/exclude").write_text("__pycache__/\n.testfan/\n.pytest_cache/\n")
        self.tree.run("git", "add", "-A", "-f", "--", ".", ":!.testfan", ":!**/__pycache__", ":!.pytest_cache", check=0)
        self.tree.run("git", "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-q", "-m", "as it was", check=0)

    def since(self):
        done = self.tree.testfan("select", "--since", "HEAD")
        assert done.returncode in (0, 5), done.stderr
        return done.stdout.splitlines()

    def dry_run(self):
        self.tree.ninja("build.ninja", check=0)
        return self.tree.ninja("-n", "-v", "test", check=0).stdout

    def quiet(self):
        return self.dry_run().strip() == QUIET

    def would_run(self):
        """The test files whose run edges are dirty."""
        files = []
        for line in self.dry_run().splitlines():
            words = shlex.split(line) if " exec run " in line else []
            if words:
                files.append(next(w for w in words[words.index("run") + 1:] if not w.startswith("--")))
        return files

    def of(self, change):
        """The test files that would run after a change, those that --since selects, and what gen says when it fails; then the tree is as it was."""
        change.apply(self.workspace.path)
        since = self.since()
        made = self.tree.testfan("gen")
        selected = self.would_run() if made.returncode == 0 else self.targets
        self.workspace.restore()
        self.tree.testfan("gen", check=0)
        left = self.would_run()
        assert left == self.unpassed, f"after {change.path} was put back, {left} would run"
        return selected, since, "" if made.returncode == 0 else f"gen exits {made.returncode}: {made.stderr.strip()}"
