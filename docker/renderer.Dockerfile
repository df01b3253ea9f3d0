# rayfarm-renderer: every engine (Cycles, Mitsuba, splats, diffusion) and the post steps, for NVIDIA cards and for CPUs.
#   docker build -f docker/renderer.Dockerfile -t rayfarm-renderer .
# CUDA's runtime comes with torch's wheels (13.0), the driver from the node (NVIDIA container toolkit). What has to be
# compiled for the cards is compiled in a stage with the compiler, and only its result is taken over.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm
# Of torch's CUDA version: gsplat's kernels are linked with both.
ARG CUDA_IMAGE=nvidia/cuda:13.0.2-devel-ubuntu22.04

# --- the environment ---
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
# torch stands outside of the lock (CPU and CUDA builds have one name); from PyPI it is the CUDA build.
RUN /opt/uv/bin/uv build --quiet --wheel --out-dir /dist \
 && /opt/uv/bin/uv venv --quiet --python "$(command -v python3)" /opt/venv \
 && wheel="$(echo /dist/*.whl)" \
 && /opt/uv/bin/uv pip install --quiet --python /opt/venv/bin/python --compile-bytecode -c requirements.lock \
      "${wheel}[cycles,mitsuba,splats,diffusion,post,torch]"

# --- native kernels: gsplat's, and Cycles' for cards that bpy has none for ---
FROM ${CUDA_IMAGE} AS kernels
# Architectures of gsplat: T4, A100, A10/A30, L4/L40S, H100/H200, B200, and what the driver makes of PTX for later ones.
ARG TORCH_CUDA_ARCH_LIST="7.5;8.0;8.6;8.9;9.0;10.0+PTX"
# bpy 5.0.1 brings 5.0 to 7.5, 8.6, 8.9 and 12.0. Any other would be compiled at each project's first frame, for minutes.
ARG CYCLES_ARCHITECTURES="80 90"
ENV UV_LINK_MODE=copy UV_NO_CACHE=1 TORCH_CUDA_ARCH_LIST=${TORCH_CUDA_ARCH_LIST} MAX_JOBS=4
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ ninja-build python3-pip zstd \
 && rm -rf /var/lib/apt/lists/* \
 && pip3 install --no-cache-dir uv==0.13.9 \
 && uv python install 3.11
COPY --from=build /dist /dist
COPY requirements.lock /requirements.lock
# hadolint ignore=DL3059
RUN uv venv --quiet --python 3.11 /venv \
 && wheel="$(echo /dist/*.whl)" \
 && uv pip install --quiet --python /venv/bin/python -c /requirements.lock "${wheel}[splats,torch]" setuptools==84.2.1
RUN /venv/bin/python -m pipelines.splats.build_cuda \
 && mkdir -p /kernels/gsplat /kernels/cycles \
 && cp /venv/lib/python3.11/site-packages/gsplat/csrc.so /kernels/gsplat/
COPY --from=build /opt/venv/lib/python3.11/site-packages/bpy/5.0/scripts/addons_core/cycles/lib/kernel_compute_75.ptx.zst /
RUN zstd -dc /kernel_compute_75.ptx.zst > /kernel_compute_75.ptx \
 && for architecture in ${CYCLES_ARCHITECTURES}; do \
      ptxas -arch="sm_${architecture}" -O3 /kernel_compute_75.ptx -o "/kernel_sm_${architecture}.cubin" \
      && zstd -q -19 "/kernel_sm_${architecture}.cubin" -o "/kernels/cycles/kernel_sm_${architecture}.cubin.zst" \
      || exit 1; \
    done

# --- AWS's certificate authorities, for databases of RDS (sslmode=verify-full); RDS_BUNDLE_URL= leaves them out ---
FROM ${PYTHON_IMAGE} AS certificates
ARG RDS_BUNDLE_URL=https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem
ARG RDS_BUNDLE_SHA256=
COPY docker/fetch-rds-bundle /fetch-rds-bundle
RUN RDS_BUNDLE_URL="${RDS_BUNDLE_URL}" RDS_BUNDLE_SHA256="${RDS_BUNDLE_SHA256}" \
    python3 /fetch-rds-bundle /etc/rayfarm/rds

# --- what runs ---
FROM ${PYTHON_IMAGE} AS renderer
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="rayfarm-renderer" \
      org.opencontainers.image.description="Rayfarm's engines on Ray: Cycles, Mitsuba, Gaussian splats, diffusion" \
      org.opencontainers.image.licenses="Apache-2.0 AND GPL-3.0-or-later" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# The libraries that the engines load (.ci/system-packages); wget for KubeRay's probe.
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      ca-certificates wget \
      libegl1 libgl1 libsm6 libxfixes3 libxi6 libxkbcommon0 libxrender1 \
      libllvm19 \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 rayfarm \
 && useradd --uid 10001 --gid 10001 --create-home --shell /bin/bash rayfarm \
 && install -d -o 10001 -g 10001 /cache
COPY --from=build /opt/venv /opt/venv
COPY --from=certificates /etc/rayfarm/rds /etc/rayfarm/rds
COPY --from=kernels /kernels/gsplat/ /opt/venv/lib/python3.11/site-packages/gsplat/
COPY --from=kernels /kernels/cycles/ /opt/venv/lib/python3.11/site-packages/bpy/5.0/scripts/addons_core/cycles/lib/
# `graphics` brings OptiX's library beside CUDA's.
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/home/rayfarm \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility,graphics \
    RAY_USAGE_STATS_ENABLED=0 \
    RAYFARM_CLUSTER_CACHE_DIR=/cache
WORKDIR /home/rayfarm
USER 10001:10001
EXPOSE 8080
# A worker's raylet, by Ray's agent beside it; Kubernetes has its own probes.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 \
  CMD ["wget", "--tries=1", "--timeout=4", "-q", "-O", "/dev/null", "http://127.0.0.1:52365/api/local_raylet_healthz"]
CMD ["rayfarm", "--help"]
