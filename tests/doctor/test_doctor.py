"""Doctor: says versions and extras, and what is wrong."""

from __future__ import annotations

import importlib.metadata

from aigc_cli.doctor import doctor


def test_it_reports_versions_and_extras():
    facts = doctor().manifest
    assert facts["packages"]["torch"] == importlib.metadata.version("torch")
    assert set(facts["extras"]) >= {"dev"}
    assert facts["machine"]["threads"] >= 1 and facts["devices"][0].startswith("cpu")


def test_a_missing_package_and_bad_threads_are_problems(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: ["torch>=2", "surely-not-there>=1"])
    monkeypatch.setenv("AIGC_THREADS", "many")
    problems = doctor().manifest["problems"]
    assert any("surely-not-there is missing: pip install" in p for p in problems)
    assert any("AIGC_THREADS" in p for p in problems)
