"""apt, apk, npm and pip."""

from core.values import LogRule

RULES = (
    LogRule(
        name="apt: no such package",
        pattern=r"^E: (?:Unable to locate package (?P<name>\S+)|Package '(?P<none>[^']+)' has no installation candidate"
        r"|Couldn't find any package by (?:glob|regex) '(?P<glob>[^']+)'|Version '(?P<version>.+)' was not found)",
        report=r"apt knows no package \g<name>\g<none>\g<glob>\g<version>: run apt-get update in the same step, or mend its "
        "name or version",
        score=70,
        example="Reading package lists...\nBuilding dependency tree...\nReading state information...\n"
        "E: Unable to locate package nosuch-package",
    ),
    LogRule(
        name="apt: file is gone",
        pattern=r"^E: Failed to fetch (?P<url>\S+) +404 ",
        report="A mirror of apt has not got a file any more: its lists are old, so run apt-get update in the same step as the "
        r"installation, or the release is archived: \g<url>",
        score=72,
        example="E: Failed to fetch http://deb.debian.org/debian/pool/main/c/curl/curl_7.88.1-10_amd64.deb  404  Not Found "
        "[IP: 151.101.2.132 80]\nE: Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?",
    ),
    LogRule(
        name="apt: hash sum mismatch",
        pattern=r"^.*Hash Sum mismatch|^E: Failed to fetch \S+ +File has unexpected size",
        report="A mirror of apt was being updated, or a proxy gave an old file: build it again",
        score=73,
        example="E: Failed to fetch http://archive.ubuntu.com/ubuntu/dists/noble/main/binary-amd64/Packages.gz  "
        "Hash Sum mismatch",
    ),
    LogRule(
        name="apt: repository is not trusted",
        pattern=r"^[EW]: (?:The repository '(?P<repository>[^']+)' (?:is not signed|does not have a Release file"
        r"|no longer has a Release file)|GPG error: (?P<gpg>\S+)"
        r"|Release file for (?P<release>\S+) is (?:not valid yet|expired))",
        report=r"apt does not accept a repository: \g<repository>\g<gpg>\g<release>. Its key is missing, it has moved to an "
        "archive, or a clock is wrong",
        score=71,
        example="E: The repository 'http://deb.debian.org/debian stretch Release' does not have a Release file.",
    ),
    LogRule(
        name="apt: locked",
        pattern=r"^E: (?:Could not get lock \S+|Unable to acquire the dpkg frontend lock)",
        report="Another process uses apt at the same time",
        score=70,
        example="E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 31143 (unattended-upgr)\n"
        "E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?",
    ),
    LogRule(
        name="apt: not root",
        pattern=r"^E: (?:Could not open lock file \S+ - open \(13: Permission denied\)"
        r"|Unable to acquire the dpkg frontend lock \(\S+\), are you root\?)",
        report="apt was not run as root: install before the Dockerfile's USER",
        score=71,
        example="E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)\n"
        "E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), are you root?",
    ),
    LogRule(
        name="apt: unmet dependencies",
        pattern=r"^E: (?:Unable to correct problems, you have held broken packages|Unmet dependencies)",
        report="apt cannot install these packages together: the lines before say which of them",
        score=68,
        example="The following packages have unmet dependencies:\n nodejs : Conflicts: npm\n"
        "E: Unable to correct problems, you have held broken packages.",
    ),
    LogRule(
        name="apk: no such package",
        pattern=r"^ERROR: unable to select packages:\n +(?P<name>\S+) \((?:no such package|[^)\n]+)\)",
        report=r"apk cannot select \g<name>: mend its name, or the branch of Alpine",
        score=70,
        example="ERROR: unable to select packages:\n  nosuch (no such package):\n    required by: world[nosuch]",
    ),
    LogRule(
        name="npm: dependencies conflict",
        pattern=r"^npm (?:ERR!|error) (?:code )?ERESOLVE(?: (?:unable to resolve dependency tree|could not resolve))?"
        r"(?:(?:\nnpm (?:ERR!|error).*){0,12}?\nnpm (?:ERR!|error) (?P<peer>peer .+))?",
        report=r"npm cannot resolve the dependencies: \g<peer>",
        score=70,
        example="npm error code ERESOLVE\nnpm error ERESOLVE unable to resolve dependency tree\nnpm error\n"
        "npm error While resolving: shop@1.0.0\nnpm error Found: react@18.2.0\nnpm error\n"
        "npm error Could not resolve dependency:\n"
        'npm error peer react@"17.0.0" from react-dom@17.0.0',
    ),
    LogRule(
        name="npm: no such package",
        pattern=r"^npm (?:ERR!|error) (?:404 +[' ]*(?:The requested resource )?'(?P<gone>[^']+)' "
        r"(?:is not in|could not be found)"
        r"|notarget No matching version found for (?P<version>\S+?)\.?$)",
        report=r"npm finds no \g<gone>\g<version>: mend its name or version, or give credentials for its registry",
        score=70,
        example="npm error code E404\nnpm error 404 Not Found - GET https://registry.npmjs.org/nosuch\nnpm error 404\n"
        "npm error 404  The requested resource 'nosuch@1' could not be found or you do not have permission to access it.",
    ),
    LogRule(
        name="npm: lock file",
        pattern=r"^npm (?:ERR!|error) (?:The `npm ci` command can only install with an existing|`npm ci` can only install "
        r"(?:packages when your|with an existing)|(?P<missing>Missing: .+ from lock file))"
        r"|^ *ERR_PNPM_OUTDATED_LOCKFILE.*|^.*Your lockfile needs to be updated, but yarn was run with `--frozen-lockfile`",
        report=r"The lock file does not fit package.json, or is not in the commit: install anew and commit it: \g<missing>",
        score=71,
        example="npm error code EUSAGE\nnpm error\nnpm error The `npm ci` command can only install with an existing "
        "package-lock.json or\nnpm error npm-shrinkwrap.json with lockfileVersion >= 1.",
    ),
    LogRule(
        name="npm: no such script",
        pattern=r'^npm (?:ERR!|error) [Mm]issing script: "?(?P<script>[^"\n]+)"?',
        report=r"package.json has no script `\g<script>`",
        score=70,
        example='npm error Missing script: "bild"\nnpm error\nnpm error To see a list of scripts, run:\nnpm error   npm run',
    ),
    LogRule(
        name="npm: no such file",
        pattern=r"^npm (?:ERR!|error) (?:enoent )?.*ENOENT: no such file or directory, \w+ '(?P<path>[^']+)'",
        report=r"npm finds no file \g<path>",
        score=69,
        example="npm error code ENOENT\nnpm error syscall open\nnpm error path /app/package.json\nnpm error errno -2\n"
        "npm error enoent Could not read package.json: Error: ENOENT: no such file or directory, open '/app/package.json'",
    ),
    LogRule(
        name="npm: package.json",
        pattern=r"^npm (?:ERR!|error) (?:JSON\.parse (?P<why>(?:Invalid package\.json: |Unexpected |Expected ).*)"
        r"|code EJSONPARSE)$",
        report=r"package.json is no JSON: \g<why>",
        score=70,
        example="npm error code EJSONPARSE\nnpm error JSON.parse Invalid package.json: JSONParseError: Expected property name "
        "or '}' in JSON at position 2",
    ),
    LogRule(
        name="npm: a script failed",
        pattern=r"^npm (?:ERR!|error) (?:code ELIFECYCLE|(?P<which>\S+@\S+ \S+: `[^`\n]+`)|command failed"
        r"|Lifecycle script `(?P<script>[^`]+)` failed)",
        report=r"A script that npm ran failed, for which the lines before it say why: \g<which>\g<script>",
        score=30,
        example="npm ERR! code ELIFECYCLE\nnpm ERR! errno 1\nnpm ERR! shop@1.0.0 build: `webpack`\nnpm ERR! Exit status 1",
    ),
    LogRule(
        name="node: module not found",
        pattern=r"^Error(?: \[ERR_MODULE_NOT_FOUND\])?: Cannot find (?:module|package) '(?P<module>[^']+)'",
        report=r"Node finds no module `\g<module>`: it is not installed, or not in the image",
        score=58,
        example="node:internal/modules/cjs/loader:1210\n  throw err;\n  ^\n\nError: Cannot find module './nosuch'\n"
        "Require stack:\n- /app/server.js",
    ),
    LogRule(
        name="pip: no such version",
        pattern=r"^ERROR: No matching distribution found for (?P<what>.+)$",
        report=r"pip finds no \g<what>: there is no such version, or none for this version of Python or this platform",
        score=70,
        example="ERROR: Could not find a version that satisfies the requirement pluggy==99.1 (from versions: 1.4.0, 1.5.0)\n"
        "ERROR: No matching distribution found for pluggy==99.1",
    ),
    LogRule(
        name="pip: requirements conflict",
        pattern=r"^ERROR: Cannot install (?P<what>.+) because these package versions have conflicting dependencies"
        r"(?:.*\n(?:.*\n){0,40}?ERROR: ResolutionImpossible)?"
        r"|^ *× No solution found when resolving .*\n(?:.*\n){0,2}?.*╰─▶ (?P<uv>.+)",
        report=r"These cannot be installed together: \g<what>\g<uv>",
        score=69,
        example="ERROR: Cannot install pluggy<1 and pytest==8.0.0 because these package versions have conflicting "
        "dependencies.\n\nThe conflict is caused by:\n    The user requested pluggy<1\n"
        "    pytest 8.0.0 depends on pluggy<2.0 and >=1.3.0",
    ),
    LogRule(
        name="pip: package could not be built",
        pattern=r"^ *ERROR: Failed building wheel for (?P<wheel>\S+)|^ERROR: (?:Could not build wheels for|Failed to build "
        r"installable wheels for some pyproject\.toml based projects) \(?(?P<wheels>[^\s,)]+)"
        r"|^ *× (?:Getting requirements to build wheel|Preparing metadata \([^)]+\)|python setup\.py egg_info) did not run "
        r"successfully",
        report="pip could not build a package from its source, most likely as a compiler or a library that it needs is "
        r"missing: \g<wheel>\g<wheels>",
        score=68,
        example="      m.c:1:10: fatal error: libpq-fe.h: No such file or directory\n      [end of output]\n"
        "  ERROR: Failed building wheel for psycopg2\nFailed to build psycopg2",
    ),
    LogRule(
        name="pip: hashes",
        pattern=r"^ERROR: (?:THESE PACKAGES DO NOT MATCH THE HASHES|Hashes are required in --require-hashes mode)",
        report="What pip downloaded does not have the hash that the requirements name",
        score=72,
        example="ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated the package "
        "versions, please update the hashes.",
    ),
    LogRule(
        name="pip: no requirements file",
        pattern=r"^ERROR: Could not open requirements file: .*'(?P<path>[^']+)'$",
        report=r"pip finds no file \g<path>: it is not in the commit, or not copied into the image before",
        score=72,
        example="ERROR: Could not open requirements file: [Errno 2] No such file or directory: 'requirements.txt'",
    ),
    LogRule(
        name="pip: managed by the system",
        pattern=r"^error: externally-managed-environment",
        report="pip refuses to install beside the system's packages: use a virtual environment in the Dockerfile",
        score=72,
        example="error: externally-managed-environment\n\n× This environment is externally managed",
    ),
)
