"""What all tests share, and the rule that no test may be skipped without saying why."""

from __future__ import annotations

import os

import pytest

# Two processes with two threads each on two cores are slower than with one; results must not depend on it either.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("AIGC_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

ALLOWED_SKIPS = {"gpu", "network", "data"}
_unexplained: list[str] = []


def pytest_runtest_logreport(report):
    """Note every skip that carries none of the markers gpu, network and data."""
    if report.skipped and not hasattr(report, "wasxfail") and not ALLOWED_SKIPS & set(report.keywords):
        _unexplained.append(report.nodeid)


def pytest_terminal_summary(terminalreporter):
    """List the unexplained skips."""
    for name in _unexplained:
        terminalreporter.write_line(f"SKIPPED WITHOUT gpu, network OR data: {name}", red=True)


def pytest_sessionfinish(session):
    """A skip that is not explained fails the run."""
    if _unexplained and session.exitstatus == 0:
        session.exitstatus = 1


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
