"""Licences: names and addresses as SPDX, texts and headers recognised, pages' declarations, --licenses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from packaging.licenses import canonicalize_license_expression

from aigc_cli.collect import collect
from aigc_cli.collect.licenses.markup import declared
from aigc_cli.collect.licenses.spdx import identify, normalize
from aigc_cli.collect.licenses.texts import in_file, in_header
from aigc_cli.collect.licenses.wanted import GROUPS, patterns, refusal
from aigc_cli.collect.options import CollectOptions
from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.core.options import Common, build
from aigc_cli.core.shards import Shards

NAMES = {
    "mit": "MIT",
    "MIT License": "MIT",
    "The MIT License (MIT)": "MIT",
    "Apache License, Version 2.0": "Apache-2.0",
    "http://www.apache.org/licenses/LICENSE-2.0.txt": "Apache-2.0",
    "Apache 2": "Apache-2.0",
    "https://creativecommons.org/licenses/by/4.0/": "CC-BY-4.0",
    "CC BY-SA 4.0": "CC-BY-SA-4.0",
    "//creativecommons.org/licenses/by-nc-nd/3.0/deed.fr": None,  # neither an address with a scheme nor a name
    "http://creativecommons.org/licenses/by-nc-nd/3.0/deed.fr": "CC-BY-NC-ND-3.0",
    "http://creativecommons.org/licenses/by/3.0/us/": "CC-BY-3.0-US",
    "https://creativecommons.org/publicdomain/zero/1.0/": "CC0-1.0",
    "Creative Commons Attribution-ShareAlike 4.0 International": "CC-BY-SA-4.0",
    "Creative Commons Attribution-NonCommercial 3.0 Unported License": "CC-BY-NC-3.0",
    "MIT/Apache-2.0": "MIT OR Apache-2.0",
    "GPL-3.0": "GPL-3.0-only",
    "GPL-2.0+": "GPL-2.0-or-later",
    "GPLv3": "GPL-3.0-only",
    "GNU General Public License v3.0": "GPL-3.0-only",
    "GNU General Public License version 2 or later": "GPL-2.0-or-later",
    "https://www.gnu.org/licenses/gpl-3.0.en.html": "GPL-3.0-only",
    "https://opensource.org/licenses/MIT": "MIT",
    "https://opensource.org/license/bsd-3-clause/": "BSD-3-Clause",
    "BSD": "BSD-3-Clause",
    "CC0": "CC0-1.0",
    "(MIT OR Apache-2.0) AND BSD-3-Clause": "(MIT OR Apache-2.0) AND BSD-3-Clause",
    "gpl-2.0-only with linux-syscall-note": "GPL-2.0-only WITH Linux-syscall-note",
    "proprietary": None,
    "all rights reserved": None,
    "NOASSERTION": None,
    "": None,
    "https://example.com/terms": None,
    "x" * 600: None,
    "(" * 400: None,
    "MIT AND": None,
}


@pytest.mark.parametrize("name", NAMES)
def test_names(name):
    assert normalize(name) == NAMES[name]


def test_what_is_normal_stays_and_is_spdx():
    for name in {n for n in NAMES.values() if n}:
        assert normalize(name) == name
        assert canonicalize_license_expression(name) == name


def test_a_name_of_its_own_stays_and_no_name_is_none():
    assert identify(" Our own terms ") == "Our own terms"
    assert identify("unknown") is None and identify(None) is None


MIT = """Copyright (c) 2024 Somebody

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction. The above copyright notice and
this permission notice shall be included in all copies or substantial portions of the Software."""
BSD2 = """Redistribution and use in source and binary forms, with or without modification, are permitted provided that
the following conditions are met: 1. Redistributions of source code must retain the above copyright notice."""
ISC = """Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby
granted, provided that the above copyright notice and this permission notice appear in all copies."""
GPL = "either version 2 of the License, or (at your option) any later version"
FILES = {
    MIT: "MIT",
    BSD2: "BSD-2-Clause",
    BSD2 + " Neither the name of X": "BSD-3-Clause",
    ISC: "ISC",
    ISC.replace("appear in all copies", ""): "0BSD",
    MIT.replace("this permission notice", "nothing"): "MIT-0",
    "                    GNU GENERAL PUBLIC LICENSE\n   Version 3, 29 June 2007\n ... GNU Affero ...": "GPL-3.0-only",
    "  GNU LESSER GENERAL PUBLIC LICENSE\n  Version 2.1, February 1999": "LGPL-2.1-only",
    "GNU AFFERO GENERAL PUBLIC LICENSE\nVersion 3, 19 November 2007": "AGPL-3.0-only",
    "Apache License\nVersion 2.0, January 2004\nhttp://www.apache.org/licenses/": "Apache-2.0",
    "Mozilla Public License Version 2.0\n====": "MPL-2.0",
    "Creative Commons Legal Code\n\nCC0 1.0 Universal": "CC0-1.0",
    "Attribution-ShareAlike 4.0 International\n\nCreative Commons": "CC-BY-SA-4.0",
    "This is free and unencumbered software released into the public domain.": "Unlicense",
    "Boost Software License - Version 1.0 - August 17th, 2003": "BSL-1.0",
    MIT + "\n\nApache License\nVersion 2.0, January 2004": "Apache-2.0 AND MIT",
    "All rights reserved.": None,
    "": None,
    "Business Source License 1.1\nParameters": "BUSL-1.1",
}


@pytest.mark.parametrize("text", FILES, ids=lambda t: t[:30])
def test_license_files(text):
    assert in_file(text) == FILES[text]


def comment(text: str, mark: str) -> str:
    return "\n".join(f"{mark} {line}" for line in text.splitlines()) + "\n\ncode();\n"


HEADERS = {
    "// SPDX-License-Identifier: Apache-2.0\n": "Apache-2.0",
    "# SPDX-License-Identifier: MIT OR Apache-2.0": "MIT OR Apache-2.0",
    "/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) */": "GPL-2.0-only WITH Linux-syscall-note",
    "<!-- SPDX-License-Identifier: MIT -->": "MIT",
    "# SPDX-License-Identifier: our own": None,
    "# SPDX-License-Identifier: MIT\n# SPDX-License-Identifier: ISC": "MIT AND ISC",
    comment(MIT, "#"): "MIT",
    comment(MIT, " *"): "MIT",
    comment(BSD2, "//"): "BSD-2-Clause",
    comment(ISC, ";;"): "ISC",
    comment('Licensed under the Apache License, Version 2.0 (the "License")', "//"): "Apache-2.0",
    comment(
        "under the terms of the GNU General Public License as published by\nthe Free Software Foundation; " + GPL, " *"
    ): "GPL-2.0-or-later",
    comment(
        "GNU Lesser General Public License as published by the Free Software Foundation; version 2.1", "#"
    ): "LGPL-2.1-only",
    comment("This Source Code Form is subject to the terms of the Mozilla Public\nLicense, v. 2.0.", " *"): "MPL-2.0",
    "/* Released under the MIT license */": "MIT",
    "/** @license MIT */": "MIT",
    "// Licensed under the Apache License, Version 2.0 <A> or the MIT license <M>, at your option": "MIT OR Apache-2.0",
    "import os\n": None,
    "print('see the licence file')": None,
    "x" * 5000 + "SPDX-License-Identifier: MIT": None,
    "# Use of this source code is governed by a BSD-style license that can be found in the LICENSE file.": None,
}


@pytest.mark.parametrize("text", HEADERS, ids=lambda t: t[:40])
def test_headers(text):
    assert in_header(text) == HEADERS[text]


BY = "https://creativecommons.org/licenses/by/4.0/"
SA = "http://creativecommons.org/licenses/by-sa/3.0/"
PAGES = {
    f'<link rel="license" href="{BY}">': "CC-BY-4.0",
    f"<a class=x href='{SA}' rel='nofollow license'>CC</a>": "CC-BY-SA-3.0",
    f'<meta name="DC.rights" content="{BY}">': "CC-BY-4.0",
    f'<span property="dct:license" resource="{BY}"></span>': "CC-BY-4.0",
    f'<a property="cc:license" href="{SA}">x</a>': "CC-BY-SA-3.0",
    f'<link itemprop="license" href="{BY}">': "CC-BY-4.0",
    f'<script type="application/ld+json">{{"@type": "Article", "license": "{BY}"}}</script>': "CC-BY-4.0",
    f'<script type="application/ld+json">{{"@graph": [{{"license": {{"@id": "{SA}"}}}}]}}</script>': "CC-BY-SA-3.0",
    f'<script type="application/ld+json">{{"@type": "ImageObject", "license": "{BY}"}}</script>': None,
    '<script type="application/ld+json">{"license": ' + "[" * 5000 + "</script>": None,
    f'<!-- <rdf:RDF><Work><license rdf:resource="{BY}"/></Work></rdf:RDF> -->': "CC-BY-4.0",
    f'<link rel=license href="{BY}"><a rel=license href="{SA}">a picture</a>': "CC-BY-4.0",
    f'<a rel=license href="{BY}"></a><a rel=license href="{SA}"></a>': "CC-BY-4.0 AND CC-BY-SA-3.0",
    '<a rel="license" href="/terms">Terms</a>': None,
    f'<a href="{BY}">a page about a license</a>': None,
    "<p>license": None,
    "<a rel=license " * 20_000: None,
    "": None,
}


@pytest.mark.parametrize("markup", PAGES, ids=lambda t: t[:50])
def test_declared_by_pages(markup):
    assert declared(markup) == PAGES[markup]


@pytest.mark.parametrize(
    ("license", "wanted", "reason"),
    [
        ("MIT", "mit", None),
        ("MIT", "MIT,Apache-2.0", None),
        ("GPL-3.0-only", "MIT", "license_GPL-3.0-only"),
        (None, "MIT", "no_license"),
        ("MIT OR GPL-2.0-only", "MIT", None),
        ("MIT AND GPL-2.0-only", "MIT", "license_MIT_AND_GPL-2.0-only"),
        ("MIT AND ISC", "MIT,ISC", None),
        ("(MIT OR GPL-2.0-only) AND ISC", "MIT,ISC", None),
        ("MIT OR GPL-2.0-only AND ISC", "GPL-2.0,ISC", None),
        ("ISC AND GPL-2.0-only OR Zlib", "ISC", "license_ISC_AND_GPL-2.0-only_OR_Zlib"),
        ("CC-BY-SA-4.0", "CC-*", None),
        ("CC-BY-NC-4.0", "permissive", "license_CC-BY-NC-4.0"),
        ("CC-BY-4.0", "permissive", None),
        ("GPL-2.0-only WITH Linux-syscall-note", "gpl-2.0", None),
        ("GPL-2.0-or-later", "GPL-2.0", None),
        ("GPL-2.0-or-later", "GPL-2.0-only", "license_GPL-2.0-or-later"),
        ("Our terms", "MIT", "license_other"),
        ("Our terms", "our*", None),
    ],
)
def test_wanted(license, wanted, reason):
    assert refusal(license, patterns([wanted])) == reason


def test_groups_hold_spdx_ids():
    for name in GROUPS["permissive"]:
        assert "[" in name or normalize(name) == name


@pytest.mark.parametrize("wrong", ["MTI", "MIT,,ISC", "", "MIT OR ISC"])
def test_a_wrong_name_is_an_error(wrong):
    with pytest.raises(ConfigError, match="--licenses"):
        build(CollectOptions, {"licenses": [wrong]})


def test_collect_keeps_only_wanted_documents(here):
    licenses = ["MIT", "http://creativecommons.org/licenses/by/4.0/", "GPLv3", None, "Our terms", "mit or gpl-2.0"]
    Path("a.jsonl").write_text(
        "".join(json.dumps({"text": f"t{i}", "license": n}) + "\n" for i, n in enumerate(licenses))
    )
    result = collect(["a.jsonl"], CollectOptions(licenses=["MIT", "CC-*"]), Common(output=Path("docs")))
    rows = [row for batch in Shards.open("docs").batches() for row in batch.to_pylist()]
    assert [(r["text"], r["license"]) for r in rows] == [
        ("t0", "MIT"),
        ("t1", "CC-BY-4.0"),
        ("t5", "MIT OR GPL-2.0-only"),
    ]
    assert result.manifest["facts"]["rejected"] == {"license_GPL-3.0-only": 1, "license_other": 1, "no_license": 1}
    again = collect(["a.jsonl"], CollectOptions(licenses=["MIT"]), Common(output=Path("other")))
    assert again.manifest["fingerprint"] != result.manifest["fingerprint"]
    filled = collect(["a.jsonl"], CollectOptions(licenses=["isc"], license="ISC License"), Common(output=Path("isc")))
    assert filled.manifest["counts"]["documents"] == 1  # the default counts for a document that names none
    with pytest.raises(DataError):
        collect(["a.jsonl"], CollectOptions(licenses=["Zlib"]), Common(output=Path("none")))
