"""What classes, ids and roles say of an element, as one automaton over all words at once."""

from __future__ import annotations

import functools
from collections.abc import Iterable

import numpy as np

LETTERS = 27  # 0 is what stands between words: the ends, a hyphen, a digit, a capital after a small letter
# A hint is a bit; its words may begin or end with "-" for the edge of a word.
HINTS = {
    "body": "-articlebody -article-body -story-body -entry-content -post-content -article-content -article-text "
            "-post-body -content-body -story-content -body-copy -storytext -maincontent -main-content -page-content "
            "-entry-body -post-text -story-text -articletext -articlecontent",
    "content": "-article- -content- -post- -entry- -story- -main- -text- -body- -page- -blog- -news-",
    "nav": "-nav- -navi -navigation -navbar -menu breadcrumb -pagination -pager- -paging -toc- -sitemap -skip -topbar "
           "-prevnext -tabs-",
    "side": "sidebar -rail- -aside -widget -complementary -banner",
    "foot": "footer -foot- -contentinfo -colophon -copyright -legal- -disclaimer",
    "head": "-header masthead -topbar",
    "share": "-share -sharing sharebar sharedaddy sharethis addthis addtoany -social -facebook -twitter -follow- "
             "-tweet- -likes- -print- -email- -whatsapp",
    "related": "related -recommend -more-stories -morestories -readmore -read-more -see-also -trending "
               "-popular -most-read -mostread -teaser -outbrain -taboola -promo -further -suggested -next-up -also-",
    "comment": "-comment disqus -discussion -replies -respond- -livefyre",
    "ad": "-ad- -ads- -advert -sponsor -adsense -dfp- -banner -promotion",
    "meta": "-byline -author -dateline -timestamp -published -pubdate -post-meta -entry-meta -article-meta -meta- "
            "-posted- -tags- -tag-links -categories -category- -credit -date- -bio- -taglist -info-",
    "caption": "-caption -wp-caption -figcaption -photo-credit -image-credit",
    "offer": "newsletter -subscri -signup -sign-up -login -signin -sign-in -register -cookie -consent -gdpr -paywall "
             "-modal -popup -overlay -donate -alert- -toolbar -tooltip",
    "hidden": "-sr-only- -screen-reader -visuallyhidden -visually-hidden",
}  # fmt: skip
STRONG = ("nav", "foot", "share", "related", "comment", "caption", "offer", "hidden")
WEAK = ("side", "head", "ad", "meta")
BITS = {name: 1 << i for i, name in enumerate(HINTS)}


def mask(names: Iterable[str]) -> int:
    """The bits of hints."""
    return sum(BITS[name] for name in names)


def _symbol(letter: str) -> int:
    return ord(letter) - 96 if "a" <= letter <= "z" else 0


@functools.cache
def automaton() -> tuple[np.ndarray, np.ndarray]:
    """(next state [states, LETTERS], hints found on entering a state [states]), by Aho and Corasick."""
    after: list[list[int]] = [[0] * LETTERS]
    found = [0]
    for name, words in HINTS.items():
        for word in words.split():
            state = 0
            for letter in word:
                step = after[state][_symbol(letter)]
                if not step:
                    step = after[state][_symbol(letter)] = len(after)
                    after.append([0] * LETTERS)
                    found.append(0)
                state = step
            found[state] |= BITS[name]
    shorter = [0] * len(after)
    queue = [step for step in after[0] if step]
    for state in queue:
        for symbol in range(LETTERS):
            step = after[state][symbol]
            fallback = after[shorter[state]][symbol]
            if step:
                shorter[step] = fallback
                found[step] |= found[fallback]
                queue.append(step)
            else:
                after[state][symbol] = fallback
    return np.array(after, np.int64), np.array(found, np.int64)
