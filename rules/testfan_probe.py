"""Prints, as JSON, what testfan has to know of an interpreter; run as `python -c` in the project's root folder."""
import json
import os
import sys

paths = []
for entry in sys.path:
    if entry and entry not in paths:
        paths.append(os.path.abspath(entry))

dists = {}
pth = []
for entry in paths:
    try:
        names = os.listdir(entry)
    except OSError:
        continue
    for name in names:
        stem, ext = os.path.splitext(name)
        if ext in (".dist-info", ".egg-info"):
            project, _, version = stem.partition("-")
            key = project.lower().replace("_", "-").replace(".", "-")
            dists.setdefault(key, version.split("-")[0])
        elif ext in (".pth", ".egg-link"):
            pth.append(os.path.join(entry, name))

stdlib = getattr(sys, "stdlib_module_names", None)
json.dump(
    {
        "executable": sys.executable,
        "version": "%d.%d.%d" % sys.version_info[:3],
        "implementation": sys.implementation.cache_tag,
        "stdlib_folder": os.path.dirname(os.__file__),
        "path": paths,
        "pth": sorted(pth),
        "stdlib": sorted(stdlib if stdlib is not None else sys.builtin_module_names),
        "dists": dict(sorted(dists.items())),
    },
    sys.stdout,
)
