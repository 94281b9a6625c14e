"""Compilers, linters and tests, most of them with the file and the line."""

from core.values import LogRule

RULES = (
    LogRule(
        name="C: header is missing",
        pattern=r"^(?P<file>[^\s:]+\.\w+):(?P<line>\d+):\d+: fatal error: (?:'(?P<clang>[^']+)' file not found"
        r"|(?P<header>\S+): No such file or directory)",
        report=r"\g<file>, line \g<line>: the header \g<header>\g<clang> is missing; install the library's development package",
        score=62,
        example='src/db.c:1:10: fatal error: libpq-fe.h: No such file or directory\n    1 | #include "libpq-fe.h"\n'
        "      |          ^~~~~~~~~~~~\ncompilation terminated.",
    ),
    LogRule(
        name="C: error",
        pattern=r"^(?P<file>[^\s:]+\.\w+):(?P<line>\d+):\d+: (?:fatal )?error: (?P<error>.+)$",
        report=r"\g<file>, line \g<line>: \g<error>",
        score=60,
        example="bad.c: In function ‘main’:\nbad.c:2:26: error: expected expression before ‘;’ token\n"
        "    2 | int main(void) { int x = ; return x; }",
    ),
    LogRule(
        name="C: linker",
        pattern=r"^(?:\S*/)?ld(?:\.\w+)?: cannot find (?P<library>[^\s:]+)|undefined reference to [`‘'](?P<symbol>[^'’\n]+)",
        report=r"The linker misses \g<library>\g<symbol>",
        score=59,
        example="/usr/bin/ld: /tmp/ccCvdh82.o: in function `main':\nlink.c:(.text+0x5): undefined reference to `foo'\n"
        "collect2: error: ld returned 1 exit status",
    ),
    LogRule(
        name="Rust: error",
        pattern=r"^error(?:\[E\d+\])?: (?P<error>.+)\n +--> (?P<file>[^\s:]+):(?P<line>\d+):\d+$",
        report=r"\g<file>, line \g<line>: \g<error>",
        score=60,
        example='error[E0308]: mismatched types\n --> src/main.rs:1:26\n  |\n1 | fn main() { let x: u32 = "a"; }\n'
        "  |                    ---   ^^^ expected `u32`, found `&str`",
    ),
    LogRule(
        name="cargo: dependency",
        pattern=r"^error: (?P<why>no matching package named `[^`]+` found|failed to select a version for .+"
        r"|failed to get `[^`]+` as a dependency of package .+|the lock file .+ needs to be updated but --locked was passed.*"
        r"|package `[^`]+` cannot be built because it requires rustc .+"
        r"|rustc \S+ is not supported by the following packages?:?)",
        report=r"cargo: \g<why>",
        score=70,
        example="error: no matching package named `nosuchcrate` found\nlocation searched: crates.io index\n"
        "required by package `shop v0.1.0 (/src)`",
    ),
    LogRule(
        name="cargo: failed",
        pattern=r"^error: (?P<why>could not compile `[^`]+`.*|test failed, to rerun pass .+"
        r"|failed to run custom build command for `[^`]+`)$",
        report=r"cargo: \g<why>",
        score=30,
        example='error: could not compile `shop` (bin "shop") due to 2 previous errors',
    ),
    LogRule(
        name="Rust: panicked",
        pattern=r"^thread '(?P<thread>[^'\n]+)'(?: \(\d+\))? panicked at (?P<file>[^\s:]+):(?P<line>\d+):\d+:\n(?P<why>.+)$",
        report=r"\g<file>, line \g<line>: `\g<thread>` panicked: \g<why>",
        score=55,
        example="thread 'tests::total' (20954) panicked at src/lib.rs:1:17:\n"
        "assertion `left == right` failed\n  left: 1\n right: 2",
    ),
    LogRule(
        name="Go: module",
        pattern=r"(?:^(?P<file>[^\s:]+\.go):(?P<line>\d+):\d+: )?(?P<why>no required module provides package [^\s;]+"
        r"|missing go\.sum entry for [^\n;(]+|cannot find module providing package \S+|package \S+ is not in (?:std|GOROOT).*"
        r"|go\.mod requires go >= [^\n]+|updates to go\.(?:mod|sum) needed.*|^verifying \S+: checksum mismatch"
        r"|^go: go\.mod file not found in current directory.*|reading \S+: 404 Not Found.*)",
        report=r"Go: \g<why>",
        score=70,
        example="main.go:5:2: no required module provides package github.com/astaxie/beego; to add it:\n"
        "\tgo get github.com/astaxie/beego",
    ),
    LogRule(
        name="Go: error",
        pattern=r"^(?:vet: )?(?P<file>[^\s:]+\.go):(?P<line>\d+):\d+: (?P<error>.+)$",
        report=r"\g<file>, line \g<line>: \g<error>",
        score=60,
        example="# example.org/shop\n./main.go:10:5: undefined: total",
    ),
    LogRule(
        name="Go: test failed",
        pattern=r"^ *--- FAIL: (?P<test>\S+) .*(?:\n +(?P<file>[^\s:]+_test\.go):(?P<line>\d+): (?P<why>.+))?",
        report=r"The test \g<test> failed: \g<why>",
        score=55,
        example="=== RUN   TestTotal\n--- FAIL: TestTotal (0.00s)\n    shop_test.go:9: total is 3, not 4\nFAIL",
    ),
    LogRule(
        name="Go: panic",
        pattern=r"^panic: (?P<why>.+)$",
        report=r"A Go program panicked: \g<why>",
        score=56,
        example="panic: runtime error: index out of range [5] with length 3\n\ngoroutine 1 [running]:\nmain.main()",
    ),
    LogRule(
        name="TypeScript: error",
        pattern=r"^(?P<file>[^\s:(]+\.[cm]?[jt]sx?)(?:\(|:)(?P<line>\d+)(?:,|:)\d+\)?(?::| -) error (?P<error>TS\d+: .+)$",
        report=r"\g<file>, line \g<line>: \g<error>",
        score=61,
        example="src/a.ts(1,7): error TS2322: Type 'string' is not assignable to type 'number'.",
    ),
    LogRule(
        name="eslint: error",
        # It tells whole paths. These are the directories that Dockerfiles put a repository in, most often.
        pattern=r"^(?:(?:/(?:usr/src/app|app|build|code|src|work|workspace)/)?(?P<file>[^\s/]\S*\.[cm]?[jt]sx?)"
        r"|(?P<path>/\S+\.[cm]?[jt]sx?))\n"
        r"(?: +\d+:\d+ +warning .*\n)*? +(?P<line>\d+):\d+ +error +(?P<error>.+)$",
        report=r"eslint: \g<file>\g<path>, line \g<line>: \g<error>",
        score=58,
        example="/app/src/b.js\n  1:5  error  'a' is assigned a value but never used  no-unused-vars\n\n"
        "✖ 1 problem (1 error, 0 warnings)",
    ),
    LogRule(
        name="webpack: module not found",
        pattern=r"^.*(?:Module not found: Error: Can't resolve '(?P<module>[^']+)' in '[^'\n]+'"
        r'|Could not resolve "(?P<esbuild>[^"\n]+)"|Rollup failed to resolve import "(?P<rollup>[^"\n]+)")',
        report=r"The bundler finds no `\g<module>\g<esbuild>\g<rollup>`: it is not installed, or its path is wrong",
        score=59,
        example="ERROR in ./src/index.js 1:0-24\nModule not found: Error: Can't resolve './nosuch' in '/app/src'",
    ),
    LogRule(
        name="Python: module not found",
        pattern=r"^(?:E +)?(?:ModuleNotFoundError|ImportError): (?P<why>No module named .+|cannot import name .+)$",
        report=r"Python: \g<why>; add it to what is installed",
        score=58,
        example='Traceback (most recent call last):\n  File "/app/shop.py", line 2, in <module>\n    import nosuch\n'
        "ModuleNotFoundError: No module named 'nosuch'",
    ),
    LogRule(
        name="Python: syntax",
        pattern=r'^ *File "(?P<file>[^"\n]+)", line (?P<line>\d+)\n(?:.*\n){1,3}?'
        r"(?P<error>(?:Syntax|Indentation|Tab)Error: .+)$",
        report=r"\g<file>, line \g<line>: \g<error>",
        score=60,
        example='  File "shop.py", line 1\n    def f(:\n          ^\nSyntaxError: invalid syntax',
    ),
    LogRule(
        name="pytest: a test failed",
        pattern=r"(?:^E +(?P<why>.+)\n(?:E.*\n)*\n)?^(?P<file>[^\s:]+\.py):(?P<line>\d+): (?P<kind>[A-Za-z_]\w*)$",
        report=r"A test failed in \g<file>, line \g<line>: \g<kind>: \g<why>",
        score=57,
        example="    def test_a():\n>       assert 1 == 2\nE       assert 1 == 2\n\ntest_x.py:2: AssertionError\n"
        "=========================== short test summary info ============================\n"
        "FAILED test_x.py::test_a - assert 1 == 2",
    ),
    LogRule(
        name="Python: exception",
        pattern=r"^Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)+?"
        r"(?P<error>[A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt)\b.*)$",
        report=r"Python: \g<error>",
        score=45,
        example='Traceback (most recent call last):\n  File "/app/shop.py", line 3, in <module>\n    total()\n'
        "  File \"/app/shop.py\", line 2, in total\n    raise ValueError('no total')\nValueError: no total",
    ),
)
