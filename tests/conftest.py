"""What holds for every test run: on a continuous integration machine, a skipped test is a failure."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

settings.register_profile("house", deadline=None)  # a busy machine is no failure
settings.load_profile("house")

_ALLOWED = ("needs an unprivileged user", "npm's registry is out of reach")


def pytest_terminal_summary(terminalreporter):
    """Name every skip once more, where CI forbids it."""
    unexpected = _unexpected(terminalreporter)
    if os.environ.get("CI") and unexpected:
        terminalreporter.section("skipped, but everything has to run here")
        for reason in sorted(unexpected):
            terminalreporter.line(reason)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    """Fail the run for an unexpected skip."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and _unexpected(reporter) and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _unexpected(reporter):
    reasons = {str(report.longrepr[2]) for report in reporter.stats.get("skipped", ()) if report.longrepr}
    return {reason for reason in reasons if not any(allowed in reason for allowed in _ALLOWED)}
