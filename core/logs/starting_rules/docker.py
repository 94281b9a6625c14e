"""Docker: Dockerfiles, files for the build, base images. The words of BuildKit, old and new, and of the classic builder."""

from core.values import LogRule

RULES = (
    LogRule(
        name="Dockerfile: unknown instruction",
        pattern=r"(?:^(?P<file>\S*[Dd]ockerfile\S*):\d+\n(?:.*\n){1,40}?)?"
        r"^.*dockerfile parse error (?:on )?line (?P<line>\d+): unknown instruction: (?P<word>.+)$",
        report=r"Line \g<line> of the Dockerfile has an instruction that does not exist: \g<word>",
        score=81,
        example="Dockerfile:2\n--------------------\n   1 |     FROM base\n   2 | >>> RUNN echo hi\n   3 |     \n"
        "--------------------\nERROR: failed to build: failed to solve: dockerfile parse error on line 2: unknown instruction: "
        "RUNN (did you mean RUN?)",
    ),
    LogRule(
        name="Dockerfile: syntax",
        pattern=r"(?:^(?P<file>\S*[Dd]ockerfile\S*):\d+\n(?:.*\n){1,40}?)?"
        r"^.*(?:dockerfile parse error (?:on )?line (?P<line>\d+): (?P<error>.+)"
        r"|(?P<other>no build stage in current context|file with no instructions|ENV must have two arguments"
        r"|Invalid containerPort: .+|target stage .+ could not be found|failed to reach build target .+"
        r"|failed to parse stage name .+|^invalid reference format.*|the --chmod option requires BuildKit))",
        report=r"The Dockerfile is wrong: \g<error>\g<other>",
        score=80,
        example="Error response from daemon: dockerfile parse error line 1: FROM requires either one or three arguments",
    ),
    LogRule(
        name="Dockerfile: file to copy is missing",
        pattern=r'^.*failed to (?:compute cache key|calculate checksum of ref).*"(?P<kit>/[^"\n]+)"(?: not found)?: not found'
        r'|^.*ERROR: "(?P<old>/[^"\n]+)" not found: not found'
        r"|^COPY failed: (?:file not found in build context or excluded by \.dockerignore: )?stat (?P<classic>.+?): "
        r"(?:file does not exist|no such file or directory)|^COPY failed: (?P<none>no source files were specified)"
        r"|^.*lstat \S+?/merged(?P<stage>/\S+): no such file or directory",
        report=r"The Dockerfile copies a file that is not there: \g<kit>\g<old>\g<classic>\g<none>\g<stage>. It is not in the "
        "commit, not below the build's context, or excluded by .dockerignore",
        score=80,
        example="#6 [2/2] COPY missing.txt /x/\n#6 ERROR: failed to calculate checksum of ref a1b2c3::d4e5f6: "
        '"/missing.txt": not found\n------\n > [2/2] COPY missing.txt /x/:\n------\nERROR: failed to solve: failed to compute '
        'cache key: failed to calculate checksum of ref a1b2c3::d4e5f6: "/missing.txt": not found',
    ),
    LogRule(
        name="registry: too many requests",
        pattern=r"(?i:toomanyrequests|429 Too Many Requests|pull rate limit)",
        report="A registry was asked too often and refuses for a while: log in to it, or use a mirror",
        score=89,
        example="ERROR: failed to solve: alpine:3.20: failed to resolve source metadata for docker.io/library/alpine:3.20: "
        "failed to copy: httpReadSeeker: failed open: unexpected status code "
        "https://registry-1.docker.io/v2/library/alpine/manifests/sha256:0a4e: 429 Too Many Requests - Server message: "
        "toomanyrequests: You have reached your unauthenticated pull rate limit.",
    ),
    LogRule(
        name="base image: not found",
        pattern=r"failed to resolve source metadata for (?P<kit>\S+): \S+: not found"
        r"|manifest for (?P<classic>\S+) not found: manifest unknown|^.*ERROR: (?P<old>\S+/\S+:\S+): not found"
        r"|^.*(?:failed to resolve|no such manifest:|reference) [^\n]*?(?P<unknown>\S+): manifest unknown",
        report=r"The base image \g<kit>\g<classic>\g<old>\g<unknown> does not exist: mend its name or tag in the Dockerfile",
        score=80,
        example="ERROR: failed to solve: python:3.99: failed to resolve source metadata for docker.io/library/python:3.99: "
        "docker.io/library/python:3.99: not found",
    ),
    LogRule(
        name="base image: no access",
        pattern=r"^.*?(?:failed to resolve source metadata for (?P<kit>\S+): .*"
        r"|failed to (?:authorize|resolve|fetch|push|pull)\b.*|Error response from daemon: .*|denied: |)"
        r"(?:pull access denied(?: for (?P<image>[^\s,]+))?|requested access to the resource is denied|insufficient_scope"
        r"|unauthorized: |: 401 Unauthorized|: 403 Forbidden|no basic auth credentials)",
        report="A registry gives no access to an image: it does not exist, or credentials for it are missing (a stranger's "
        r"pull request is given none): \g<kit>\g<image>",
        score=80,
        example="ERROR: failed to solve: acme/private:1: failed to resolve source metadata for docker.io/acme/private:1: "
        "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: "
        "authorization failed",
    ),
    LogRule(
        name="base image: no such platform",
        pattern=r"no match for platform in manifest|no matching manifest for (?P<platform>\S+)"
        r"|does not (?:provide|match) the (?:specified|requested) platform",
        report=r"The base image does not exist for this platform: \g<platform>",
        score=82,
        example="ERROR: failed to solve: acme/tool:1: failed to resolve source metadata for docker.io/acme/tool:1: "
        "no match for platform in manifest: not found",
    ),
    LogRule(
        name="engine: does not answer",
        pattern=r"Cannot connect to the Docker daemon at (?P<where>\S+?)\. Is the docker daemon running"
        r"|^error during connect: (?P<why>.+)$",
        report=r"The Docker engine does not answer: \g<where>\g<why>",
        score=83,
        example="Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
    ),
    LogRule(
        name="Dockerfile: no such user",
        pattern=r"unable to find user (?P<user>[^:\n]+): (?:invalid argument|no matching entries in passwd file)",
        report=r"The Dockerfile's USER `\g<user>` does not exist in the image: make it before, or use a number",
        score=75,
        example="unable to find user nobody2: no matching entries in passwd file",
    ),
)
