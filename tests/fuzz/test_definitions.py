"""A drawn share of the definitions of `definitions.py`; the whole of them is a command."""

import runpy
from pathlib import Path

FUZZ = runpy.run_path(str(Path(__file__).with_name("definitions.py")))


def test_fields_at_their_limits_are_refused_in_words_or_run():
    tried, found = FUZZ["run"](share=0.004, seed=20261128)
    assert found == []
    assert tried > 200


def test_definitions_are_the_same_for_the_same_seed():
    drawn = [[str(one) for one in FUZZ["definitions"](["Pooling", "Data"], 0.1, seed)] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_finding_names_the_definition():
    definition = FUZZ["Definition"]("Pooling", "pooling_param.pad", "1", 1, 'layer { name: "l" type: "Nothing" }')
    assert str(definition) == "Pooling, pooling_param.pad: 1"
    assert list(FUZZ["findings"](definition)) == []
