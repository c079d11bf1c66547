"""FineWeb-2's thresholds for 28 languages, found there from the web text of each language.

Source: configs/*.yml of github.com/huggingface/fineweb-2 as of the paper (Penedo et al. 2025, "FineWeb2: One Pipeline
to Scale Them All"); EVERY holds what fineweb-2-pipeline.py sets for all languages. The stop words are those configs'
too. English has no config there: its thresholds are FineWeb's, which are the rules' defaults.
"""

from __future__ import annotations

# Checks that the pipeline turns off, and the share of characters in repeated lines that it allows.
EVERY = {
    "dup_paragraphs": 1.0, "dup_line_chars": 1.0, "dup_paragraph_chars": 1.0, "max_short_lines": 1.0,
    "max_repeated_line_chars": 0.1,
}  # fmt: skip
COLUMNS = ("dup_lines", "top_2gram", "top_3gram", "top_4gram", "dup_5gram", "dup_6gram", "dup_7gram", "dup_8gram",
           "dup_9gram", "dup_10gram", "min_punctuated_lines", "max_mean_word_length", "min_alpha_words",
           "min_mean_word_length", "max_new_lines")  # fmt: skip
# language: the columns in order, then the stop words
_TABLE = """
ar .304 .197 .172 .146 .165 .153 .142 .131 .12 .109 .143 9 .787 2 .189 ، في من على إلى عام أن مع أو هو عن التي كان بين ما كانت هي المتحدة بعد
bg .317 .173 .157 .139 .17 .158 .144 .131 .12 .108 .154 10 .756 3 .142 на и в е от за се г. с през да по
cs .311 .206 .183 .165 .168 .157 .145 .133 .121 .109 .06 11 .781 3 .182 v a se na je z s do
da .305 .367 .297 .232 .169 .158 .147 .134 .123 .112 .1 11 .798 3 .182 i og af en til er den at som på for med det blev var der fra de han et
de .263 .169 .153 .137 .141 .134 .126 .117 .108 .098 0 15 .774 0 .152 der und die in von im den des mit das er dem als wurde für
el .31 .194 .175 .156 .174 .163 .153 .142 .13 .119 .167 11 .809 3 .116 του και το της η την από ο με τον να που των στην για στο σε είναι τη τα οι
es .252 .156 .14 .125 .145 .136 .127 .117 .108 .099 .182 14 .825 3 .138 de la en el y a que del los se por un con una las su
fa .246 .189 .164 .143 .157 .147 .137 .127 .117 .107 .2 9 .812 2 .15 در و ، به از که است این را با یک
fi .293 .253 .202 .179 .153 .143 .133 .122 .112 .101 .114 14 .755 3 .161 ja on oli hän vuonna myös joka se ei sen ovat sekä mutta että tai vuoden kanssa hänen s. jälkeen the
fr .264 .161 .149 .134 .15 .141 .131 .121 .111 .1 .1 11 .812 2 .185 de la le et à en l' des du les est d' un une il dans par au
he .34 .239 .202 .173 .16 .151 .14 .129 .118 .108 .2 9 .799 2 .126 של את על הוא עם בשנת גם היה היא לאחר לא ידי בין או כי
hi .206 .208 .198 .161 .135 .125 .116 .108 .099 .09 .091 21 .837 2 .316 के में है की और से का को एक हैं पर
hu .322 .226 .198 .172 .169 .159 .148 .136 .124 .112 .067 15 .766 3 .231 a az és is egy volt hogy nem meg de magyar első el között
id .241 .194 .166 .145 .166 .155 .144 .133 .122 .111 .111 12 .805 3 .157 dan yang di pada dari ini dengan adalah untuk dalam
it .246 .198 .156 .133 .144 .136 .127 .118 .109 .1 .025 21 .807 3 .2 di e il la in a del che è della un per nel l' con da i una
ja .328 .239 .196 .172 .243 .225 .207 .19 .175 .159 .096 6 .759 1 .13 の に を は た て が と で 年 し ・ 月 れ さ
ko .374 .282 .228 .185 .201 .184 .168 .154 .14 .127 .062 6 .791 1 .196 의 다 이 는 에 을 한 년 하 은 를 했 고 에서 가 있 으로 인 월 로 되
nl .296 .213 .182 .158 .156 .146 .136 .126 .115 .104 .102 17 .828 3 .154 de van in het een en is op voor met door zijn werd hij uit
no .283 .204 .175 .15 .146 .139 .128 .119 .11 .099 .107 12 .783 3 .167 i og av som en er til på for ble med den det var han de å fra
pl .32 .222 .198 .176 .172 .16 .148 .136 .123 .111 .087 12 .726 3 .158 w i na z do się roku od a jest przez po jako oraz o został był nie
pt .287 .371 .191 .163 .163 .153 .141 .13 .119 .108 .077 13 .814 3 .186 de a e o em do da que um no uma com para na é foi
ro .289 .161 .146 .131 .16 .149 .138 .127 .117 .106 .081 14 .779 1 .207 de în a și din la o cu este un pe fost care al
ru .322 .184 .164 .146 .168 .156 .145 .133 .121 .109 .231 11 .713 3 .139 в и на с года по году из был к не от что за для его как а он также до после
sv .292 .242 .195 .174 .156 .147 .136 .125 .116 .105 .2 12 .841 3 .135 i och är av en som den med på till att för
th .349 .221 .197 .162 .185 .168 .152 .137 .124 .111 0 10 .9 2 .153 ใน ที่ และ ของ เป็น มี การ ได้
uk .3 .189 .172 .153 .16 .148 .136 .124 .113 .102 .167 11 .694 3 .175 у в на і з та до року за що
vi .293 .223 .197 .171 .178 .163 .15 .136 .124 .111 .333 11 .803 3 .103 là và của một được trong năm các có loài này đã người
zh .287 .256 .201 .171 .198 .182 .167 .154 .14 .127 .106 5 .735 1 .178 的 年 在 月 是 和 日 了 於 · 為 有 被 人 中 为 他 與 後 也 而 由
"""  # noqa: E501


def table() -> dict[str, dict[str, object]]:
    """{language: {threshold: value, "stop_words": [...]}}."""
    found: dict[str, dict[str, object]] = {}
    for line in _TABLE.strip().splitlines():
        code, *values = line.split()
        numbers = [float(value) for value in values[: len(COLUMNS)]]
        words = values[len(COLUMNS) :]
        found[code] = {**EVERY, **dict(zip(COLUMNS, numbers, strict=True)), "stop_words": words}
    return found
