# The deployer in an image, for web, runner and qcluster alike: the command says which.
#
#   docker build --tag deployer .
#
# Without a network, put everything that is to be installed into `wheels` first, and name a base that has the programs:
#
#   pip wheel --wheel-dir wheels . 'setuptools>=77'
#   docker build --tag deployer --build-arg BASE=… --build-arg DOCKER_CLI=… .

ARG BASE=python:3.11-slim-bookworm
# Docker's command line with its plugin buildx: Debian's own package has the whole engine in it.
ARG DOCKER_CLI=docker:28-cli

FROM ${DOCKER_CLI} AS docker

FROM ${BASE} AS build
RUN python3 -m venv /opt/deployer
# What changes seldom comes first: a new version of the deployer is a new layer of a few megabytes.
COPY pyproject.toml wheel[s] /build/
RUN set -eu; cd /build; \
    if ls ./*.whl >/dev/null 2>&1; then printf '%s ' --no-index --find-links /build >options; else : >options; fi; \
    python3 -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")' \
        >requirements.txt; \
    # Flavours and plugins of one's own are built with setuptools, perhaps where there is no network either.
    /opt/deployer/bin/python -m pip install --no-cache-dir $(cat options) 'setuptools>=77' -r requirements.txt
COPY . /source/
RUN set -eu; \
    mkdir /layer; \
    /opt/deployer/bin/python -m pip install --no-cache-dir --no-deps --no-build-isolation --no-index \
        --prefix /layer/opt/deployer /source

FROM ${BASE}
RUN set -eu; \
    if command -v apt-get >/dev/null; then \
        apt-get update; \
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
            bubblewrap ca-certificates git libstdc++6 openssh-client rsync tini util-linux; \
        rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log /var/cache/ldconfig; \
    fi; \
    # Volumes keep these numbers: they stay the same in all versions.
    groupadd --gid 10001 deployer; \
    useradd --uid 10001 --gid 10001 --home-dir /var/lib/deployer --no-create-home --shell /usr/sbin/nologin deployer; \
    install -d -o 10001 -g 10001 -m 0750 /var/lib/deployer
COPY --from=docker /usr/local/bin/docker /usr/local/bin/docker
COPY --from=docker /usr/local/libexec/docker/cli-plugins /usr/local/libexec/docker/cli-plugins
COPY --from=build /opt/deployer /opt/deployer
COPY --from=build /layer /

ENV PATH=/opt/deployer/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/var/lib/deployer \
    DEPLOYER_DATA_DIR=/var/lib/deployer \
    DEPLOYER_LIFE_DIR=/tmp/deployer-life

ARG VERSION=
ARG REVISION=
# No date: the same files are the same image.
LABEL org.opencontainers.image.title="deployer" \
      org.opencontainers.image.description="A continuous-deployment controller" \
      org.opencontainers.image.licenses="ISC" \
      org.opencontainers.image.source="https://github.com/ocurrent/ocurrent-deployer" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

USER 10001:10001
WORKDIR /var/lib/deployer
EXPOSE 8000
STOPSIGNAL SIGTERM
# A process that waits for the database has DEPLOYER_START_TIMEOUT for it.
HEALTHCHECK --interval=10s --timeout=10s --start-period=90s --retries=3 CMD ["deployer", "healthy"]
# As process 1 Python would neither end by a signal before it has a handler, nor bury what others leave behind.
ENTRYPOINT ["tini", "--", "deployer"]
CMD ["run_web", "--host", "0.0.0.0"]
