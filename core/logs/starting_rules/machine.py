"""Disk, memory, the deployer's own limits, and what a shell could not run."""

from core.values import LogRule

RULES = (
    LogRule(
        name="deployer: time limit",
        pattern=r"^failed: it was ended after (?P<minutes>[\d.]+) minutes; to allow more, (?P<remedy>.+)$",
        report=r"It took more than \g<minutes> minutes and was ended; to allow more, \g<remedy>",
        score=95,
        example="2026-11-23 10:15:00.123 failed: it was ended after 15 minutes; to allow more, raise `timeout` of recipe "
        "'web' of acme/shop",
    ),
    LogRule(
        name="disk: full",
        pattern=r"^.*(?i:no space left on device|disk quota exceeded|not enough free space in /var/cache/apt).*$",
        report="The disk is full where it was built or runs: free some space there",
        score=92,
        example="npm error code ENOSPC\nnpm error syscall write\nnpm error errno -28\n"
        "npm error nospc ENOSPC: no space left on device, write",
    ),
    LogRule(
        name="memory: ran out",
        pattern=r"^.*(?:JavaScript heap out of memory|[Cc]annot allocate memory|java\.lang\.OutOfMemoryError"
        r"|\bruntime: out of memory|virtual memory exhausted|memory allocation of \d+ bytes failed|^MemoryError\b"
        r"|Fatal error: out of memory|Allowed memory size of \d+ bytes exhausted|\boom-kill|OOMKilled).*$",
        report="Memory ran out: allow it more, or let it use less (fewer jobs at once, a smaller heap)",
        score=90,
        example="FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n"
        "----- Native stack trace -----",
    ),
    LogRule(
        name="memory: killed",
        pattern=r"^.*(?:exit code:? 137\b|non-zero code: 137\b|signal: killed|\(signal: 9, SIGKILL: kill\)"
        r"|Killed signal terminated program|terminated with signal 9 \[Killed\]|^Killed$|: line \d+: +\d+ Killed\b.*).*$",
        report="A process was killed from outside, most likely because memory ran out",
        score=88,
        example='ERROR: process "/bin/sh -c npm run build" did not complete successfully: exit code: 137\n'
        "------\n > [4/5] RUN npm run build:\n------\n"
        'ERROR: failed to solve: process "/bin/sh -c npm run build" did not complete successfully: exit code: 137',
    ),
    LogRule(
        name="platform: exec format",
        pattern=r"^.*(?i:exec format error|cannot execute binary file).*$",
        report="A program of another platform was to run: the base image or a downloaded program is for another "
        "architecture, or the host lacks its emulator",
        score=78,
        example="#7 0.143 exec /s: exec format error\n#7 ERROR: executor failed running [/s]: exit code: 1",
    ),
    LogRule(
        name="shell: command not found",
        pattern=r"^(?:\S*sh: (?:line )?(?:\d+: )?|.*: line \d+: )(?P<command>[^\s:]+): (?:command )?not found$"
        r"|^env: [‘']?(?P<other>[^\s:’']+)[’']?: No such file or directory$",
        report=r"The command `\g<command>\g<other>` is not there: install it before this step, or mend the path",
        score=50,
        example="#5 0.144 /bin/sh: nosuch: not found\n#5 ERROR: executor failed running [/bin/sh -c nosuch]: exit code: 127",
    ),
    LogRule(
        name="shell: not executable",
        pattern=r"^(?:\S*sh: (?:line )?(?:\d+: )?|.*: line \d+: )(?P<command>[^\s:]+): Permission denied$"
        r"|exec: \"(?P<other>[^\"\n]+)\": permission denied",
        report=r"`\g<command>\g<other>` may not be executed: give it the permission (chmod +x) and commit that",
        score=50,
        example="#7 0.142 /bin/sh: /s.sh: Permission denied\n"
        "#7 ERROR: executor failed running [/bin/sh -c /s.sh]: exit code: 126",
    ),
    LogRule(
        name="container: no such program",
        pattern=r'exec: "(?P<program>[^"\n]+)": (?:stat [^:\n]+: no such file or directory'
        r"|executable file not found in \$PATH)",
        report=r"The image has no program `\g<program>`: install it, or mend the command",
        score=55,
        example='#5 0.150 runc run failed: unable to start container process: exec: "/nosuch": stat /nosuch: no such file or '
        "directory\n#5 ERROR: executor failed running [/nosuch]: exit code: 1",
    ),
    LogRule(
        name="service: health check",
        pattern=r"^failed: (?P<why>.*(?:is not healthy in its trial|not all of it was healthy|its health check answered).*)$",
        report=r"The new release does not pass its health check: \g<why>",
        score=70,
        example="2026-11-23 10:15:00.123 failed: release 1a2b3c4d5e is not healthy in its trial: "
        "http://127.0.0.1:8080/health answered 500; release 5e4d3c2b1a was not touched",
    ),
    LogRule(
        name="make: failed",
        pattern=r"^g?make(?:\[\d+\])?: \*\*\* (?:(?P<target>No rule to make target [^\n]+?)\.  Stop\."
        r"|\[(?P<where>[^\n\]]+)\] (?P<what>(?:Error|Segmentation|Killed|Terminated)[^\n]*))$",
        report=r"make failed: \g<where>\g<target> \g<what>",
        score=30,
        example="false\nmake: *** [Makefile:2: all] Error 1",
    ),
    LogRule(
        name="shell: no such file",
        pattern=r"^(?P<said>(?:cp|mv|cat|ls|cd|mkdir|chmod|chown|tar|rm|ln|sh|bash|/bin/sh|source)\b.*: "
        r"(?:can't cd to .*|No such file or directory))$",
        report=r"A file is missing: \g<said>",
        score=35,
        example="#5 0.132 cat: can't open '/nosuch': No such file or directory\n"
        "#5 ERROR: executor failed running [/bin/sh -c cat /nosuch]: exit code: 1",
    ),
    LogRule(
        name="Dockerfile: a step failed",
        pattern=r'(?:process "(?P<process>[^"\n]+)" did not complete successfully: exit code: (?P<code>\d+)'
        r"|executor failed running \[(?P<executor>[^\n]+)\]: exit code: (?P<old>\d+)"
        r"|^The command '(?P<classic>[^\n]+)' returned a non-zero code: (?P<status>\d+))",
        report=r"A step of the Dockerfile ended with exit code \g<code>\g<old>\g<status>: "
        r"\g<process>\g<executor>\g<classic>",
        score=10,
        example='ERROR: failed to solve: process "/bin/sh -c echo one; false" did not complete successfully: exit code: 1',
    ),
)
