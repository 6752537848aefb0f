import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.ears import EarsError, parse_ears

WORDS = st.lists(
    st.sampled_from(["engine", "fuel", "valve", "closed", "pressure", "shallow", "alarm"]),
    min_size=1,
    max_size=4,
).map(" ".join)


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        # The six patterns, after Mavin et al., RE'09.
        ("The control system shall prevent engine overspeed.", "ubiquitous"),
        ("When continuous ignition is commanded, the control system shall switch it on.", "event"),
        ("While the aircraft is in flight, the control system shall keep fuel flow.", "state"),
        ("Where the engine has a protector, the control system shall use it.", "optional"),
        ("If the speed is unavailable, then the control system shall use model speed.", "unwanted"),
        (
            "While the aircraft is on the ground, when reverse thrust is commanded, the control "
            "system shall enable the reverser.",
            "complex",
        ),
    ],
)
def test_each_published_pattern_is_read(text: str, pattern: str) -> None:
    assert parse_ears(text).pattern == pattern


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("The pool is shallow at one end.", "'shall' is missing"),
        ("The system should stop.", "'shall' is missing"),
        ("The system shall", "response is missing"),
        ("If the door opens, the lamp shall light.", "needs 'then'"),
        ("When, the lamp shall light.", "trigger is missing"),
        ("A lamp shall light.", "the <system> shall"),
        ("The shall light.", "no system"),
        ("After a while, the lamp shall light.", "must begin with"),
    ],
)
def test_what_is_missing_is_named(text: str, missing: str) -> None:
    with pytest.raises(EarsError, match=missing):
        parse_ears(text)


@given(trigger=WORDS, system=WORDS, response=WORDS)
def test_slots_come_back_as_they_were_put_in(trigger: str, system: str, response: str) -> None:
    found = parse_ears(f"When {trigger}, the {system} shall {response}.")
    assert (found.trigger, found.system, found.response) == (trigger, system, response)


@given(state=WORDS, trigger=WORDS, system=WORDS, response=WORDS)
def test_a_complex_sentence_keeps_all_slots(
    state: str, trigger: str, system: str, response: str
) -> None:
    found = parse_ears(f"While {state}, if {trigger}, then the {system} shall {response}")
    assert found.pattern == "complex"
    assert (found.state, found.trigger) == (state, trigger)
