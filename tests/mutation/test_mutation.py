"""The mutation test on three real projects: SEED and COUNT in the environment try others."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

PROJECTS = os.environ.get("MUTATION_PROJECTS", "jinja2 mako boltons").split()


@pytest.mark.parametrize("project", PROJECTS)
def test_no_change_escapes(project):
    program = pathlib.Path(__file__).with_name("mutate.py")
    words = ["--seed", os.environ.get("SEED", "1"), "--count", os.environ.get("COUNT", "40"), "--format", "json"]
    done = subprocess.run([sys.executable, program, project, *words], capture_output=True, text=True)
    assert done.stdout, done.stderr
    [result] = json.loads(done.stdout)
    print(result["text"])
    assert result["verdict"] == []
    assert len({change["kind"] for change in result["changes"]}) >= 5
