"""Prints, as JSON, what testfan has to know of an interpreter; run as `python -c` in the project's root folder."""
import ast
import hashlib
import json
import os
import re
import sys


def search_path():
    paths = []
    for entry in sys.path:
        if entry and os.path.abspath(entry) not in paths:
            paths.append(os.path.abspath(entry))
    return paths


def read(*parts):
    try:
        with open(os.path.join(*parts), encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return None


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def import_names(files):
    """The names under which the files of a RECORD are imported: a package, a module, or what lies in a namespace."""
    parts = [f.split("/") for f in files if f.endswith((".py", ".so", ".pyd")) and not f.startswith(("..", "/"))]
    packages = {"/".join(p[:-1]) for p in parts if p[-1].split(".")[0] == "__init__"}
    names = set()
    for *folders, file in parts:
        for n in range(1, len(folders) + 1):
            if "/".join(folders[:n]) in packages:
                names.add(".".join(folders[:n]))
                break
        else:
            names.add(".".join(folders + [file.split(".")[0]]))
    return names


def finder_mapping(text):
    """MAPPING of the finder that setuptools writes for an editable install: import name -> folder or file."""
    mapping = {}
    for node in ast.parse(text).body:
        target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(target, ast.Name) and target.id in ("MAPPING", "NAMESPACES"):
            try:
                found = ast.literal_eval(node.value)
            except ValueError:
                continue
            for name, place in found.items():
                for path in [place] if isinstance(place, str) else place:
                    mapping.setdefault(name, path)
    return mapping


def requirements(metadata, egg_requires):
    """What a distribution needs, and what only its extras need."""
    needed, extra, section = set(), set(), ""
    lines = [line[14:] for line in (metadata or "").splitlines() if line.startswith("Requires-Dist:")]
    for line in lines + (egg_requires or "").splitlines():
        name = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", line)
        if line.startswith("["):
            section = line[1:].split("]")[0].split(":")[0]
        elif name:
            optional = section or "extra" in line.partition(";")[2]
            (extra if optional else needed).add(normal(name.group(1)))
    return sorted(needed), sorted(extra - needed)


def plugins(entry_points):
    section, found = "", []
    for line in (entry_points or "").splitlines():
        line = line.strip()
        if line.startswith("["):
            section = line
        elif section == "[pytest11]" and "=" in line:
            found.append(line.split("=", 1)[1].split(":")[0].split("[")[0].strip())
    return found


def collects(site, modules, files):
    """Whether a plugin may have the hooks that make tests of files: it speaks of them, or cannot be read here."""
    sources = [os.path.join(site, file) for file in files if file.endswith(".py")]
    texts = [read(source) or "" for source in sources] if modules else []
    return bool(modules) and (not texts or any(re.search(r"\bpytest_collect_(file|directory)\b", text) for text in texts))


def scripts(entry_points):
    section, found = "", set()
    for line in (entry_points or "").splitlines():
        if line.strip().startswith("["):
            section = line.strip()
        elif section in ("[console_scripts]", "[gui_scripts]") and "=" in line:
            found.add(line.split("=", 1)[0].strip())
    return found


def portable(record, entry_points):
    """The lines of a RECORD that say what is installed, but for those that say where and by whom: the same on every machine."""
    made, kept = scripts(entry_points), []
    for line in (record or "").splitlines():
        path = line.rsplit(",", 2)[0].strip('"')
        name = os.path.basename(path)
        script = path.startswith(("..", "/")) and name in made
        told = name in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json") and ".dist-info/" in path
        if not script and not told and not name.endswith(".pyc") and not name.startswith(("__editable__", "_editable_")):
            kept.append(line)
    return "\n".join(sorted(kept))


def describe(site, folder):
    """One installed distribution, from its *.dist-info or *.egg-info."""
    where = os.path.join(site, folder)
    metadata = read(where, "METADATA") or read(where, "PKG-INFO") or (read(where) if os.path.isfile(where) else None)
    entry_points, record = read(where, "entry_points.txt"), read(where, "RECORD")
    stem, _, version = os.path.splitext(folder)[0].partition("-")
    headers = dict(re.findall(r"^(Name|Version): *(.*?) *$", metadata or "", re.M))
    files = [line.rsplit(",", 2)[0].strip('"') for line in (record or "").splitlines()]
    names = import_names(files)
    if record is None:
        installed = [os.path.normpath(os.path.join(folder, f)) for f in (read(where, "installed-files.txt") or "").split("\n")]
        names = set((read(where, "top_level.txt") or "").split()) | import_names(installed)
    mapping = {}
    for file in files:
        if re.match(r"__editable___.*_finder\.py$", file):
            mapping.update(finder_mapping(read(site, file) or ""))
    url = json.loads(read(where, "direct_url.json") or "{}")
    editable = url.get("dir_info", {}).get("editable") and url.get("url", "").startswith("file://")
    requires, extras = requirements(metadata, read(where, "requires.txt"))
    modules = plugins(entry_points)
    told = "\0".join(text or "" for text in (portable(record, entry_points), metadata, entry_points)).encode("utf-8", "surrogateescape")
    return {
        "name": normal(headers.get("Name") or stem),
        "version": headers.get("Version") or version.split("-")[0],
        "digest": hashlib.sha256(told).hexdigest()[:32],
        "record": record is not None,
        "site": site,
        "names": sorted(n for n in names if not n.startswith("__editable__")),
        "requires": requires,
        "extras": extras,
        "plugins": modules,
        "collects": bool(editable and modules) or collects(site, modules, files),
        "mapping": mapping,
        "editable": url["url"][7:] if editable else None,
        "info": where,
    }


def build():
    """What tells this interpreter, and the C library below it, from another one of the same version."""
    try:
        libc = os.confstr("CS_GNU_LIBC_VERSION")
    except (AttributeError, ValueError, OSError):
        libc = ""
    return " ".join([" ".join(sys.version.split()), sys.platform, os.uname().machine, libc or ""])


def main():
    paths, dists, pth, seen = search_path(), [], [], set()
    for site in paths:
        try:
            names = sorted(os.listdir(site))
        except OSError:
            continue
        for name in names:
            ext = os.path.splitext(name)[1]
            if ext in (".dist-info", ".egg-info"):
                dist = describe(site, name)
                if dist["name"] not in seen:
                    dists.append(dist)
                seen.add(dist["name"])
            elif ext in (".pth", ".egg-link"):
                pth.append(os.path.join(site, name))
    stdlib = getattr(sys, "stdlib_module_names", None)
    answer = {
        "executable": sys.executable,
        "version": "%d.%d.%d" % sys.version_info[:3],
        "implementation": sys.implementation.cache_tag,
        "build": build(),
        "prefix": sys.prefix,
        "stdlib_folder": os.path.dirname(os.__file__),
        "path": paths,
        "pth": sorted(pth),
        "stdlib": sorted(stdlib if stdlib is not None else sys.builtin_module_names),
        "dists": sorted(dists, key=lambda d: d["name"]),
    }
    json.dump(answer, sys.stdout)


main()
