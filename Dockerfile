# The gateway as a container: one executable, no shell, nobody's rights, nothing to write to but /data.
#
#   docker build -t ongoingai .
#   docker run --read-only -p 127.0.0.1:8080:8080 -v ongoingai:/data -e ONGOINGAI_ALLOW_OPEN=true ongoingai

# Built where the builder is, for where the container will be: nothing is emulated.
FROM --platform=$BUILDPLATFORM node:22-bookworm-slim AS build
ARG TARGETARCH=amd64
ARG VERSION=dev
ARG COMMIT=none
ARG DATE=unknown
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN case $TARGETARCH in amd64) cpu=x64 ;; *) cpu=$TARGETARCH ;; esac \
    && VERSION=$VERSION COMMIT=$COMMIT DATE=$DATE npm run build -- --target=bun-linux-$cpu && mkdir /empty

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /src/dist/ongoingai /usr/local/bin/ongoingai
COPY --from=build --chown=65532:65532 /empty /data
# In a container the gateway must listen beyond it. Who reaches it is decided where the port is published, so without keys it starts only when
# ONGOINGAI_ALLOW_OPEN=true says that this was thought of.
ENV ONGOINGAI_CONTAINER=true \
    ONGOINGAI_HOST=0.0.0.0 \
    ONGOINGAI_STORAGE_PATH=/data/ongoingai.db
WORKDIR /data
VOLUME /data
EXPOSE 8080
USER 65532:65532
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["/usr/local/bin/ongoingai", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/ongoingai"]
CMD ["serve"]
