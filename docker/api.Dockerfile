# rayfarm-api: the API with the web app, the dispatcher, Ray's head, migrations, the CLI. CPU only, no engines.
#   docker build -f docker/api.Dockerfile -t rayfarm-api .
# Bases are arguments, so that a site can name its own mirror, and a pipeline digests (image@sha256:…).
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm
ARG NODE_IMAGE=node:20.20.2-bookworm-slim

# --- the one wheel, its environment, and the OpenAPI document that the web app's client is made from ---
FROM ${PYTHON_IMAGE} AS build
ENV UV_LINK_MODE=copy UV_NO_CACHE=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
RUN python3 -m venv /opt/uv && /opt/uv/bin/pip install --no-cache-dir uv==0.13.9
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY LICENSES LICENSES
COPY docs docs
COPY clients/python clients/python
COPY jobs jobs
COPY models models
COPY pipelines pipelines
COPY storage storage
COPY db db
COPY cluster cluster
COPY serve_app serve_app
# Hashes of the lock hold for what is installed; --compile-bytecode, as the image's files cannot be written later.
RUN /opt/uv/bin/uv build --quiet --wheel --out-dir /dist \
 && /opt/uv/bin/uv venv --quiet --python "$(command -v python3)" /opt/venv \
 && /opt/uv/bin/uv pip install --quiet --python /opt/venv/bin/python --compile-bytecode -c requirements.lock /dist/*.whl
WORKDIR /
RUN /opt/venv/bin/python -m serve_app.write_openapi > /openapi.json

# --- the web app: a static export that the API serves ---
FROM ${NODE_IMAGE} AS web
ENV NEXT_TELEMETRY_DISABLED=1 CI=1
RUN npm install --global --no-audit --no-fund pnpm@12.21.0
WORKDIR /web
COPY web/package.json web/pnpm-lock.yaml web/pnpm-workspace.yaml ./
RUN pnpm install --frozen-lockfile
COPY web ./
COPY --from=build /openapi.json openapi.json
RUN pnpm run api && pnpm run build

# --- AWS's certificate authorities, for databases of RDS (sslmode=verify-full); RDS_BUNDLE_URL= leaves them out ---
FROM ${PYTHON_IMAGE} AS certificates
ARG RDS_BUNDLE_URL=https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem
ARG RDS_BUNDLE_SHA256=
COPY docker/fetch-rds-bundle /fetch-rds-bundle
RUN RDS_BUNDLE_URL="${RDS_BUNDLE_URL}" RDS_BUNDLE_SHA256="${RDS_BUNDLE_SHA256}" \
    python3 /fetch-rds-bundle /etc/rayfarm/rds

# --- what runs ---
FROM ${PYTHON_IMAGE} AS api
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="rayfarm-api" \
      org.opencontainers.image.description="Rayfarm's API, dispatcher and web app; Ray's head" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# wget: KubeRay's readiness probe of a worker asks with it (and with bash).
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates wget \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 rayfarm \
 && useradd --uid 10001 --gid 10001 --create-home --shell /bin/bash rayfarm
COPY --from=build /opt/venv /opt/venv
COPY --from=web /web/out /opt/rayfarm/web
COPY --from=certificates /etc/rayfarm/rds /etc/rayfarm/rds
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/home/rayfarm \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    RAY_USAGE_STATS_ENABLED=0 \
    RAYFARM_API_WEB_DIR=/opt/rayfarm/web
WORKDIR /home/rayfarm
USER 10001:10001
EXPOSE 8000 8265 6379 8080
# For engines without probes of their own; Kubernetes does not look at it. A head answers by Serve, once it is deployed.
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=6 \
  CMD ["wget", "--tries=1", "--timeout=4", "-q", "-O", "/dev/null", "http://127.0.0.1:8000/v1/health/live"]
CMD ["rayfarm", "--help"]
