"""MediaWiki dumps: pages out of the XML, wikitext to plain text."""
