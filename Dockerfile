# The one binary, for every role: `docker build --tag serin .`, then `docker run serin --help`.
#
# The image holds no configuration: /etc/serin is where it is looked for, and where it is mounted.

FROM rust:1.95-slim-bookworm AS build
# librdkafka is built from source; what it links with comes from Debian, here and below.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        g++ libcurl4-openssl-dev libssl-dev make pkg-config zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
# The folders that are mounted here stay with the builder and are in no layer: hence the copy out of them.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/source/target,sharing=locked \
    cargo build --release --locked --package serin \
    && install -D --strip target/release/serin /out/serin

FROM debian:bookworm-slim
LABEL org.opencontainers.image.title="serin" \
    org.opencontainers.image.description="Event-streaming inference with experiments built in" \
    org.opencontainers.image.licenses="Apache-2.0"
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates libcurl4 libssl3 zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner=65532 --group=65532 /var/lib/serin
COPY --from=build /out/serin /usr/local/bin/serin
# Nobody: no name, no password, no files but the embedded log's, if there is one.
USER 65532:65532
WORKDIR /var/lib/serin
ENV SERIN_CONFIG=/etc/serin/serin.toml
STOPSIGNAL SIGTERM
# Asks the admin port of the configuration, and for commands that have none it says so: turn it off for these.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["serin", "health"]
ENTRYPOINT ["serin"]
CMD ["up"]
