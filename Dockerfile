# The gateway alone. It needs a Redis beside it, and the settings that examples/docker.yaml names:
#   docker build -t claimcheck .
#   docker run -p 8080:8080 -e PUBLIC_URL=https://app.example.com -e REDIS_URL=redis://redis:6379 … claimcheck
# For a config of your own: -v ./claimcheck.yaml:/etc/claimcheck/claimcheck.yaml:ro
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json tsconfig.json ./
RUN npm ci
COPY src src
RUN npm run build && npm prune --omit=dev

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
COPY package.json redis.conf ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY examples/docker.yaml /etc/claimcheck/claimcheck.yaml
# A number, so that Kubernetes can see that it is not root. Nothing in the image belongs to it.
USER 10001:10001
EXPOSE 8080
# Process 1 itself, so that it gets the SIGTERM and finishes what it has begun.
ENTRYPOINT ["node", "/app/dist/cli/claimcheck.js"]
CMD ["serve", "--config", "/etc/claimcheck/claimcheck.yaml"]
