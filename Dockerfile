# Workers of a job of many machines: see docs/cluster.md. Build with `docker build -t inference-worker:0.2.0 .`
FROM node:24-slim
WORKDIR /app
RUN npm install --global --omit=dev effect-inference-endpoints effect @effect/platform-node @effect/sql-pg
USER node
ENTRYPOINT ["inference-endpoints"]
CMD ["batch", "work", "--help"]
