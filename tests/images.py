"""Images made of this machine's own packages, as none can be pulled: bases for the Dockerfile, PostgreSQL and Redis.

They have just what Debian's packages and those that they need have, without documentation. What is built on them is
built by the Dockerfile of this repository, without a network.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.docker_real import RealEngine, cli_program
from tests.e2e.harness import ROOT
from tests.real import required, skip_or_fail

#: Python, and the programs that the Dockerfile installs where it can.
BASE = "tests-python:latest"
#: PostgreSQL and Redis.
STORES = "tests-stores:latest"
#: What the Dockerfile makes, by a tag that tells what of.
_DEPLOYER = "tests-deployer"

_PLAIN = (
    "base-files",
    "bash",
    "coreutils",
    "grep",
    "sed",
    "findutils",
    "passwd",
    "login",
    "libc-bin",
    "dash",
    "tzdata",
)
_PYTHON = ("python3-venv", "libstdc++6", "git", "openssh-client", "rsync", "tini", "util-linux", "bubblewrap")
_STORES = ("postgresql", "redis-server", "util-linux")
#: What is needed only for what nobody does there: compiling queries, Debian's wrappers in Perl, other languages.
_LEFT_OUT = (
    "libllvm14",
    "perl",
    "perl-modules-5.36",
    "locales",
    "libc-l10n",
    "debconf",
    "libz3-4",
    "postgresql-common",
    "python3-pip",
)
_JUNK = (
    "/usr/share/doc",
    "/usr/share/man",
    "/usr/share/locale",
    "/usr/share/perl",
    "/usr/share/i18n",
    "/usr/share/info",
)
_MERGED = ("bin", "lib", "lib64", "sbin")
_DIRECTORIES = {"tmp": 0o1777, "run": 0o755, "usr/local/libexec/docker/cli-plugins": 0o755}
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\npostgres:x:999:999::/var/lib/postgresql:/bin/bash\n"
    "redis:x:998:998::/data:/bin/sh\n",
    "etc/group": "root:x:0:\npostgres:x:999:\n",
    "etc/shadow": "root:*:19000::::::\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}

_POSTGRES = """#!/bin/sh
# What the official image does with these variables.
set -eu
here=/var/lib/postgresql/data bin=$(echo /usr/lib/postgresql/*/bin)
if [ ! -e $here/PG_VERSION ]; then
    $bin/initdb --pgdata $here --username "$POSTGRES_USER" --pwfile "$POSTGRES_PASSWORD_FILE" --auth=scram-sha-256 \\
        --encoding=UTF8 --no-sync >/dev/null
    echo "host all all all scram-sha-256" >>$here/pg_hba.conf
    echo "CREATE DATABASE $POSTGRES_DB" | $bin/postgres --single -D $here postgres >/dev/null
fi
exec $bin/postgres -D $here -c listen_addresses='*' -c fsync=off -c unix_socket_directories=/tmp
"""
_STORES_DOCKERFILE = f"""FROM {STORES.replace("latest", "packages")}
COPY docker-entrypoint /usr/local/bin/docker-entrypoint
RUN chmod 755 /usr/local/bin/docker-entrypoint; ln -s /usr/lib/postgresql/*/bin/* /usr/local/bin/; \\
    install -d -o 999 -g 999 /var/lib/postgresql/data /data
ENV PATH=/usr/local/bin:/usr/bin:/bin
USER 999:999
CMD ["docker-entrypoint"]
"""


def stores(engine: RealEngine) -> str:
    """The image with PostgreSQL (its command) and Redis."""
    if not _has(engine, STORES):
        _import(engine, STORES.replace("latest", "packages"), _STORES, {})
        files = {"Dockerfile": _STORES_DOCKERFILE, "docker-entrypoint": _POSTGRES}
        engine.client().images.build(fileobj=_tar(files), custom_context=True, tag=STORES, rm=True)
    return STORES


def deployer(engine: RealEngine) -> str:
    """The image that the Dockerfile of this repository makes of it as it is."""
    with (engine.directory / "images.lock").open("a") as lock, tempfile.TemporaryDirectory() as name:
        fcntl.flock(lock, fcntl.LOCK_EX)
        image = f"{_DEPLOYER}:{_lay_out(Path(name))}"
        if not _has(engine, image):
            if not _has(engine, BASE):
                _import(engine, BASE, _PYTHON, {cli_program(): "usr/local/bin/docker"})
            shutil.copytree(wheels(), Path(name) / "wheels")
            words = ["build", "--tag", image, "--network", "none", "--build-arg", f"BASE={BASE}"]
            build(engine, [*words, "--build-arg", f"DOCKER_CLI={BASE}", "--build-arg", "REVISION=tests", name])
    return image


def _lay_out(context: Path) -> str:
    """Copy what the image is made of, and answer a word that tells it from all others."""
    digest = hashlib.sha256()
    for path in _committed():
        (context / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, context / path)
        digest.update(f"{path} ".encode() + hashlib.sha256((ROOT / path).read_bytes()).digest())
    return digest.hexdigest()[:16]


def build(engine: RealEngine, words: Sequence[str]) -> None:
    """Docker's own command line, with BuildKit as people have it."""
    environment = {**os.environ, "DOCKER_HOST": engine.url, "DOCKER_BUILDKIT": "1", "BUILDKIT_PROGRESS": "plain"}
    done = subprocess.run([cli_program(), *words], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]


def wheels() -> Path:
    """Everything that the Dockerfile installs, kept for as long as the dependencies are the same."""
    text = (ROOT / "pyproject.toml").read_text()
    dependencies = [*tomllib.loads(text)["project"]["dependencies"], "setuptools>=77", "wheel"]
    key = hashlib.sha256("\n".join(dependencies).encode()).hexdigest()[:16]
    directory = Path(sys.prefix) / "wheels" / key
    if not directory.exists():
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory.parent) as name:
            # For Debian's Python, which is the one in the image, and perhaps not the one that runs the tests.
            command = [sys.executable, "-m", "pip", "--python", "/usr/bin/python3", "wheel", "--quiet"]
            command += ["--wheel-dir", f"{name}/made", *dependencies]
            subprocess.run(command, check=True, capture_output=True)
            Path(f"{name}/made").rename(directory)
    return directory


def _committed() -> list[str]:
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    kept |= {"Dockerfile", ".dockerignore"}
    return [path for path in listed if path.split("/")[0] in kept and (ROOT / path).is_file()]


def _has(engine: RealEngine, name: str) -> bool:
    return bool(engine.client().images.list(name))


def _import(engine: RealEngine, name: str, packages: Iterable[str], more: dict[str, str]) -> None:
    """Make an image of packages and files (here: there) of this machine."""
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            _write(tar, packages, more)
        file.seek(0)
        # The SDK for Python cannot: it announces the length of what it sends in pieces.
        words = [cli_program(), "import", "--change", "ENV PATH=/usr/sbin:/usr/bin:/bin", "-", name]
        environment = {**os.environ, "DOCKER_HOST": engine.url}
        subprocess.run(words, stdin=file, env=environment, check=True, capture_output=True)


def _write(tar: tarfile.TarFile, packages: Iterable[str], more: dict[str, str]) -> None:
    for name in _MERGED:
        link = tarfile.TarInfo(name)
        link.type, link.linkname = tarfile.SYMTYPE, f"usr/{name}"
        tar.addfile(link)
    for name, mode in _DIRECTORIES.items():
        directory = tarfile.TarInfo(name)
        directory.type, directory.mode = tarfile.DIRTYPE, mode
        tar.addfile(directory)
    for path in sorted(_files(packages)):
        tar.add(path, path.lstrip("/"), recursive=False)
    for here, there in more.items():
        tar.add(here, there, recursive=False)
    for name, text in _FILES.items():
        file = tarfile.TarInfo(name)
        file.size = len(text)
        tar.addfile(file, io.BytesIO(text.encode()))


def _files(packages: Iterable[str]) -> set[str]:
    """Where the files of packages really are: `/bin` is `/usr/bin`."""
    closure = sorted(_closure([*_PLAIN, *packages]))
    listed = subprocess.run([required("dpkg", "dpkg"), "-L", *closure], capture_output=True, text=True, check=True)
    found = set()
    for line in listed.stdout.splitlines():
        path = str(Path(line).parent.resolve() / Path(line).name)
        made = path.lstrip("/") in (*_MERGED, *_FILES, *_DIRECTORIES, "", ".")
        if line.startswith("/") and os.path.lexists(path) and not made and not path.startswith(_JUNK):
            found.add(path)
    return found


def _closure(roots: Iterable[str]) -> set[str]:
    """Packages with all that they need, as the machine has them installed."""
    form = "${Package}\t${Pre-Depends}, ${Depends}\t${Provides}\n"
    listed = subprocess.run(
        [required("dpkg-query", "dpkg"), "-W", "-f", form], capture_output=True, text=True, check=True
    )
    needs: dict[str, str] = {}
    providers: dict[str, str] = {}
    for line in listed.stdout.splitlines():
        package, needed, provided = line.split("\t")
        needs[package] = needed
        providers |= {word.split()[0]: package for word in provided.split(",") if word.strip()}
    seen: set[str] = set()
    todo = list(roots)
    for package in todo:
        if package not in needs and package not in providers:
            skip_or_fail(f"{package} is not installed (Debian: apt install {package})")
    while todo:
        package = todo.pop()
        package = package if package in needs else providers.get(package, "")
        if not package or package in seen or package in _LEFT_OUT:
            continue
        seen.add(package)
        for choice in needs[package].split(","):
            names = [name.strip().split(" ")[0].split(":")[0] for name in choice.split("|")]
            todo += [name for name in names if name in needs or name in providers][:1]
    return seen


def _tar(files: dict[str, str]) -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    buffer.seek(0)
    return buffer
