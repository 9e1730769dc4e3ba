#!/bin/sh
# What testfan does, shown on jinja2: demo.sh TESTFAN DEPS
set -eu
testfan=$(realpath "$1") deps=$2
here=$(dirname "$0")
${PYTHON3:-python3} "$here/projects/fetch.py" "$deps/projects" jinja2
project=$(realpath "$deps/projects/jinja2")
export VIRTUAL_ENV="$(realpath "$deps/projects")/venv-jinja2"
cd "$project"
rm -rf .testfan build.ninja

say() {
    printf '\n\033[1m$ %s\033[0m\n' "$*"
}
seconds() {
    start=$(date +%s.%N)
    "$@" || failed=1
    end=$(date +%s.%N)
    took=$(echo "$start $end" | awk '{printf "%.1f", $2 - $1}')
}
failed=0

say "python -m pytest -q          # plain pytest, to compare"
seconds "$VIRTUAL_ENV/bin/python" -m pytest -q -p no:cacheprovider --junitxml=.testfan-plain.xml
plain=$took

say "testfan test                 # all of it, a process per test file"
seconds "$testfan" test
full=$took

say "testfan test                 # nothing has changed"
seconds "$testfan" test
none=$took

say "touch src/jinja2/ext.py; ninja test"
touch src/jinja2/ext.py
seconds ninja test
one=$took

printf '\nplain pytest %s s, testfan the first time %s s, nothing changed %s s, one leaf file touched %s s\n' "$plain" "$full" "$none" "$one"
"$VIRTUAL_ENV/bin/python" - <<'PY'
import collections
import xml.etree.ElementTree as ElementTree


def read(path):
    return collections.Counter(
        (c.get("classname"), c.get("name"), *(e.tag for e in c if e.tag in ("failure", "error", "skipped")))
        for c in ElementTree.parse(path).iter("testcase")
    )


plain, merged = read(".testfan-plain.xml"), read(".testfan/report.xml")
print(f"the report: {sum(merged.values())} testcases in .testfan/report.xml,", "the same as plain pytest's" if plain == merged else "NOT plain pytest's")
raise SystemExit(plain != merged)
PY
rm -f .testfan-plain.xml
exit $failed
