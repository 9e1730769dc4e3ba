"""Fetches real projects for the tests: source packages pinned by hash, each unpacked beside a virtual environment of its own.

    python fetch.py FOLDER [NAME...]      (without a name all but the large ones)

FOLDER/NAME is the unpacked project, FOLDER/venv-NAME has it installed as editable, with pytest and what its tests need
(NAME.txt here). What is there already is left as it is.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PROJECTS = json.loads((HERE / "projects.json").read_text())


def run(*words, **env):
    subprocess.run([str(w) for w in words], check=True, env={**os.environ, **env})


def unpack(name, folder, pip):
    project = PROJECTS[name]
    with tempfile.TemporaryDirectory() as tmp:
        pinned = pathlib.Path(tmp, "pinned.txt")
        pinned.write_text(f"{name}=={project['version']} --hash=sha256:{project['sha256']}\n")
        run(*pip, "download", "--no-deps", "--no-binary", name, "--require-hashes", "-r", pinned, "-d", tmp)
        archive = next(pathlib.Path(tmp).glob("*.tar.gz"))
        with tarfile.open(archive) as tar:
            tar.extractall(tmp, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
        top = next(p for p in pathlib.Path(tmp).iterdir() if p.is_dir())
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.move(top, folder / name)


def fetch(name, folder):
    done = folder / f"{name}.done"
    key = json.dumps(PROJECTS[name]) + (HERE / f"{name}.txt").read_text()
    if done.exists() and done.read_text() == key:
        return
    print(f"  fetch {name} {PROJECTS[name]['version']}", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    venv = folder / f"venv-{name}"
    run(sys.executable, "-m", "venv", "--clear", venv)
    pip = [venv / "bin/python", "-m", "pip", "-q", "--disable-pip-version-check"]
    unpack(name, folder, pip)
    run(*pip, "install", "--require-hashes", "-r", HERE / f"{name}.txt")
    version = PROJECTS[name]["version"]
    run(*pip, "install", "--no-deps", "-e", folder / name, SETUPTOOLS_SCM_PRETEND_VERSION=version)
    done.write_text(key)


if __name__ == "__main__":
    for name in sys.argv[2:] or sorted(n for n in PROJECTS if not PROJECTS[n].get("large")):
        fetch(name, pathlib.Path(sys.argv[1]).resolve())
