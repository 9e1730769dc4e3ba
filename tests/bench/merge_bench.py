"""Merging many JUnit reports: testfan against junitparser, in the same minute, on the same files.

    python3 tests/bench/merge_bench.py [--files 1000] [--cases 50] [--runs 3]

Makes the reports from a seed, and a virtual environment with junitparser, in a temporary folder. Prints the
best time of each and the ratio, the runs taking turns (junitparser runs once: it is slow), and testfan's peak
memory for 10 MB and for 100 MB of reports: exits 1 when that grew by more than a quarter.
"""

import argparse
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import venv
import xml.etree.ElementTree as ET


def write_report(path, rng, number, cases, failing=0.02):
    root = ET.Element("testsuites", name="pytest tests")
    suite = ET.SubElement(root, "testsuite", name="pytest", tests=str(cases), time="1.000", hostname="host")
    for i in range(cases):
        case = ET.SubElement(suite, "testcase", classname=f"tests.test_{number}.TestC", name=f"test_{i}[é&<{i}>]",
                             time=f"{rng.random():.3f}")
        if rng.random() < failing:
            failure = ET.SubElement(case, "failure", message="assert 1 == 2\nmore")
            failure.text = "\n".join(f"E   line {j} < & >" for j in range(30))
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def timed(argv, cwd):
    start = time.perf_counter()
    code = subprocess.run(argv, cwd=cwd, stdout=subprocess.DEVNULL).returncode
    if code not in (0, 1):
        sys.exit(f"{argv[0]} exited {code}")
    return time.perf_counter() - start


def peak_memory(testfan, folder, cases):
    """Size in bytes of 100 reports of passing tests, and the peak in KiB of merging them.

    From /proc while it runs: getrusage counts Python's own memory before exec as well.
    """
    folder.mkdir()
    names = [f"r{i}.xml" for i in range(100)]
    rng = random.Random(2)
    for i, name in enumerate(names):
        write_report(folder / name, rng, i, cases, failing=0)
    merge = subprocess.Popen([testfan, "merge", "-o", "ours.xml", *names], cwd=folder, stdout=subprocess.DEVNULL)
    peak = 0
    while merge.poll() is None:
        status = pathlib.Path(f"/proc/{merge.pid}/status").read_text()
        peak = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), peak)
    return sum((folder / name).stat().st_size for name in names), peak


def count_cases(path):
    return sum(1 for _, e in ET.iterparse(path) if e.tag == "testcase")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--cases", type=int, default=50)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--testfan", default="build/testfan")
    args = parser.parse_args()
    testfan = str(pathlib.Path(args.testfan).resolve())

    with tempfile.TemporaryDirectory() as tmp:
        tmp = pathlib.Path(tmp)
        memory = [peak_memory(testfan, tmp / str(cases), cases) for cases in (1000, 10000)]
        rng = random.Random(1)
        names = [f"r{i}.xml" for i in range(args.files)]
        for i, name in enumerate(names):
            write_report(tmp / name, rng, i, args.cases)
        size = sum((tmp / name).stat().st_size for name in names)

        venv.create(tmp / "venv", with_pip=True)
        python = str(tmp / "venv/bin/python")
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "junitparser"], check=True)
        merge = [testfan, "merge", "-o", "ours.xml", *names]
        before = [timed(merge, tmp) for _ in range(args.runs)]
        theirs = timed([python, "-m", "junitparser", "merge", *names, "theirs.xml"], tmp)
        ours = min(before + [timed(merge, tmp) for _ in range(args.runs)])

        expected = args.files * args.cases
        for name in ("ours.xml", "theirs.xml"):
            if count_cases(tmp / name) != expected:
                sys.exit(f"{name} does not hold {expected} test cases")
    print(f"{args.files} reports of {args.cases} test cases, {size / 1e6:.1f} MB")
    print(f"testfan      {ours:8.3f} s")
    print(f"junitparser  {theirs:8.3f} s")
    print(f"ratio        {theirs / ours:8.0f}")
    for size, peak in memory:
        print(f"peak memory  {peak / 1024:8.1f} MiB for {size / 1e6:.0f} MB")
    if memory[1][1] > 1.25 * memory[0][1]:
        sys.exit("memory grows with the reports")


if __name__ == "__main__":
    main()
