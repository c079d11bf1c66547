"""Short blocks that stand in articles and are none of their text: advertisement marks, pointers elsewhere, credits."""

from __future__ import annotations

import re

LONGEST = 160  # size of a block that is asked, in Latin letters
# The whole block.
_ALL = """
advert(?:isement)?s?|ads?|sponsored|promoted|share|share this(?: article| post| story)?|share on .{2,20}|tweet
|print|e-?mail|(?:\\d+ )?comments?|leave a (?:comment|reply)|post a comment|add a comment|tags|topics
|subscribe(?: now)?|sign ?up|log ?in|follow us|read more|more|loading\\W*
|related(?: articles| stories| posts| topics| content| links)?|recommended(?: for you)?
|you (?:may|might) also like\\W*|don.t miss|next|previous|back to top|continue reading\\W*
|(?:story|article) continues.{0,40}|.{2,80} contributed to this (?:report|article|story)\\W*
|(?:last )?updated:? (?:at|on) .{4,40}|show comments|view comments|tell us what you think\\W*|publicidade?|anzeige
|werbung|publicité|partager|compartir|compartilhar|реклама|поделиться|комментарии|广告|廣告|広告|광고|分享
|分享到|评论|評論|发表评论|相关阅读|相关新闻|相关文章|相關文章|推荐阅读|延伸阅读|延伸閱讀|返回顶部|打印本页
|シェア|シェアする|ツイート|関連記事|関連リンク|あわせて読みたい|コメント|댓글|공유|관련기사
"""
# How the block begins.
_START = """
related(?: stor(?:y|ies)| articles?| posts?)?:|read more:|read also\\b|also read\\b|see (?:also|more):|more from\\b
|more on this\\b|read next\\b|click here to\\b|sign up (?:for|to|here|:)|sign up:|subscribe to\\b
|follow (?:us|@|.{2,30} on (?:twitter|facebook|instagram))\\b|filed under\\b|tags?:|tagged\\b
|posted (?:in|under)\\b|categor(?:y|ies):|copyright\\b|©|\\(c\\) \\d{4}|all rights reserved
|(?:photo|image|picture)s?(?: credits?| sources?| by|:)|(?:additional |with )?reporting by\\b|editing by\\b
|writing by\\b|get .{2,40} delivered\\b|leia (?:também|mais)\\b|lea también\\b|lee también\\b|lire aussi\\b
|lesen sie auch\\b|mehr zum thema\\b|leggi anche\\b|читайте также
|[（(【\\[]?(?:责任编辑|責任編輯|责编|编辑[:：]|校对[:：])
|相关阅读|推荐阅读|延伸阅读|延伸閱讀|上一篇|下一篇
|分享到|本文来自|版权声明|未经授权|関連記事|あわせて読みたい|無断転載
|この記事をシェア|関連[:：]|관련기사|무단 ?전재
"""


def _pattern(lines: str) -> str:
    return lines.strip().replace("\n", "")


_BOILERPLATE = re.compile(rf"(?:- )?(?:(?:{_pattern(_ALL)})[:：]?$|{_pattern(_START)})", re.IGNORECASE)


def is_boilerplate(text: str) -> bool:
    """Whether a short block says nothing of the article's own.

    >>> is_boilerplate("ADVERTISEMENT"), is_boilerplate("责任编辑：王小明"), is_boilerplate("More is known now.")
    (True, True, False)
    """
    return _BOILERPLATE.match(text) is not None
