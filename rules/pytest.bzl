"""pytest in Bazel: a target per file, each run by testfan's worker, with pytest itself doing the rest.

    load("//tools/testfan:pytest.bzl", "py_files", "pytest_test")

    py_files(name = "money", srcs = ["money.py"], deps = [":currency", "//third_party:babel"])
    pytest_test(name = "test_money", srcs = ["test_money.py"], config = "//:pytest_config", deps = [":money"])

A test sees what it and its dependencies declare and nothing else: sys.path holds folders of the runfiles and of the
interpreter, never the source tree. Loads nothing, so that it runs on Bazel 4.2 and later without other rules.
"""

PyFilesInfo = provider(
    doc = "What a Python file needs at run time, and the file itself.",
    fields = {"files": "depset of File: sources and data, transitively"},
)

PythonInfo = provider(
    doc = "An interpreter of the machine, by its absolute path.",
    fields = {
        "files": "depset of File: their content changes when what is installed there changes",
        "path": "string: the interpreter",
    },
)

PytestConfigInfo = provider(
    doc = "How pytest is started, the same for all tests of a workspace.",
    fields = {
        "args": "list of string: arguments for pytest",
        "files": "depset of File: configuration files, and what every test needs",
        "pythonpath": "list of string: folders of the workspace that are on sys.path, as src",
        "python": "Target: the interpreter",
    },
)

def _files_of(target):
    if PyFilesInfo in target:
        return [target[PyFilesInfo].files]
    info = target[DefaultInfo]
    runfiles = info.default_runfiles
    return [info.files] + ([runfiles.files] if runfiles else [])

def _gather(ctx):
    transitive = []
    for target in ctx.attr.srcs + ctx.attr.deps + ctx.attr.data:
        transitive += _files_of(target)
    return depset(transitive = transitive)

def _py_files_impl(ctx):
    files = _gather(ctx)
    return [
        DefaultInfo(files = depset(ctx.files.srcs), runfiles = ctx.runfiles(transitive_files = files)),
        PyFilesInfo(files = files),
    ]

_FILES = {
    "data": attr.label_list(
        allow_files = True,
        doc = "Files and targets that are read at run time.",
    ),
    "deps": attr.label_list(
        allow_files = True,
        doc = "What the sources import: py_files, pytest_test, or any target whose runfiles hold Python (py_library, @pypi//name).",
    ),
    "srcs": attr.label_list(
        allow_files = True,
        doc = "The Python files; several where they import each other.",
    ),
}

py_files = rule(
    implementation = _py_files_impl,
    attrs = _FILES,
    doc = "Python files and what they need. Nothing is built: it is the node of the import graph.",
    provides = [PyFilesInfo],
)

def _host_python_impl(ctx):
    stamp = ctx.actions.declare_file(ctx.label.name + ".stamp")
    ctx.actions.write(stamp, ctx.attr.stamp)
    files = depset([stamp])
    return [
        DefaultInfo(files = files, runfiles = ctx.runfiles(transitive_files = files)),
        PythonInfo(path = ctx.attr.path, files = files),
    ]

host_python = rule(
    implementation = _host_python_impl,
    attrs = {
        "path": attr.string(mandatory = True, doc = "The interpreter's absolute path."),
        "stamp": attr.string(doc = "Its version, pytest's, and those of pytest's plugins: tests run again when it changes."),
    },
    doc = "An interpreter that is installed on every machine where tests run.",
    provides = [PythonInfo],
)

def _host_dist_impl(ctx):
    stamp = ctx.actions.declare_file(ctx.label.name + ".dist")
    ctx.actions.write(stamp, ctx.attr.content)
    files = depset([stamp])
    return [
        DefaultInfo(files = files, runfiles = ctx.runfiles(transitive_files = files)),
        PyFilesInfo(files = files),
    ]

host_dist = rule(
    implementation = _host_dist_impl,
    attrs = {"content": attr.string(mandatory = True, doc = "Names, versions and the digests of their RECORD files.")},
    doc = "What an import finds installed beside the interpreter. An upgrade reaches the tests that reach it, and no others.",
    provides = [PyFilesInfo],
)

def _pytest_config_impl(ctx):
    transitive = []
    for target in ctx.attr.srcs + ctx.attr.deps:
        transitive += _files_of(target)
    files = depset(transitive = transitive)
    return [
        DefaultInfo(files = depset(ctx.files.srcs), runfiles = ctx.runfiles(transitive_files = files)),
        PytestConfigInfo(
            args = ctx.attr.pytest_args,
            files = files,
            python = ctx.attr.python,
            pythonpath = ctx.attr.pythonpath,
        ),
    ]

pytest_config = rule(
    implementation = _pytest_config_impl,
    attrs = {
        "deps": attr.label_list(allow_files = True, doc = "What every test needs: plugins of the workspace."),
        "pythonpath": attr.string_list(doc = "Folders of the workspace that are on sys.path, as `src`."),
        "pytest_args": attr.string_list(doc = "Arguments that every pytest gets."),
        "python": attr.label(mandatory = True, doc = "A host_python, or an executable target such as a toolchain's python3."),
        "srcs": attr.label_list(allow_files = True, doc = "pyproject.toml, pytest.ini, setup.cfg, tox.ini: what pytest reads."),
    },
    doc = "How pytest is started; one for a workspace, in its root package.",
    provides = [PytestConfigInfo],
)

def _quote(word):
    return "'" + word.replace("'", "'\\''") + "'"

def _line(key, value):
    if "\n" in value:
        fail("a value of %s holds a line break" % key)
    return key + " " + value + "\n"

def _pytest_test_impl(ctx):
    if len(ctx.files.srcs) != 1:
        fail("srcs of a pytest_test is the one file that pytest collects; other files belong into deps or data")
    config = ctx.attr.config[PytestConfigInfo]
    transitive = [_gather(ctx), config.files]
    if PythonInfo in config.python:
        python = config.python[PythonInfo].path
        transitive.append(config.python[PythonInfo].files)
    else:
        executable = config.python[DefaultInfo].files_to_run.executable
        python = "$PWD/" + executable.short_path
        transitive += [depset([executable])] + _files_of(config.python)

    lines = [_line("file", ctx.files.srcs[0].short_path), _line("target", str(ctx.label))]
    lines += [_line("arg", a) for a in config.args]
    lines += [_line("folder", f) for f in config.pythonpath]
    lines += [_line("before", m) for m in ctx.attr.imports_first]
    lines += [_line("env", k + "=" + v) for k, v in sorted(ctx.attr.env.items())]
    parameters = ctx.actions.declare_file(ctx.label.name + ".pytest")
    ctx.actions.write(parameters, "".join(lines))
    program = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(program, """#!/bin/sh
[ -n "$TEST_SRCDIR" ] || cd "$0.runfiles/{workspace}" || exit 1
exec {python} -I -S {launcher} {parameters} "$@"
""".format(
        launcher = _quote(ctx.file._launcher.short_path),
        parameters = _quote(parameters.short_path),
        python = _quote(python) if python.startswith("/") else '"%s"' % python,
        workspace = ctx.workspace_name,
    ), is_executable = True)
    transitive.append(depset([parameters, ctx.file._launcher] + ctx.files._worker))
    files = depset(transitive = transitive)
    return [
        DefaultInfo(
            files = depset([program]),
            executable = program,
            runfiles = ctx.runfiles(transitive_files = files),
        ),
        PyFilesInfo(files = _gather(ctx)),
    ]

_TEST = dict(
    config = attr.label(
        mandatory = True,
        providers = [PytestConfigInfo],
        doc = "The pytest_config of the workspace.",
    ),
    env = attr.string_dict(doc = "Environment variables of the test."),
    imports_first = attr.string_list(doc = "Modules that the file leans on: imported before it is."),
    _launcher = attr.label(default = ":testfan_bazel.py", allow_single_file = True),
    _worker = attr.label_list(default = [":testfan_worker.py", ":testfan_shard.py"], allow_files = True),
    **_FILES
)

pytest_test = rule(
    implementation = _pytest_test_impl,
    attrs = _TEST,
    doc = """A test file, run by pytest. Of Bazel's own attributes, size, timeout, flaky, shard_count, tags, local and args (for pytest) work as everywhere.

--test_filter is a node id (`tests/test_a.py::test_x`, `::TestA::test_y`) or an expression for -k; --runs_per_test gives every run a hash seed of its own.""",
    test = True,
)
