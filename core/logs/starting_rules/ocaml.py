"""opam, dune and OCaml."""

from core.values import LogRule

RULES = (
    LogRule(
        name="opam: no such package",
        pattern=r"^\[ERROR\] No packages? (?:named|matching) (?P<name>\S+)(?: found)?"
        r"|^ +\* Missing dependency:\n +- (?P<dependency>.+)\n +(?:unknown package|no matching version)",
        report=r"opam knows no package \g<name>\g<dependency>: update its repository in the image, or mend the name or version",
        score=71,
        example="[ERROR] No package named nosuch found.",
    ),
    LogRule(
        name="opam: no solution",
        pattern=r"^(?:\[ERROR\] )?(?:Package conflict!|The following dependencies couldn't be met:"
        r"|Sorry, no solution found|Your request can't be satisfied:|\[ERROR\] No solution for .+?:)"
        r"(?:\n *[-*] (?P<why>.+(?:\n +- .+){0,4}))?",
        report=r"opam finds no versions that fit together: \g<why>",
        score=70,
        example="The following dependencies couldn't be met:\n  - mirage-http -> mirage-conduit\n"
        "Your request can't be satisfied:\n"
        "  - mirage-conduit is not available because it requires OCaml >= 4.01.0.\n\nNo solution found, exiting",
    ),
    LogRule(
        name="opam: system package is missing",
        pattern=r"^\[ERROR\] Package (?P<package>\S+) depends on the unavailable system package '(?P<system>[^']+)'"
        r"|^#+ .*pkg-config.*\n(?:.*\n)?.*No package '(?P<pkg>[^']+)' found",
        report=r"A package of the system is missing for opam: \g<package> \g<system>\g<pkg>",
        score=72,
        example="[ERROR] Package conf-pkg-config depends on the unavailable system package 'pkgconfig'. You can use "
        "`--no-depexts' to attempt installation anyway.",
    ),
    LogRule(
        name="opam: sources not fetched",
        pattern=r"^\[ERROR\] The sources of the following couldn't be obtained, aborting:(?:\n +- (?P<what>.+))?"
        r"|^\[ERROR\] (?:Failed to get sources of (?P<package>[^:\n]+)|Could not (?:update|synchronize) repository.*)",
        report=r"opam could not fetch sources \g<what>\g<package>: the network, or an archive that is gone",
        score=74,
        example="[ERROR] The sources of the following couldn't be obtained, aborting:\n  - cstruct.6.2.0",
    ),
    LogRule(
        name="opam: package could not be built",
        pattern=r"^\[ERROR\] The (?:compilation|installation) of (?P<package>\S+) failed|^#=== ERROR while "
        r"(?:compiling|installing) (?P<other>\S+) =",
        report=r"opam could not build \g<package>\g<other>: its own output follows in the log",
        score=66,
        example='[ERROR] The compilation of cpuid failed at "dune build -p cpuid -j 3".\n\n'
        "#=== ERROR while compiling cpuid.0.1.1 ========================================#\n"
        "# context      2.1.5 | linux/x86_64 | ocaml-base-compiler.4.14.1 | https://opam.ocaml.org\n# exit-code    1",
    ),
    LogRule(
        name="dune: library not found",
        pattern=r'^File "(?P<file>[^"\n]+)", lines? (?P<line>\d+)(?:-\d+)?(?:, characters [\d-]+)?:\n(?:.*\n){0,6}?'
        r'Error: Library "(?P<library>[^"\n]+)" not found\.',
        report=r"dune finds no library `\g<library>`: add its package to the dependencies",
        score=63,
        example='File "bin/dune", line 3, characters 12-20:\n3 |  (libraries nosuch))\n                ^^^^^^\n'
        'Error: Library "nosuch" not found.',
    ),
    LogRule(
        name="OCaml: error",
        pattern=r'^File "(?P<file>[^"\n]+)", lines? (?P<line>\d+)(?:-\d+)?(?:, characters [\d-]+)?:\n(?:.*\n){0,12}?'
        r"Error(?: \([^)\n]+\))?: (?P<error>.+(?:\n {7,}.+){0,3})",
        report=r"\g<file>, line \g<line>: \g<error>",
        score=60,
        example='File "src/shop.ml", line 3, characters 8-11:\n3 | let x = foo\n            ^^^\nError: Unbound value foo',
    ),
    LogRule(
        name="dune: failed",
        pattern=r"^(?:dune: |Error: )(?P<why>No rule found for .+|I cannot find the root of the current workspace/project\.?"
        r"|Don't know (?:about|how to build) .+|Program .+ not found in the tree or in PATH.*"
        r"|Version .+ of the dune language is not supported\.?|Multiple rules generated for .+|Dependency cycle between:?)",
        report=r"dune: \g<why>",
        score=55,
        example="Error: Don't know how to build bin/nosuch.exe\nHint: did you mean bin/main.exe?",
    ),
)
