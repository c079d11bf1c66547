"""What collect read, from what, and what it could not take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aigc_cli.report.charts import bars, histogram
from aigc_cli.report.markup import Html, clip, counted, h, join, number, size, tiles
from aigc_cli.report.nodes import Node
from aigc_cli.report.options import ReportOptions

WHERE_CHARS = 160  # of one place where something was not taken
LANGUAGE = {"": "none declared", "zxx": "zxx (source code)", "und": "und (not told)"}


def one(node: Node, options: ReportOptions) -> Html:
    """Counts, kinds of files, lengths, languages, licences, and all that was rejected, skipped or repaired."""
    facts = node.facts
    code = {name: n for name, n in (facts.get("code_languages") or {}).items() if name}
    return join([
        tiles(counted(node.counts)),
        _titled("Could not be read", "by reason, with examples",
                reasons(facts.get("rejected"), facts.get("examples"), 7, options.examples)),
        side([
            _titled("Kinds of files", "", _kinds(facts.get("kinds") or {})),
            _titled("Languages", "as documents declare them", _named(facts.get("languages"), 4, LANGUAGE)),
            _titled("Licences", "of documents", _named(facts.get("licences"), 2, {"": "unknown"})),
            _titled("Programming languages", "", bars(largest_first(code), colour=6)),
            _titled("Encodings", "made UTF-8: files, records or lines", _named(facts.get("encodings"), 5)),
            _titled("Repaired", "", _named(facts.get("repaired"), 2)),
        ]),
        _lengths(facts.get("lengths") or {}),
        _titled("Passed over", "no error: hidden, of another kind, not asked for",
                reasons(facts.get("skipped"), facts.get("skipped_examples"), 5, options.examples)),
    ])  # fmt: skip


def largest_first(numbers: Mapping[str, int]) -> dict[str, int]:
    """The mapping by falling numbers (manifests sort their keys)."""
    return dict(sorted(numbers.items(), key=lambda item: (item[0] == "(others)", -item[1], item[0])))


def side(parts: Sequence[Html]) -> Html:
    """Small charts beside one another where there is room."""
    found = [h("<div>{}</div>", part) for part in parts if part]
    return h('<div class="side">{}</div>', join(found)) if found else Html("")


def reasons(numbers: Any, examples: Any, colour: int, most: int) -> Html:
    """A bar for each reason, and under it the places where it was met."""
    if not isinstance(numbers, Mapping) or not numbers:
        return Html("")
    top, rows = max(numbers.values()) or 1, []
    for reason, count in largest_first(numbers).items():
        bar = h(f'<i style="width:{count / top * 100:.2f}%;--c:var(--c{colour})"></i>')
        rows.append(
            h(
                '<tr><th scope="row">{}</th><td class="bar">{}</td><td class=n>{}</td></tr>',
                _plain(reason),
                bar,
                number(count),
            )
        )
        places = list((examples or {}).get(reason) or [])[:most]
        if places:
            shown = join((h("<code>{}</code>", clip(str(place), WHERE_CHARS)) for place in places), " ")
            rows.append(h('<tr><td colspan=3 class="where">{}</td></tr>', shown))
    return h('<table class="bars">{}</table>', join(rows))


def _titled(title: str, note: str, body: Html) -> Html:
    small = h(" <small>{}</small>", note) if note else Html("")
    return h("<h3>{}{}</h3>{}", title, small, body) if body else Html("")


def _named(numbers: Any, colour: int, names: Mapping[str, str] | None = None) -> Html:
    if not isinstance(numbers, Mapping):
        return Html("")
    known = names or {}
    return bars({known.get(name, _plain(name)): n for name, n in largest_first(numbers).items()}, colour=colour)


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _kinds(kinds: Mapping[str, Mapping[str, int]]) -> Html:
    """Files by suffix, with their size."""
    order = largest_first({kind: entry["files"] for kind, entry in kinds.items()})
    named = {f"{kind} ({size(kinds[kind]['bytes'])})": files for kind, files in order.items()}
    return bars(named, colour=0)


def _lengths(value: Mapping[str, Any]) -> Html:
    if not value.get("from"):
        return Html("")
    edges = [*value["from"], value["from"][-1] * 2]
    caption = "Each column is twice as long as the one before."
    return _titled(
        "Lengths of the documents", "", histogram(edges, value["after"], str(value["unit"]), caption=caption)
    )
