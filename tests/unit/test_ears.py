"""EARS after Mavin, Wilkinson, Harwood, Novak: "Easy Approach to Requirements Syntax", RE'09."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models.rules.ears import EarsError, parse_ears

WORDS = st.lists(
    st.sampled_from(["engine", "fuel", "valve", "closed", "pressure", "shallow", "alarm", "the"]),
    min_size=1,
    max_size=4,
).map(" ".join)
SYSTEMS = st.lists(
    st.sampled_from(["engine", "control", "system", "fuel", "unit"]), min_size=1, max_size=3
).map(" ".join)
CLAUSES = {"where": "feature", "while": "state", "when": "trigger", "if": "trigger"}


@pytest.mark.parametrize(
    ("text", "pattern", "slots"),
    [
        # The paper's own examples, one a pattern, and its complex one.
        (
            "The control system shall prevent engine overspeed.",
            "ubiquitous",
            {"system": "control system", "response": "prevent engine overspeed"},
        ),
        (
            "When continuous ignition is commanded by the aircraft, the control system shall "
            "switch on continuous ignition.",
            "event",
            {"trigger": "continuous ignition is commanded by the aircraft"},
        ),
        (
            "While the aircraft is in-flight, the control system shall maintain engine fuel flow "
            "above XXlbs/sec.",
            "state",
            {"state": "the aircraft is in-flight"},
        ),
        (
            "Where the control system includes an overspeed protection function, the control "
            "system shall test the availability of the overspeed protection function prior to "
            "aircraft dispatch.",
            "optional",
            {"feature": "the control system includes an overspeed protection function"},
        ),
        (
            "If the computed airspeed fault flag is set, then the control system shall use "
            "modelled airspeed.",
            "unwanted",
            {"trigger": "the computed airspeed fault flag is set"},
        ),
        (
            "While the aircraft is on-ground, when reverse thrust is commanded, the control system "
            "shall enable deployment of the thrust reverser.",
            "complex",
            {"state": "the aircraft is on-ground", "trigger": "reverse thrust is commanded"},
        ),
        (
            "Where a buzzer is fitted, while the door is open, if the key is turned, then the car "
            "shall not start.",
            "complex",
            {"feature": "a buzzer is fitted", "response": "not start"},
        ),
        (
            "When a person adds a, b, or c, the ledger shall keep all of them.",
            "event",
            {"trigger": "a person adds a, b, or c"},
        ),
        (
            "While the door is open, while the engine runs, the lamp shall flash.",
            "state",
            {"state": "the door is open, the engine runs"},
        ),
        (
            "  WHEN the   lamp fails , THE unit SHALL tell it . ",
            "event",
            {"trigger": "the lamp fails", "system": "unit", "response": "tell it"},
        ),
    ],
)
def test_each_published_pattern_is_read_with_its_slots(
    text: str, pattern: str, slots: dict[str, str]
) -> None:
    found = parse_ears(text)
    assert found.pattern == pattern
    assert {name: getattr(found, name) for name in slots} == slots


@pytest.mark.parametrize(
    ("text", "missing", "place"),
    [
        ("The pool is shallow at one end.", "'shall' is missing", "at the end"),
        ("The system should stop.", "'shall' is missing", "at character 11, before 'should stop'"),
        ("The system shall", "response is missing", "at the end"),
        ("The system shall .", "response is missing", "at the end"),
        ("If the door opens, the lamp shall light.", "needs 'then'", "before 'the lamp shall"),
        ("When, the lamp shall light.", "trigger is missing", "at character 4"),
        ("While , the lamp shall light.", "state is missing", "at character 6"),
        ("A lamp shall light.", "the <system> shall", "at character 0"),
        ("The shall light.", "no system", "at character 4, before 'shall light'"),
        ("After a while, the lamp shall light.", "must begin with", "at character 0"),
        ("Then the lamp shall light.", "must begin with", "at character 0"),
        ("When it rains the lamp shall light.", "after the comma", "at character 0"),
        ("", "'shall' is missing", "at the end"),
        (", , shall", "the <system> shall", "before 'shall'"),
    ],
)
def test_what_is_missing_is_named_with_its_place(text: str, missing: str, place: str) -> None:
    with pytest.raises(EarsError) as caught:
        parse_ears(text)
    assert missing in str(caught.value)
    assert place in str(caught.value)


@given(trigger=WORDS, system=SYSTEMS, response=WORDS)
def test_slots_come_back_as_they_were_put_in(trigger: str, system: str, response: str) -> None:
    found = parse_ears(f"When {trigger}, the {system} shall {response}.")
    assert (found.trigger, found.system, found.response) == (trigger, system, response)


@given(
    clauses=st.lists(st.tuples(st.sampled_from(sorted(CLAUSES)), WORDS), min_size=1, max_size=4),
    system=SYSTEMS,
    response=WORDS,
)
def test_any_clauses_keep_their_slots_and_give_the_pattern(
    clauses: list[tuple[str, str]], system: str, response: str
) -> None:
    preamble = ", ".join(f"{keyword} {condition}" for keyword, condition in clauses)
    then = "then " if any(keyword == "if" for keyword, _ in clauses) else ""
    found = parse_ears(f"{preamble}, {then}the {system} shall {response}")
    kinds = {keyword for keyword, _ in clauses}
    assert (found.pattern == "complex") == (len(kinds) > 1)
    for slot in ("feature", "state", "trigger"):
        told = [condition for keyword, condition in clauses if CLAUSES[keyword] == slot]
        assert getattr(found, slot) == (", ".join(told) or None)


@given(st.text(max_size=80) | WORDS.map(lambda words: f"{words} shall"))
def test_text_without_a_sentence_is_told_where(text: str) -> None:
    assume("shall" not in text.lower() or text.rstrip(" .").lower().endswith("shall"))
    with pytest.raises(EarsError) as caught:
        parse_ears(text)
    assert 0 <= caught.value.position <= len(text)
