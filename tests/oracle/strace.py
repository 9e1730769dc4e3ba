"""Runs a program under strace and tells which paths it touched, its children included.

Every process writes a log of its own (-ff), so that no line is cut in two; the logs are put in order by their time stamps. A relative path
is made absolute by the folder of the descriptor before it (-y prints that), else by the working folder that the process has at that moment.
"""
import collections
import os
import re
import subprocess

# What a touch can be: file or folder opened for reading, folder listed just after the same process looked at it (as importlib does),
# looked at and there, looked for and not there, written or made.
READ, LIST, SEARCH, STAT, ABSENT, WRITE = "read", "list", "search", "stat", "absent", "write"
Touch = collections.namedtuple("Touch", "kind path")

OPENS = {"open", "openat", "openat2", "creat"}
STARTS = {"clone", "clone3", "fork", "vfork"}
LOOKS = {
    "stat", "lstat", "newfstatat", "statx", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "chdir",
    "getxattr", "lgetxattr", "listxattr", "llistxattr",
}  # fmt: skip
LINKS = {"symlink", "symlinkat", "link", "linkat"}
CHANGES = LINKS | {
    "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat", "renameat2", "mknod", "mknodat", "truncate",
}  # fmt: skip
LINE = re.compile(r"(?P<time>\d+\.\d+) (?P<call>\w+)\((?P<args>.*)\) += (?P<result>-?\d+)(?P<rest>.*)", re.S)
PATH = re.compile(r'(?:(?:AT_FDCWD|\d+)<(?P<folder>[^>]*)>(?:\(deleted\))?, )?"(?P<path>(?:[^"\\]|\\.)*)"')
FOLDER = re.compile(r"\d+<(?P<folder>[^>]*)>")
ESCAPE = re.compile(r"\\([0-7]{1,3}|x[0-9a-f]{2}|.)")
LETTERS = {"n": "\n", "t": "\t", "r": "\r", "v": "\v", "f": "\f"}


def unescape(text):
    """A string as strace prints it, back to the path that it stands for."""

    def char(match):
        code = match[1]
        if code[0] in "01234567":
            return chr(int(code, 8))
        return chr(int(code[1:], 16)) if code[0] == "x" and len(code) == 3 else LETTERS.get(code, code)

    return os.fsdecode(ESCAPE.sub(char, text).encode("latin-1"))


def opened(args, failed):
    """What an open call is: the kinds of touch, in order."""
    if "O_PATH" in args:
        return [STAT]
    if "O_DIRECTORY" in args:
        return [LIST]
    writes = any(flag in args for flag in ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"))
    if failed:
        return [STAT] if writes else [READ]
    reads = not writes or ("O_RDWR" in args and "O_TRUNC" not in args)
    return [READ] * reads + [WRITE] * writes


def kinds(call, args, error):
    """The kinds of touch that a call on a path is; `error` is None when it went well."""
    if error in ("ENOENT", "ENOTDIR"):
        return [ABSENT]
    if call in OPENS:
        return [WRITE] if call == "creat" else opened(args[args.rfind('"') :], error is not None)
    if call in ("execve", "execveat"):
        return [STAT] if error else [READ]
    if call in CHANGES:
        return [STAT] if error else [WRITE]
    return [STAT] if call in LOOKS else []


def lines(log):
    """The calls of all processes in order of time: (time, process, call, arguments, result, error)."""
    found = []
    for path in log.parent.glob(log.name + ".*"):
        process = int(path.suffix[1:])
        for line in path.read_text(errors="surrogateescape").splitlines():
            match = LINE.fullmatch(line)
            if match:
                error = match["rest"].split()[0] if match["result"] == "-1" and match["rest"] else None
                found.append((float(match["time"]), process, match["call"], match["args"], int(match["result"]), error))
    found.sort(key=lambda line: line[0])
    return found


def touches(log, folder):
    """The touches of a log in order; `folder` is where the first process started."""
    where = collections.defaultdict(lambda: str(folder))
    before = {}
    out = []
    for _, process, call, args, result, error in lines(log):
        if call in STARTS:
            where[result] = where[process]
            continue
        if call == "fchdir":
            if error is None:
                where[process] = unescape(FOLDER.match(args)["folder"])
            continue
        found = list(PATH.finditer(args))
        for match in found[:1] if call.startswith("exec") else found[-1:] if call in LINKS else found:
            base = where[process] if match["folder"] is None else unescape(match["folder"])
            if not match["path"]:
                continue
            path = os.path.normpath(os.path.join(base, unescape(match["path"])))
            found_kinds = kinds(call, args, error)
            if found_kinds == [LIST] and before.get(process) == (STAT, path):
                found_kinds = [SEARCH]
            out += [Touch(kind, path) for kind in found_kinds]
            before[process] = (found_kinds[0] if found_kinds and "AT_SYMLINK_NOFOLLOW" not in args else None, path)
            if call == "chdir" and error is None:
                where[process] = path
    return out


def run(log, words, folder, env, timeout):
    """Runs a program under strace; the exit status is the program's."""
    trace = ["strace", "-ff", "-ttt", "-y", "-qq", "--seccomp-bpf", "-s", "4096", "-e", "signal=none"]
    trace += ["-e", "trace=%file,fchdir,clone,clone3,fork,vfork", "-o", str(log)]
    done = subprocess.run(
        trace + [str(w) for w in words], cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        errors="surrogateescape", timeout=timeout,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr
