"""What could not be reached. Warnings of programs that try again by themselves do not count: only their last word does."""

from core.values import LogRule

#: The lines in which engines, Go and Git say why they could not fetch something.
_BY_GO = r'^(?:ERROR:|failed to |go: |Get "|Error response from daemon:|invalid from flag value).*'
_BY_NPM = r"^npm (?:ERR!|error)\b.*"
_BY_PIP = r"^WARNING: Retrying \(Retry\(total=0,.*"
_BY_APT = r"^[EW]: Failed to fetch "

RULES = (
    LogRule(
        name="network: no such host",
        pattern=rf"{_BY_GO}lookup (?P<go>[^\s:]+)(?: on \S+)?: (?:no such host|server misbehaving|Temporary failure"
        r"|.*i/o timeout)"
        r"|^(?:fatal: unable to access .*|curl: \(6\) |\s*\[6\] .*)Could not resolve (?:host|proxy): (?P<curl>[^\s()]+)"
        rf"|{_BY_NPM}getaddrinfo (?:ENOTFOUND|EAI_AGAIN) (?P<npm>\S+)"
        rf"|{_BY_APT}\S+ +(?:Could not resolve|Temporary failure resolving) '(?P<apt>[^']+)'"
        rf"|{_BY_PIP}(?:host='(?P<pip>[^']+)'.*)?(?:Name or service not known|Temporary failure in name resolution)"
        r"|^wget: (?:unable to resolve host address [‘'](?P<wget>[^’'\n]+)|bad address '(?P<busybox>[^'\n]+))"
        r"|^ssh: Could not resolve hostname (?P<ssh>[^\s:]+)"
        r"|^socket\.gaierror: .*",
        report=r"The name of a host could not be looked up, as the network or its name server failed: "
        r"\g<go>\g<curl>\g<npm>\g<apt>\g<pip>\g<wget>\g<busybox>\g<ssh>",
        score=86,
        example="fatal: unable to access 'https://github.invalid/a/b/': Could not resolve host: github.invalid",
    ),
    LogRule(
        name="network: certificate",
        pattern=r"x509: (?P<go>certificate [^\n]+)|SSL certificate problem: (?P<curl>[^\n]+)"
        r"|CERTIFICATE_VERIFY_FAILED\] (?P<python>[^\n(]+)|^npm (?:ERR!|error) code (?P<npm>UNABLE_TO_[A-Z_]+|CERT_[A-Z_]+"
        r"|SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT)|(?P<http>server gave HTTP response to HTTPS client)",
        report=r"A server's certificate is not trusted: \g<go>\g<curl>\g<python>\g<npm>\g<http>",
        score=85,
        example='ERROR: failed to do request: Head "https://registry.example.org/v2/base/manifests/1": tls: failed to verify '
        "certificate: x509: certificate signed by unknown authority",
    ),
    LogRule(
        name="network: not reached",
        pattern=rf"{_BY_GO}dial tcp (?P<go>\S+): (?:connect: [a-z ]+|i/o timeout)|{_BY_GO}(?P<tls>TLS handshake timeout)"
        r"|^fatal: unable to access '(?P<git>[^']+)': (?:Failed to connect|.*[Tt]imed out|.*Connection reset|Recv failure).*"
        r"|^curl: \((?:7|28|35|52|55|56)\) (?P<curl>.+)$"
        r"|^npm (?:ERR!|error) (?:code (?P<npm>ECONNREFUSED|ETIMEDOUT|ECONNRESET|ESOCKETTIMEDOUT|ERR_SOCKET_TIMEOUT)"
        r"|(?:FetchError: |network )?request to (?P<url>\S+ failed, reason: .*))"
        rf"|{_BY_PIP}(?P<pip>Connection refused|[Tt]imed out|Network is unreachable|Connection reset by peer)"
        rf"|{_BY_APT}(?P<apt>\S+ +(?:Could not connect to|Cannot initiate the connection to|Unable to connect to|Connection).*)"
        r"|^ssh: connect to host (?P<ssh>.+)$",
        report=r"A server could not be reached: \g<go>\g<tls>\g<git>\g<curl>\g<npm>\g<url>\g<pip>\g<apt>\g<ssh>",
        score=84,
        example='ERROR: failed to do request: Head "http://127.0.0.1:1/v2/none/manifests/latest": dial tcp 127.0.0.1:1: '
        "connect: connection refused",
    ),
    LogRule(
        name="network: server failed",
        pattern=r"(?:unexpected (?:HTTP )?status(?: code| from [A-Z]+ request to)?[^\n]*? (?P<status>50[0234] [A-Za-z -]+)"
        r"|^curl: \(22\) The requested URL returned error: (?P<curl>50\d.*)$"
        r"|^fatal: unable to access '[^']+': The requested URL returned error: (?P<git>50\d)"
        r"|^npm (?:ERR!|error) code (?P<npm>E50[0234])|^E: Failed to fetch \S+ +(?P<apt>50\d .*)$)",
        report=r"A server answered with an error of its own: \g<status>\g<curl>\g<git>\g<npm>\g<apt>",
        score=82,
        example="ERROR: failed to solve: public.ecr.aws/lambda/python:3.12: failed to resolve source metadata for "
        "public.ecr.aws/lambda/python:3.12: unexpected status from HEAD request to "
        "https://public.ecr.aws/v2/lambda/python/manifests/3.12: 503 Service Unavailable",
    ),
    LogRule(
        name="git: no credentials",
        pattern=r"^fatal: could not read (?:Username|Password) for '(?P<site>[^']+)'"
        r"|^fatal: Authentication failed for '(?P<url>[^']+)'|^(?:\S+: )?(?P<key>Permission denied \(publickey[^\n]*)"
        r"|^(?P<host>Host key verification failed)",
        report=r"Git was not let in (\g<site>\g<url>\g<key>\g<host>): it has no credentials, or they are wrong",
        score=76,
        example="Cloning into 'library'...\nfatal: could not read Username for 'https://github.com': terminal prompts disabled",
    ),
    LogRule(
        name="git: not there",
        pattern=r"^fatal: (?P<tree>reference is not a tree: [0-9a-f]+)|^fatal: (?P<ref>couldn't find remote ref .+)$"
        r"|^fatal: (?P<branch>Remote branch .+ not found in upstream .+)$|^error: (?P<path>pathspec '.+' did not match any .+)$"
        r"|^remote: (?P<remote>Repository not found)|^fatal: (?P<url>repository '[^']+' (?:not found|does not exist))"
        r"|^(?:error|fatal): (?P<object>Server does not allow request for unadvertised object [0-9a-f]+)",
        report=r"Git asked for something that is not there: \g<tree>\g<ref>\g<branch>\g<path>\g<remote>\g<url>\g<object>",
        score=74,
        example="fatal: reference is not a tree: deadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
    ),
)
