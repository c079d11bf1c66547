import random

import pytest
from symspellpy import SymSpell, Verbosity

from aigc_cli.core.errors import ConfigError
from aigc_cli.postprocess import spelling
from aigc_cli.postprocess.spelling import Speller, misspellings

WORDS = """
the cat receive recipe letter setter better do don't dont's bee been being world word sword account
access address their there three tree trees free
"""
COUNTS = {word: 10**8 + n for n, word in enumerate(WORDS.split())}


def fix(speller, line, confidence=0.5, **more):
    for start, end, word in sorted(misspellings(speller, line, confidence, **more), reverse=True):
        line = line[:start] + word + line[end:]
    return line


def test_candidates_are_those_of_symspell():
    speller, oracle = Speller(COUNTS), SymSpell(2, 7)
    for word, count in COUNTS.items():
        oracle.create_dictionary_entry(word, count)
    rng = random.Random(0)
    for _ in range(300):
        letters = list(rng.choice(speller.words))
        for _ in range(rng.randint(1, 3)):
            place = rng.randrange(len(letters) + 1)
            letters[place : place + rng.randint(0, 1)] = rng.choice(["", "a", "e", "t", "r"])
        word = "".join(letters) or "a"
        wanted = {found.term for found in oracle.lookup(word, Verbosity.ALL, max_edit_distance=2)}
        assert {speller.words[row] for row in speller.candidates(word)} == wanted & set(speller.words), word


def test_swaps_doubles_and_apostrophes_are_cheap():
    speller = Speller({"receive": 10**7, "recipe": 10**8, "don't": 10**7, "done": 10**7, "do": 10**7})
    assert speller.guess("recieve").word == "receive"
    assert speller.guess("dont").word == "don't"
    assert speller.guess("zzzzzz") is None


def test_a_far_rare_word_is_no_match_for_jargon():
    speller = Speller({"jeopardy": 10**6, "receive": 10**8})
    assert speller.guess("kempardy").confidence < 0.5 < 0.9 < speller.guess("recieve").confidence


def test_confidence_is_a_share():
    speller = Speller({"cat": 10**8, "car": 10**8})
    assert speller.guess("caz").confidence == pytest.approx(0.5, abs=0.01)


def test_names_code_and_other_languages_are_left_alone():
    speller = Speller({**COUNTS, "and": 10**9, "is": 10**9, "a": 10**9})
    for line in (
        "Teh cat",
        "the cat and a recieve_it",
        "teh/cat",
        "@recieve the cat",
        "xyzzy plugh frotz ozmoo blorb",
        "the cat is TEH",
        "the teh2 cat",
        "这是 letter",
    ):
        assert fix(speller, line) == line
    assert fix(speller, "the cat is recieve") == "the cat is receive"
    assert fix(speller, "Recieve the cat", capitalised=True) == "Receive the cat"
    assert fix(speller, "it’s the tre’s cat and a world", 1.1) == "it’s the tre’s cat and a world"


def test_bundled_list_knows_english():
    speller = spelling.load()
    assert all(speller.knows(w) for w in ("colour", "color", "neural", "don’t", "website"))
    assert [speller.guess(w).word for w in ("teh", "recieved", "definately", "seperate", "alot")] == [
        "the",
        "received",
        "definitely",
        "separate",
        "a lot",
    ]


def test_dictionary_file(tmp_path):
    (tmp_path / "words.txt").write_text("# mine\nFrobnicate\nquux 12\n")
    assert spelling.read_dictionary(tmp_path / "words.txt") == {"frobnicate": spelling.ADDED_COUNT, "quux": 12}
    (tmp_path / "bad.txt").write_text("two words here\n")
    with pytest.raises(ConfigError, match="line 1"):
        spelling.read_dictionary(tmp_path / "bad.txt")
    with pytest.raises(ConfigError):
        spelling.read_dictionary(tmp_path / "absent.txt")
