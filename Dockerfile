# kubectl-snapshot in an image, for `--agent image`: where pods may run no code from a ConfigMap.
# Nobody needs it otherwise (docs/install.md). scripts/build-image does the same without Docker: it
# reads this file, and knows only the instructions used here.
#
#   make zipapp
#   docker build --build-arg BASE_DIGEST=sha256:… --build-arg VERSION=X.Y.Z --tag NAME:TAG .
#
# Any glibc image with Python 3.9 or newer and /usr/bin/env serves. It is pinned by its digest, which
# has no default: docs/install.md says how to ask your registry for it.
ARG BASE=docker.io/library/python:3.11-slim
ARG BASE_DIGEST
FROM ${BASE}@${BASE_DIGEST}
ARG BASE_DIGEST
ARG VERSION=unknown
LABEL org.opencontainers.image.title="kubectl-snapshot"
LABEL org.opencontainers.image.description="Records how a Kubernetes node is configured"
LABEL org.opencontainers.image.licenses="Apache-2.0"
LABEL org.opencontainers.image.version="${VERSION}"
LABEL org.opencontainers.image.base.digest="${BASE_DIGEST}"
COPY --chmod=755 dist/kubectl-snapshot /usr/local/bin/kubectl-snapshot
# The agent's pod says itself whom it runs as; this is for all others.
USER 65532:65532
ENTRYPOINT ["kubectl-snapshot"]
CMD ["--help"]
