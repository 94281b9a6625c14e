"""What the documentation names is there: commands with their options, targets of make, paths, settings, links."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, CommandParser, get_commands, load_command_class

from tests.e2e.harness import ROOT

TRACKED = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=True,
).stdout.splitlines()
ROOMS = {name.split("/")[0] for name in TRACKED if "/" in name and not name.startswith(".")}
PAGES = sorted(
    name
    for name in TRACKED
    if (name.startswith("docs/") or name in ("README.md", "CONTRIBUTING.md"))
    and name.endswith(".md")
    and (ROOT / name).is_file()
)

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_CALL = re.compile(r"(?:^|[\s(])(?:\$ )?(?:\S*python \S*manage\.py|manage\.py|exec \S+ deployer)[ ]+(?=[a-z])")
_PATH = re.compile(rf"(?:{'|'.join(sorted(ROOMS))})/[\w./-]*")
_FILE = re.compile(r"[\w-]+(?:\.(?:py|html|js|css|toml|md)|/)")


def prose(page: str) -> str:
    """A page without its blocks of code."""
    return _FENCE.sub("", (ROOT / page).read_text())


def shell(page: str) -> Iterator[str]:
    """The blocks that people type, and what they are shown of a terminal."""
    for language, block in _FENCE.findall((ROOT / page).read_text()):
        if language in ("sh", ""):
            yield block.replace("\\\n", " ")


def calls(text: str) -> Iterator[list[str]]:
    """The words after `manage.py` wherever it is called in a shell's text, up to the end of that command."""
    for line in text.splitlines():
        for match in _CALL.finditer(line):
            yield words(line[match.end() :])


def words(text: str) -> list[str]:
    """The words of one command of a shell."""
    lexer = shlex.shlex(re.sub(r"\$\([^)]*\)", "x", text), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    found = []
    for word in lexer:
        if set(word) <= set("();<>|&"):
            break
        found.append(word)
    return found


def parser(command: str) -> CommandParser | None:
    """What reads a command's options; None where there is no such command."""
    app = get_commands().get(command)
    if app is None:
        return None
    found = load_command_class(app, command) if isinstance(app, str) else app
    return found.create_parser("manage.py", command)


def fault(command: list[str], *, whole: bool) -> str:
    """What is wrong with a command; empty if nothing is.

    :param whole: it is as somebody would type it, and not only named.
    """
    if not (reader := parser(command[0])):
        return f"{' '.join(command)}: there is no such command"
    known = reader._option_string_actions
    unknown = [word for word in command[1:] if word.startswith("-") and word.partition("=")[0] not in known]
    if unknown:
        return f"{' '.join(command)}: {', '.join(unknown)}"
    if whole:
        try:
            reader.parse_args(command[1:])
        except (CommandError, SystemExit) as error:
            return f"{' '.join(command)}: {error}"
    return ""


@pytest.mark.parametrize("page", PAGES)
def test_every_command_exists_and_takes_its_options(page: str) -> None:
    faults = [fault(command, whole=True) for block in shell(page) for command in calls(block)]
    for code in _INLINE.findall(prose(page)):
        named = re.fullmatch(r"(?:python )?(?:manage\.py|deployer) ([a-z].*)", code)
        text = named[1] if named else code
        if named or (" -" in text and text.split()[0] in get_commands()):
            command = words(text)
            placeholders = any(word.isupper() or "…" in word for word in command)
            faults.append(fault(command, whole=len(command) > 1 and not placeholders))
    assert not list(filter(None, faults))


@pytest.mark.parametrize("page", PAGES)
def test_every_target_of_make_exists_with_its_variables(page: str) -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = [line for block in shell(page) for line in block.splitlines()] + _INLINE.findall(prose(page))
    for text in named:
        if (match := re.match(r"\s*make ([a-z-]+)(.*)", text)) and "…" not in text:
            assert match[1] in targets, text
            for variable in re.findall(r"\b([A-Z]+)=", match[2].partition("#")[0]):
                assert f"$({variable}" in makefile, text


@pytest.mark.parametrize("page", PAGES)
def test_every_path_exists_and_what_is_said_to_be_in_it_is(page: str) -> None:
    missing = []
    here: set[Path] = set()
    for line in prose(page).splitlines():
        if re.match(r"$|\||- |\d+\. ", line):
            here = set()
        for code in _INLINE.findall(line):
            path, _, name = code.partition("::")
            placeholder = "…" in path or any(part.isupper() for part in Path(path).parts)
            if _PATH.fullmatch(path) and not placeholder:
                missing += [] if (ROOT / path).exists() else [code]
                missing += [code] if name and not _has(ROOT / path, name) else []
                here |= {ROOT / path, *(ROOT / path).parents} - {ROOT, *ROOT.parents}
            elif _FILE.fullmatch(path) and page == "docs/architecture.md":
                # A file that is named alone is beside one that was named before it in the same row or item.
                found = [room / path for room in (*here, ROOT) if (room / path).exists()]
                missing += [] if found else [code]
                here |= set(found)
        for name, path in re.findall(r"`(\w+)` in `([\w./-]+\.py)`", line):
            missing += [] if (ROOT / path).exists() and _has(ROOT / path, name) else [f"{name} in {path}"]
    assert not missing


def _has(path: Path, name: str) -> bool:
    """Whether a module defines a name, or a class in it a method (`Class::method`), or a constraint of that name."""
    text = path.read_text()
    return all(
        re.search(rf"^\s*(?:(?:async )?def|class) {part}\b|^{part}\b.* = |name=\"{part}\"", text, re.MULTILINE)
        for part in name.split("::")
    )


@pytest.fixture(scope="module")
def code() -> str:
    """All text of this repository but its documentation and its tests of what the documentation says."""
    kept = [name for name in TRACKED if not name.startswith(("docs/", "tests/contracts/")) and not name.endswith(".md")]
    return "\n".join(path.read_text(errors="replace") for path in map(ROOT.joinpath, kept) if path.is_file())


@pytest.mark.parametrize("page", PAGES)
def test_every_setting_is_one(page: str, code: str) -> None:
    used = set(re.findall(r"\bDEPLOYER_([A-Z0-9_]*[A-Z0-9])\b", (ROOT / page).read_text()))
    unknown = {name for name in used if not name.startswith(("SECRET_", "HELLO_")) and not _is_set(name, code)}
    assert not unknown


def _is_set(name: str, code: str) -> bool:
    """Whether a variable is read: by its whole name, or as a field that a name is made of."""
    return f"DEPLOYER_{name}" in code or any(
        re.search(rf"^\s+\"?{name[len(prefix) :].lower()}\"?: ", code, re.MULTILINE)
        for prefix in ("", *re.findall(r'env_prefix="DEPLOYER_(\w*)"', code))
        if name.startswith(prefix)
    )


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_every_link_of_pages_that_mkdocs_does_not_see_leads_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", (ROOT / page).read_text())
    assert not [link for link in links if not link.startswith("https://") and not (ROOT / link).exists()]
