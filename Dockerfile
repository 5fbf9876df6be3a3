# The server, with its index and documents in /data. How to use it: docs/guides/operate.md
FROM python:3.12-slim AS build
WORKDIR /src
COPY . .
RUN python -m venv /opt/raghop && /opt/raghop/bin/pip install --no-cache-dir -c constraints.txt ".[serve,telemetry,qdrant]"

FROM python:3.12-slim
RUN useradd --uid 10001 --create-home raghop && mkdir /data && chown raghop /data
COPY --from=build /opt/raghop /opt/raghop
ENV PATH=/opt/raghop/bin:$PATH PYTHONUNBUFFERED=1 RAGHOP_CACHE=/data/.cache/raghop
USER raghop
WORKDIR /data
VOLUME /data
EXPOSE 8765
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8765/health', timeout=4)"]
ENTRYPOINT ["rag"]
CMD ["serve", "--host", "0.0.0.0"]
