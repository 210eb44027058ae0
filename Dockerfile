# One image for web server, worker and migrations; the command selects one.
FROM python:3.13-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN useradd --system --uid 10001 --home-dir /srv/scheduler --create-home scheduler
WORKDIR /srv/scheduler

# Before the code, so that packages are downloaded again only after a change of the lock file.
COPY requirements.lock .
RUN pip install --require-hashes -r requirements.lock

# Editable, so that the program finds the folder alembic beside it.
COPY pyproject.toml README.md LICENSE alembic.ini ./
COPY alembic alembic
COPY scheduler scheduler
RUN pip install --no-deps --no-build-isolation --no-index -e . \
    && mkdir --mode=700 data && chown scheduler data

USER scheduler
EXPOSE 8000
# The slim image has no curl. The worker serves no pages, so docker-compose.yml disables this check.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health/live', timeout=2)"]
CMD ["scheduler", "web", "--host", "0.0.0.0"]
