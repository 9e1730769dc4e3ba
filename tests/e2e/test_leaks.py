"""After hundreds of targets the fork server and testfan hold no more than after some: descriptors, memory."""
import os
import subprocess
import time

import conftest
import pytest

COUNT = 200
# Notes what the server holds, and the process itself.
BODY = """
def held(pid):
    import os
    pages = open(f"/proc/{pid}/statm").read().split()[1]
    return f"{len(os.listdir(f'/proc/{pid}/fd'))} {int(pages) * 4} "

def test_it():
    import os
    with open("held", "a") as file:
        file.write(f"{held(os.getppid())}{held(os.getpid())}{os.getppid()}\\n")
    assert NUMBER % 20
"""


@pytest.mark.parametrize("mode", [[], ["--isolation=session"]], ids=["file", "session"])
def test_nothing_leaks(tmp_path, mode):
    (tmp_path / "tree").mkdir()
    tree = conftest.Tree(tmp_path / "tree").write({f"test_{i}.py": BODY.replace("NUMBER", str(i)) for i in range(COUNT)})
    words = [conftest.BUILD / "testfan", "test", "--python", tree.python, "-j2", "-v", "--retries=1", *mode]
    run = subprocess.Popen(words, cwd=tree.path, env=tree.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ours = []
    while run.poll() is None:
        try:
            ours.append(len(os.listdir(f"/proc/{run.pid}/fd")))
        except OSError:
            break
        time.sleep(0.05)
    assert run.wait(60) == 1 and sum(tree.report().values()) == COUNT
    assert max(ours) < 20
    lines = [[int(number) for number in line.split()] for line in (tree.path / "held").read_text().splitlines()]
    (server,) = conftest.lasting(tree.path)
    held = [line for line in lines if line[-1] == server]  # not those of a second opinion
    assert len(held) >= COUNT
    early, late = held[10:40], held[-30:]
    for descriptors in 0, 2:
        assert max(line[descriptors] for line in late) <= max(line[descriptors] for line in early) + 10
    for kilobytes in 1, 3:
        assert max(line[kilobytes] for line in late) <= max(line[kilobytes] for line in early) + 16000
    assert len(os.listdir(f"/proc/{server}/fd")) <= max(line[0] for line in early)
