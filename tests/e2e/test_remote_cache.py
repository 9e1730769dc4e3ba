"""The cache on a server: real nginx with DAV, a clone as the second machine, and servers that do what they should not."""
import contextlib
import http.server
import os
import shutil
import socket
import subprocess
import threading
import time

import conftest
import pytest
from test_cache import PASS, TELL, Cached

FILES = {"test_a.py": PASS, "test_b.py": TELL + "def test_it():\n    open('da' + 'ta.x').close()\n", "test_c.py": PASS, "data.x": "1"}
NAMES = ["test_a.py", "test_b.py", "test_c.py"]
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
CONFIG = """
daemon off; pid {path}/pid; error_log {path}/error.log; worker_processes 1; {user}
events {{ worker_connections 64; }}
http {{
    access_log {path}/access.log; client_body_temp_path {path}/body; client_max_body_size {limit};
    proxy_temp_path {path}/proxy; fastcgi_temp_path {path}/fastcgi; uwsgi_temp_path {path}/uwsgi; scgi_temp_path {path}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            if ($http_authorization !~ "^({token})$") {{ return 401; }}
            root {path}/files; dav_methods PUT; create_full_put_path on;
        }}
    }}
}}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def nginx(path, token="", limit="10m"):
    port = free_port()
    (path / "files").mkdir(parents=True)
    user = "user root;" if os.geteuid() == 0 else ""
    (path / "conf").write_text(CONFIG.format(path=path, port=port, token=token, limit=limit, user=user))
    server = subprocess.Popen([NGINX, "-p", path, "-c", path / "conf", "-e", path / "error.log"])
    try:
        while True:
            assert server.poll() is None, (path / "error.log").read_text()
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def files_of(path):
    return [p for p in (path / "files").rglob("*") if p.is_file()]


def requests_of(path, method="", status=""):
    lines = (path / "access.log").read_text().splitlines()
    return [line for line in lines if f'"{method}' in line and f'" {status}' in line]


def new_tree(path):
    return Cached(path).write(FILES)


@pytest.fixture
def tree(tmp_path):
    return new_tree(tmp_path / "one")


@pytest.fixture
def clone(tmp_path):
    return new_tree(tmp_path / "another one")


def warnings(done):
    return done.stderr.count("[remote-cache]")


def test_a_clone_runs_nothing_and_starts_no_python(tree, clone, tmp_path):
    with nginx(tmp_path / "nginx") as url:
        assert tree.test(TESTFAN_REMOTE_CACHE=url, TESTFAN_REMOTE_CACHE_WRITE="1") == NAMES
        assert len(files_of(tmp_path / "nginx")) == 6
        conftest.end_servers(tmp_path)
        ran, done = clone.executed(lambda: clone.testfan("test", check=0, TESTFAN_REMOTE_CACHE=url))
        assert ran == [] and "0 of 3 test files ran, 3 came from the cache" in done.stdout and warnings(done) == 0
        assert clone.report() == tree.report() and sum(tree.report().values()) == 3
        assert conftest.servers(tmp_path) == []
        (clone.path / "data.x").write_text("2")
        assert clone.forget().test(TESTFAN_REMOTE_CACHE=url) == ["test_b.py"]
    # Without the server, from the own folder.
    assert clone.forget().test() == []


def test_two_results_of_one_key_stand_side_by_side(tree, clone, tmp_path):
    env = {"TESTFAN_REMOTE_CACHE_WRITE": "true"}
    with nginx(tmp_path / "nginx") as url:
        env["TESTFAN_REMOTE_CACHE"] = url
        tree.test(**env)
        (clone.path / "data.x").write_text("2")
        assert clone.test(**env) == ["test_b.py"]
        third = new_tree(tmp_path / "three")
        for data in "2", "1":
            (third.path / "data.x").write_text(data)
            assert third.test(**env) == []


def test_configured_and_read_only_unless_said(tree, tmp_path):
    with nginx(tmp_path / "nginx") as url:
        for write in False, True:
            (tree.path / "pyproject.toml").write_text(f"[tool.testfan]\nremote-cache = '{url}/'\nremote-cache-write = {str(write).lower()}\n")
            assert tree.test() == NAMES
            assert len(files_of(tmp_path / "nginx")) == 6 * write
        assert tree.stats()["remote"] == url + "/" and tree.stats()["remote_write"] is True
        before = len(requests_of(tmp_path / "nginx"))
        shutil.rmtree(tree.path / ".testfan/cache/results")
        assert tree.forget().test(TESTFAN_REMOTE_CACHE="") == NAMES
        assert len(requests_of(tmp_path / "nginx")) == before
        shutil.rmtree(tree.path / ".testfan/cache/results")
        (tree.path / ".testfan/results/test_a.py.xml").unlink()
        assert tree.executed(lambda: tree.ninja("test", check=0))[0] == []


def test_a_token_comes_from_the_environment_alone(tree, clone, tmp_path):
    with nginx(tmp_path / "nginx", token="Bearer s3cret") as url:
        env = {"TESTFAN_REMOTE_CACHE": url, "TESTFAN_REMOTE_CACHE_WRITE": "1"}
        done = tree.testfan("test", check=0, **env)
        assert warnings(done) == 1 and "401" in done.stderr
        assert files_of(tmp_path / "nginx") == []
        tree.forget().testfan("cache", "clear", check=0)
        tree.write({"test_c.py": TELL + "def test_it():\n    assert 's3cret' not in str(os.environ)\n"})
        done = tree.testfan("test", check=0, TESTFAN_REMOTE_CACHE_TOKEN="s3cret", **env)
        assert warnings(done) == 0 and len(files_of(tmp_path / "nginx")) == 6
        clone.write({"test_c.py": (tree.path / "test_c.py").read_text()})
        assert clone.test(TESTFAN_REMOTE_CACHE_TOKEN="s3cret", TESTFAN_REMOTE_CACHE=url) == []


def test_a_server_that_is_full_is_still_read(tree, clone, tmp_path):
    with nginx(tmp_path / "nginx", limit="1100") as url:
        env = {"TESTFAN_REMOTE_CACHE": url, "TESTFAN_REMOTE_CACHE_WRITE": "1"}
        done = tree.testfan("test", "-j1", check=0, **env)
        assert warnings(done) == 1 and "413" in done.stderr and "takes no results" in done.stderr
        assert len(requests_of(tmp_path / "nginx", "PUT")) == 1
        assert len(requests_of(tmp_path / "nginx", "GET")) >= 3
        assert tree.forget().test(**env) == []


@pytest.mark.parametrize("bare", [False, True], ids=["testfan", "bare ninja"])
def test_a_server_that_is_down(tree, bare):
    env = {"TESTFAN_REMOTE_CACHE": f"http://127.0.0.1:{free_port()}", "TESTFAN_REMOTE_CACHE_WRITE": "1"}
    if bare:
        tree.testfan("gen", check=0)
        done = tree.ninja("test", "-j1", check=0, **env)
        assert done.stdout.count("[remote-cache]") == 1
    else:
        ran, done = tree.executed(lambda: tree.testfan("test", "-j1", check=0, **env))
        assert ran == NAMES and warnings(done) == 1 and "hint: " in done.stderr
    assert sum(tree.report().values()) == 3
    assert tree.forget().test() == []


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1/", "http://", "https://127.0.0.1:1/", "file:///etc/passwd"])
def test_an_address_that_is_none(tree, url):
    ran, done = tree.executed(lambda: tree.testfan("test", "-j1", check=0, TESTFAN_REMOTE_CACHE=url))
    assert ran == NAMES and warnings(done) == 1


def test_a_password_in_the_address_is_not_told(tree):
    done = tree.testfan("test", check=0, TESTFAN_REMOTE_CACHE=f"http://me:s3cret@127.0.0.1:{free_port()}")
    assert warnings(done) >= 1 and "s3cret" not in done.stderr + done.stdout


class Odd(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def answer(self, status, body, length=None, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(self.path)
        if self.server.refuses:
            self.answer(self.server.refuses, b"")
        else:
            self.server.kept[self.path] = body
            self.answer(201, b"")

    def do_GET(self):
        self.server.asked.append(self.path)
        with contextlib.suppress(OSError):
            self.server.deed(self, self.server.kept.get(self.path))


@contextlib.contextmanager
def odd_server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Odd)
    server.daemon_threads = True
    server.kept, server.asked, server.deed, server.refuses = {}, [], honest, None
    server.ends = threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.ends.set()
        server.shutdown()
        thread.join()
        server.server_close()


def honest(handler, kept):
    handler.answer(200 if kept else 404, kept or b"")


def only(kind, deed):
    return lambda handler, kept: (deed if handler.path.startswith(f"/{kind}/") and kept else honest)(handler, kept)


def endless(handler, kept):
    handler.send_response(200)
    handler.send_header("Content-Length", str(1 << 40))
    handler.end_headers()
    while not handler.server.ends.is_set():
        handler.wfile.write(b"x" * 65536)


def another(handler, kept):
    others = sorted(v for k, v in handler.server.kept.items() if k.startswith(handler.path[:4]) and v != kept)
    handler.answer(200, others[0])


# What it does, and whether it is told: an entry of /ac/ that is none of this key looks like one of another program.
# "no …": it takes longer than it may.
DEEDS = {
    "says 500": (lambda h, kept: h.answer(500, b"oops"), True),
    "says 500 to what it has": (only("cas", lambda h, kept: h.answer(500, b"oops")), True),
    "sends elsewhere": (lambda h, kept: h.answer(302, b"", Location="http://127.0.0.1:1/"), True),
    "garbage": (lambda h, kept: h.answer(200, b"<html>garbage</html>"), False),
    "nothing": (lambda h, kept: h.answer(200, b""), False),
    "an entry cut short": (only("ac", lambda h, kept: h.answer(200, kept[:-3])), False),
    "an entry that ends early": (only("ac", lambda h, kept: h.answer(200, kept[:-3], length=len(kept))), True),
    "an entry of another key": (only("ac", another), False),
    "an entry that is changed": (only("ac", lambda h, kept: h.answer(200, kept[:-4] + bytes([kept[-4] ^ 1]) + kept[-3:])), False),
    "a result that is changed": (only("cas", lambda h, kept: h.answer(200, kept[:-4] + bytes([kept[-4] ^ 1]) + kept[-3:])), True),
    "a result cut short": (only("cas", lambda h, kept: h.answer(200, kept[:-3])), True),
    "a result that ends early": (only("cas", lambda h, kept: h.answer(200, kept[:-3], length=len(kept))), True),
    "a result of another file": (only("cas", another), True),
    "without a result": (only("cas", lambda h, kept: h.answer(404, b"")), False),
    "no end": (endless, True),
    "no answer": (lambda h, kept: h.server.ends.wait(60), True),
    "hangs up": (lambda h, kept: setattr(h, "close_connection", True), True),
}  # fmt: skip


@pytest.mark.parametrize("name", DEEDS)
def test_odd_servers(tree, clone, name):
    deed, told = DEEDS[name]
    with odd_server() as (server, url):
        assert tree.test(TESTFAN_REMOTE_CACHE=url, TESTFAN_REMOTE_CACHE_WRITE="1") == NAMES
        assert len(server.kept) == 6
        server.deed, server.asked = deed, []
        limit = "1" if name.startswith("no ") else "60"
        env = {"TESTFAN_REMOTE_CACHE": url, "TESTFAN_REMOTE_CACHE_TIMEOUT": limit}
        ran, done = clone.executed(lambda: clone.testfan("test", "-j1", check=0, **env))
        assert ran == NAMES and warnings(done) == told, done.stderr
        assert clone.report() == tree.report()
        # Who has failed once is not asked again.
        assert len(server.asked) <= 3 if told else len(server.asked) >= 3
        server.deed = honest
    assert clone.forget().test() == []


@pytest.mark.parametrize("status", [400, 403, 405, 413, 500, 507])
def test_a_server_that_takes_nothing(tree, status):
    with odd_server() as (server, url):
        server.refuses = status
        done = tree.testfan("test", "-j1", check=0, TESTFAN_REMOTE_CACHE=url, TESTFAN_REMOTE_CACHE_WRITE="1")
        assert warnings(done) == 1 and str(status) in done.stderr
        assert sum("/cas/" in path for path in server.asked) == 1


def test_without_libcurl(tree, tmp_path):
    """A program that cannot load it runs as without a server, and says what to install."""
    source, library = tmp_path / "no.c", tmp_path / "no.so"
    source.write_text(
        "#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <string.h>\nvoid *dlopen(const char *name, int flags) {\n"
        '    void *(*real)(const char *, int) = dlsym(RTLD_NEXT, "dlopen");\n'
        '    return name && strstr(name, "libcurl") ? NULL : real(name, flags);\n}\n'
    )
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source], check=True)
    done = tree.run(
        conftest.BUILD / "testfan", "test", "-j1", "--no-workers", "--python", tree.python, check=0,
        LD_PRELOAD=str(library), TESTFAN_REMOTE_CACHE="http://127.0.0.1:1",
    )  # fmt: skip
    assert warnings(done) == 1 and "libcurl" in done.stderr


def test_without_a_server_libcurl_is_not_loaded(tree):
    tree.testfan("test", check=0)
    done = tree.forget().run("env", "LD_DEBUG=libs", conftest.BUILD / "testfan", "test", "--python", tree.python, check=0)
    assert "libcurl" not in done.stderr and "libc.so" in done.stderr
