"""Whoever builds an engine says which URLs it takes for webhooks."""

import pytest

from tests.databases.lent import NewEngine
from workflow import BadInput
from workflow.testing import officer


def test_a_url_that_is_not_let_pass_is_no_endpoint(new_engine: NewEngine) -> None:
    """What is handed in looks at webhooks' URLs, and at nothing else; what it refuses is not kept."""
    seen = list[str]()

    def vet(url: str) -> None:
        seen.append(url)
        if "inside" in url:
            msg = "Not there."
            raise BadInput(msg, field="url")

    engine = new_engine(vet_url=vet)
    engine.add_endpoint("https://council.example/eoi", actor=officer())
    engine.add_endpoint("officers", via="smtp", actor=officer())
    with pytest.raises(BadInput, match="Not there"):
        engine.add_endpoint("https://inside.example/eoi", actor=officer())
    assert seen == ["https://council.example/eoi", "https://inside.example/eoi"]
    assert sorted(each.url for each in engine.endpoints()) == ["https://council.example/eoi", "list:officers"]
